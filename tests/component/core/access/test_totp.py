"""The second factor: mandatory for some roles, each code once, recovery codes, counted tries."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from core.access.errors import CodeRefused, LoginLocked, SessionUnknown, TotpAbsent, TotpPresent
from core.access.model import Role
from core.access.models import RecoveryCode, Stage, Totp
from tests.support.access import PASSWORD, SOURCE

STEP = timedelta(seconds=30)


async def test_an_administrator_enrols_at_the_first_login(office, clock):
    made = await office.hire(Role.ADMINISTRATOR)
    who = await office.who(await office.log_in(made.employee.username, made.password))
    opened = await office.access.login.change_password(who, made.password, PASSWORD, source=SOURCE)
    assert opened.stage is Stage.ENROL_TOTP
    who = await office.who(opened)
    assert set(who.grants) == {"account.login", "account.enrol_totp"}
    assert (await office.log_in(made.employee.username)).stage is Stage.ENROL_TOTP
    started = await office.access.login.begin_totp(who)
    assert started.secret not in repr(started)
    code = pyotp.TOTP(started.secret).at(clock.now())
    after, codes = await office.access.login.confirm_totp(who, code, source=SOURCE)
    assert after.stage is Stage.FULL
    assert len(set(codes)) == 10
    assert (await office.who(after)).allows("employee.write")
    assert await office.access.sessions.authenticate(opened.token) is None


async def test_the_password_alone_is_not_enough(office):
    made, _, _ = await office.enrolled(Role.ADMINISTRATOR)
    opened = await office.log_in(made.employee.username)
    assert opened.stage is Stage.TOTP
    assert set((await office.who(opened)).grants) == {"account.login"}


async def test_a_code_works_once(office, clock):
    made, totp, _ = await office.enrolled(Role.ADMINISTRATOR)
    clock.advance(4 * STEP)
    code = totp.at(clock.now())
    first = await office.who(await office.log_in(made.employee.username))
    done = await office.access.login.second_step(first, code, source=SOURCE)
    assert done.stage is Stage.FULL
    assert (await office.who(done)).session_id != first.session_id
    second = await office.who(await office.log_in(made.employee.username))
    for old in (code, totp.at(clock.now() - STEP)):
        with pytest.raises(CodeRefused):
            await office.access.login.second_step(second, old, source=SOURCE)
    clock.advance(STEP)
    assert (
        await office.access.login.second_step(second, totp.at(clock.now()), source=SOURCE)
    ).stage is Stage.FULL


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_one_step_of_drift_is_accepted(office, clock, steps, accepted):
    made, totp, _ = await office.enrolled(Role.ADMINISTRATOR)
    clock.advance(6 * STEP)
    who = await office.who(await office.log_in(made.employee.username))
    code = totp.at(clock.now() + steps * STEP)
    if accepted:
        await office.access.login.second_step(who, code, source=SOURCE)
    else:
        with pytest.raises(CodeRefused):
            await office.access.login.second_step(who, code, source=SOURCE)


async def test_the_code_that_confirmed_does_not_log_in(office, clock):
    made = await office.ready(Role.ADMINISTRATOR)
    who = await office.who(await office.log_in(made.employee.username))
    totp = pyotp.TOTP((await office.access.login.begin_totp(who)).secret)
    code = totp.at(clock.now())
    await office.access.login.confirm_totp(who, code, source=SOURCE)
    again = await office.who(await office.log_in(made.employee.username))
    with pytest.raises(CodeRefused):
        await office.access.login.second_step(again, code, source=SOURCE)


async def test_wrong_codes_lock_the_account(office, clock):
    made, totp, _ = await office.enrolled(Role.ADMINISTRATOR)
    clock.advance(4 * STEP)
    who = await office.who(await office.log_in(made.employee.username))
    for _ in range(4):  # the password took the first try
        with pytest.raises(CodeRefused):
            await office.access.login.second_step(who, "000000", source=SOURCE)
    with pytest.raises(LoginLocked):
        await office.access.login.second_step(who, totp.at(clock.now()), source=SOURCE)
    with pytest.raises(LoginLocked):
        await office.log_in(made.employee.username)


async def test_a_recovery_code_works_once_and_is_told_to_the_ledger(office, database):
    made, _, codes = await office.enrolled(Role.ADMINISTRATOR)
    for expected in (True, False):
        who = await office.who(await office.log_in(made.employee.username))
        typed = codes[0].upper().replace("-", " ")
        if expected:
            assert (await office.access.login.second_step(who, typed, source=SOURCE)).stage is Stage.FULL
        else:
            with pytest.raises(CodeRefused):
                await office.access.login.second_step(who, typed, source=SOURCE)
    assert [kind for kind, _ in await office.ledger()].count("account.recovery-code-used") == 1
    async with database.read() as session:
        hashes = set(await session.scalars(select(RecoveryCode.code_hash)))
        secret = await session.scalar(select(Totp.secret))
    assert not hashes & {code.replace("-", "") for code in codes}
    assert len(secret.raw) > 40


async def test_somebody_elses_recovery_code_is_refused(office):
    _, _, codes = await office.enrolled(Role.ADMINISTRATOR)
    other, _, _ = await office.enrolled(Role.ADMINISTRATOR)
    who = await office.who(await office.log_in(other.employee.username))
    with pytest.raises(CodeRefused):
        await office.access.login.second_step(who, codes[0], source=SOURCE)


async def test_enrolment_has_its_order(office, clock):
    made = await office.ready(Role.ADMINISTRATOR)
    who = await office.who(await office.log_in(made.employee.username))
    with pytest.raises(TotpAbsent):
        await office.access.login.confirm_totp(who, "123456", source=SOURCE)
    first = await office.access.login.begin_totp(who)
    second = await office.access.login.begin_totp(who)
    with pytest.raises(CodeRefused):
        await office.access.login.confirm_totp(who, pyotp.TOTP(first.secret).at(clock.now()), source=SOURCE)
    after, _ = await office.access.login.confirm_totp(
        who, pyotp.TOTP(second.secret).at(clock.now()), source=SOURCE
    )
    with pytest.raises(TotpPresent):
        await office.access.login.begin_totp(await office.who(after))


async def test_a_full_session_cannot_be_had_by_repeating_a_step(office, clock):
    who = await office.full()
    with pytest.raises(CodeRefused):
        await office.access.login.second_step(who, "123456", source=SOURCE)
    made, totp, _ = await office.enrolled(Role.ADMINISTRATOR)
    clock.advance(4 * STEP)
    pending = await office.who(await office.log_in(made.employee.username))
    await office.access.login.second_step(pending, totp.at(clock.now()), source=SOURCE)
    clock.advance(STEP)
    with pytest.raises(SessionUnknown):
        await office.access.login.second_step(pending, totp.at(clock.now()), source=SOURCE)


async def test_step_up_asks_for_the_code_where_there_is_one(office, clock):
    made, totp, _ = await office.enrolled(Role.ADMINISTRATOR)
    clock.advance(4 * STEP)
    pending = await office.who(await office.log_in(made.employee.username))
    who = await office.who(
        await office.access.login.second_step(pending, totp.at(clock.now()), source=SOURCE)
    )
    with pytest.raises(CodeRefused):
        await office.access.login.step_up(who, PASSWORD, None, source=SOURCE)
    clock.advance(STEP)
    raised = await office.access.login.step_up(who, PASSWORD, totp.at(clock.now()), source=SOURCE)
    assert raised.stage is Stage.FULL


async def test_a_removed_factor_ends_sessions_and_asks_for_a_new_one(office):
    made, _, _ = await office.enrolled(Role.ADMINISTRATOR)
    opened = await office.log_in(made.employee.username)
    await office.access.employees.remove_second_factor(office.root, made.employee.id)
    assert await office.access.sessions.authenticate(opened.token) is None
    assert (await office.log_in(made.employee.username)).stage is Stage.ENROL_TOTP
