"""Logging in: one answer for every wrong try, lock-out, idle and absolute time-out, no fixation."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.access.errors import LoginLocked, LoginRefused, PasswordWeak, SessionUnknown
from core.access.model import Role
from core.access.models import Employee, LoginAttempts, Session, Stage
from core.access.sessions import hash_token
from tests.support.access import PASSWORD, SOURCE


async def test_a_new_employee_must_change_the_generated_password(office):
    made = await office.hire()
    opened = await office.log_in(made.employee.username, made.password)
    assert opened.stage is Stage.CHANGE_PASSWORD
    who = await office.who(opened)
    assert set(who.grants) == {"account.login", "account.password"}
    after = await office.access.login.change_password(who, made.password, PASSWORD, source=SOURCE)
    assert after.stage is Stage.FULL
    assert (await office.who(after)).scope("widget.read") is not None
    assert await office.access.sessions.authenticate(opened.token) is None


async def test_names_have_no_case(office):
    made = await office.ready(username="Zhang.San")
    assert made.employee.username == "zhang.san"
    assert (await office.log_in("  ZHANG.san ")).stage is Stage.FULL


async def test_wrong_unknown_and_suspended_get_the_same_answer(office):
    made = await office.ready()
    gone = await office.ready()
    await office.access.employees.suspend(office.root, gone.employee.id)
    answers = []
    for name, password in (
        (made.employee.username, "wrong password"),
        ("nobody", PASSWORD),
        (gone.employee.username, PASSWORD),
    ):
        with pytest.raises(LoginRefused) as caught:
            await office.log_in(name, password)
        answers.append((caught.value.code, caught.value.message("zh"), caught.value.facts))
    assert len({str(answer) for answer in answers}) == 1


async def test_an_unknown_name_costs_the_same_hash_and_the_same_rows(office, monkeypatch):
    made = await office.ready()
    passwords = office.access.login._passwords
    checked = []
    real = passwords._matches
    monkeypatch.setattr(
        passwords, "_matches", lambda stored, password: checked.append(stored) or real(stored, password)
    )
    counts = []
    for name in (made.employee.username, "nobody"):
        before = len(await office.ledger())
        with pytest.raises(LoginRefused):
            await office.log_in(name, "wrong password")
        counts.append((len(checked), len(await office.ledger()) - before))
    assert counts == [(1, 1), (2, 1)]
    assert all(stored.startswith("$argon2id$") for stored in checked)


@pytest.mark.parametrize("known", [True, False])
async def test_five_wrong_tries_lock_even_the_right_password(office, clock, known):
    made = await office.ready()
    name = made.employee.username if known else "nobody"
    for _ in range(5):
        with pytest.raises(LoginRefused):
            await office.log_in(name, "wrong password")
    with pytest.raises(LoginLocked) as caught:
        await office.log_in(name)
    assert caught.value.facts == {"retry_after_s": 30}
    clock.advance(timedelta(seconds=31))
    if known:
        assert (await office.log_in(name)).stage is Stage.FULL
    else:
        with pytest.raises(LoginRefused):
            await office.log_in(name)


async def test_the_wait_doubles_up_to_its_cap_and_success_forgets(office, clock):
    made = await office.ready()
    name = made.employee.username
    waits = []
    for _ in range(12):
        try:
            await office.log_in(name, "wrong password", source=f"192.0.2.{len(waits) + 10}")
        except LoginRefused:
            continue
        except LoginLocked as error:
            waits.append(error.facts["retry_after_s"])
            clock.advance(timedelta(seconds=waits[-1]))
    assert waits == [30, 60, 120, 240]
    for _ in range(10):
        with pytest.raises((LoginRefused, LoginLocked)) as caught:
            await office.log_in(name, "wrong password", source="198.51.100.1")
        if isinstance(caught.value, LoginLocked):
            waits.append(caught.value.facts["retry_after_s"])
            clock.advance(timedelta(seconds=waits[-1]))
    assert max(waits) == office.settings.security.lockout_s
    clock.advance(timedelta(seconds=900))
    assert (await office.log_in(name)).stage is Stage.FULL
    with pytest.raises(LoginRefused):
        await office.log_in(name, "wrong password")


async def test_parallel_guesses_cannot_pass_the_limit(office):
    made = await office.ready()
    tries = (office.log_in(made.employee.username, f"wrong password {number}") for number in range(12))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, LoginRefused)]
    assert len(refused) == 5
    assert all(isinstance(answer, LoginRefused | LoginLocked) for answer in answers)


async def test_one_source_cannot_try_many_names(office):
    for number in range(30):
        with pytest.raises(LoginRefused):
            await office.log_in(f"name{number}", "wrong password")
    with pytest.raises(LoginLocked):
        await office.log_in("name99", "wrong password")
    with pytest.raises(LoginRefused):
        await office.log_in("name99", "wrong password", source="198.51.100.9")


async def test_success_does_not_buy_a_source_more_tries(office, database):
    made = await office.ready()
    for number in range(3):
        with pytest.raises(LoginRefused):
            await office.log_in(f"name{number}", "wrong password")
    await office.log_in(made.employee.username)
    async with database.read() as session:
        row = await session.get(LoginAttempts, f"source:{SOURCE}")
        names = await session.scalars(select(LoginAttempts.key).where(LoginAttempts.key.like("account:%")))
        assert row.tries == 3
        assert not any("name" in key for key in names)


async def test_a_session_ends_by_idling(office, clock):
    made = await office.ready()
    opened = await office.log_in(made.employee.username)
    for _ in range(3):
        clock.advance(timedelta(seconds=1700))
        assert await office.access.sessions.authenticate(opened.token) is not None
    clock.advance(timedelta(seconds=1801))
    assert await office.access.sessions.authenticate(opened.token) is None


async def test_a_session_ends_by_age_however_busy(office, clock):
    made = await office.ready()
    opened = await office.log_in(made.employee.username)
    end = clock.now() + timedelta(seconds=office.settings.security.session_absolute_s)
    assert opened.expires_at == end
    while clock.now() + timedelta(seconds=1000) < end:
        clock.advance(timedelta(seconds=1000))
        assert await office.access.sessions.authenticate(opened.token) is not None
    clock.set(end)
    assert await office.access.sessions.authenticate(opened.token) is None


async def test_an_unfinished_login_ends_soon(office, clock):
    made = await office.hire()
    opened = await office.log_in(made.employee.username, made.password)
    clock.advance(timedelta(seconds=601))
    assert await office.access.sessions.authenticate(opened.token) is None


async def test_only_the_hash_of_a_token_is_stored(office, database):
    made = await office.ready()
    opened = await office.log_in(made.employee.username)
    assert len(opened.token) >= 43
    assert opened.token not in repr(opened)
    async with database.read() as session:
        stored = set(await session.scalars(select(Session.token_hash)))
    assert hash_token(opened.token) in stored
    assert opened.token not in stored
    assert await office.access.sessions.authenticate(hash_token(opened.token)) is None


async def test_every_step_gives_a_new_token(office):
    made = await office.ready()
    first = await office.log_in(made.employee.username)
    second = await office.log_in(made.employee.username)
    assert first.token != second.token
    who = await office.who(second)
    raised = await office.access.login.step_up(who, PASSWORD, None, source=SOURCE)
    assert await office.access.sessions.authenticate(second.token) is None
    assert await office.access.sessions.authenticate(first.token) is not None
    assert raised.expires_at == second.expires_at
    with pytest.raises(SessionUnknown):
        await office.access.login.step_up(who, PASSWORD, None, source=SOURCE)


async def test_step_up_needs_the_password_and_renews_the_proof(office, clock):
    who = await office.full()
    clock.advance(timedelta(minutes=20))
    with pytest.raises(LoginRefused):
        await office.access.login.step_up(who, "wrong password", None, source=SOURCE)
    raised = await office.access.login.step_up(who, PASSWORD, None, source=SOURCE)
    assert (await office.who(raised)).verified_at == clock.now()


async def test_log_out(office):
    made = await office.ready()
    opened = await office.log_in(made.employee.username)
    await office.access.login.log_out(await office.who(opened))
    assert await office.access.sessions.authenticate(opened.token) is None


async def test_changing_the_password_ends_the_other_sessions(office):
    made = await office.ready()
    other = await office.log_in(made.employee.username)
    who = await office.who(await office.log_in(made.employee.username))
    with pytest.raises(LoginRefused):
        await office.access.login.change_password(
            who, "wrong password", "another fine sentence", source=SOURCE
        )
    with pytest.raises(PasswordWeak):
        await office.access.login.change_password(who, PASSWORD, "password1234", source=SOURCE)
    after = await office.access.login.change_password(who, PASSWORD, "another fine sentence", source=SOURCE)
    assert await office.access.sessions.authenticate(other.token) is None
    assert await office.access.sessions.authenticate(after.token) is not None
    with pytest.raises(LoginRefused):
        await office.log_in(made.employee.username)


async def test_an_old_hash_is_renewed_at_the_next_login(office, database, monkeypatch):
    made = await office.ready()
    async with database.read() as session:
        before = (await session.get(Employee, made.employee.id)).password_hash
    office.access.login._passwords._hasher = type(office.access.login._passwords._hasher)(
        time_cost=2, memory_cost=16, parallelism=1
    )
    await office.log_in(made.employee.username)
    async with database.read() as session:
        after = (await session.get(Employee, made.employee.id)).password_hash
    assert "t=2" in after
    assert before != after
    assert (await office.log_in(made.employee.username)).stage is Stage.FULL


async def test_the_sweep_takes_what_is_over(office, database, clock):
    made = await office.ready()
    await office.log_in(made.employee.username)
    with pytest.raises(LoginRefused):
        await office.log_in("nobody", "wrong password")
    clock.advance(timedelta(days=2))
    opened = await office.log_in(made.employee.username)
    async with database.begin() as session:
        await office.access.sweep(session)
    async with database.read() as session:
        assert list(await session.scalars(select(Session.id))) == [opened.session_id]
        left = set(await session.scalars(select(LoginAttempts.key)))
    assert left == {f"source:{SOURCE}"}


async def test_the_ledger_knows_ids_and_nothing_else(office):
    made = await office.ready(Role.AGENT, username="zhangsan")
    with pytest.raises(LoginRefused):
        await office.log_in("zhangsan", "wrong password")
    await office.log_in("zhangsan")
    entries = await office.ledger()
    assert [kind for kind, _ in entries] == [
        "employee.created",
        "login.password-accepted",
        "account.password-changed",
        "login.refused",
        "login.password-accepted",
    ]
    assert all(body["employee_id"] == made.employee.id for _, body in entries)
    assert not any(word in str(entries) for word in ("zhangsan", "员工", SOURCE, PASSWORD))
