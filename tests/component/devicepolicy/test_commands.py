"""Commands on both databases: from the order to the phone's word, with what gets lost on the way."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.phone_settings import CommandSettings
from devicepolicy.commands import kinds
from devicepolicy.commands.errors import (
    AckAhead,
    CommandKeyMismatch,
    CommandTooLate,
    CommandUnknown,
    NotWaiting,
    OwnCommand,
    PhoneNotManaged,
    PhoneUnknown,
    WipesExhausted,
)
from devicepolicy.commands.kinds import CommandKind, ErrorCode
from devicepolicy.commands.machine import Approval, Cause, CommandState
from devicepolicy.commands.model import NewCommand
from devicepolicy.commands.models import CommandRow
from devicepolicy.devices.model import Trust
from tests.support.commanding import CommandHouse

K, S = CommandKind, CommandState
PASSWORD = "Zq8!canary-密码"


@pytest.fixture
def house(database: Database, clock: ManualClock) -> CommandHouse:
    return CommandHouse(database, clock)


async def test_a_command_from_the_click_to_the_phones_word(house: CommandHouse) -> None:
    phone = await house.phone()
    command_id = await house.order(phone, kinds.LOCK)
    assert await phone.do_all() == ["LOCK"]
    detail = await house.commands.queries.one(house.admin, command_id)
    assert detail.command.state is S.SUCCEEDED
    assert [event.kind for event in detail.events] == ["issued", "delivered", "acked", "reported"]
    assert [kind for kind, _ in await house.told()] == ["command.issued", "command.finished"]
    assert [(done.state, done.corrected) for done in house.finished] == [(S.SUCCEEDED, False)]
    assert await phone.fetch() == []


async def test_an_answer_that_got_lost_changes_nothing(house: CommandHouse) -> None:
    """Every answer of the server is lost once, and the phone loses power with its memory of numbers."""
    phone = await house.phone()
    command_id = await house.order(phone, kinds.REBOOT)
    await house.commands.queue.pull(phone.device_id, 0)
    assert len(await phone.fetch()) == 1
    await house.commands.queue.acknowledge(phone.device_id, 1)
    leave = await phone.acknowledge()
    assert leave == (command_id,)
    await phone.carry_out(leave)
    phone.acked = 0
    assert await phone.fetch() == []
    await phone.carry_out(await phone.acknowledge())
    await phone.report()
    assert (await phone.report())[command_id] is S.SUCCEEDED
    assert phone.done == [command_id]
    assert await phone.acknowledge() == (), "what is over is not begun again"


async def test_expiry_and_a_late_word(house: CommandHouse) -> None:
    phone = await house.phone()
    unseen = await house.order(phone, kinds.REBOOT)
    assert await house.pass_time(seconds=599) == 1, "asked again"
    assert await phone.fetch() != []
    await house.pass_time(seconds=2)
    assert await phone.fetch() == []
    assert await phone.acknowledge() == (), "no leave to begin"
    detail = await house.commands.queries.one(house.admin, unseen)
    assert (detail.command.state, detail.command.cause) == (S.EXPIRED, Cause.NOT_ACKED)
    # A phone that began nevertheless: what it says is the truth, and it is told as a correction.
    assert await phone.report(unseen) == {unseen: S.SUCCEEDED}
    assert [(done.state, done.corrected) for done in house.finished] == [
        (S.EXPIRED, False),
        (S.SUCCEEDED, True),
    ]


async def test_a_command_can_be_taken_back_until_the_phone_has_acknowledged_it(house: CommandHouse) -> None:
    phone = await house.phone()
    first = await house.order(phone, kinds.LOCK)
    second = await house.order(phone, kinds.LOCK)
    await phone.fetch()
    await house.commands.service.cancel(house.admin, first)
    assert await phone.acknowledge() == (second,)
    with pytest.raises(CommandTooLate):
        await house.commands.service.cancel(house.admin, second)
    with pytest.raises(CommandTooLate):
        await house.commands.service.cancel(house.admin, first)


async def test_a_wipe_needs_a_second_person(house: CommandHouse) -> None:
    phone = await house.phone()
    service = house.commands.service
    wipe = await house.order(phone, kinds.Wipe(), reason="丢失")
    assert await phone.fetch() == []
    with pytest.raises(OwnCommand):
        await service.approve(house.admin, wipe)
    with pytest.raises(Forbidden):
        await service.approve(house.principal(Role.AUDITOR, employee_id="c" * 32), wipe)
    refused = await house.order(phone, kinds.Wipe())
    await service.refuse(house.other_admin, refused, "还没丢")
    with pytest.raises(NotWaiting):
        await service.approve(house.other_admin, refused)
    await service.approve(house.other_admin, wipe)
    with pytest.raises(NotWaiting):
        await service.approve(house.other_admin, wipe)
    assert await phone.do_all() == ["WIPE"]
    detail = await house.commands.queries.one(house.admin, refused)
    assert detail.command.state is S.REJECTED
    assert detail.decision is not None
    assert (detail.decision.reason, detail.decision.approved) == ("还没丢", False)
    kinds_told = [kind for kind, _ in await house.told()]
    assert kinds_told.count("command.approved") == kinds_told.count("command.refused") == 1


async def test_an_approval_that_comes_too_late_does_not_count(house: CommandHouse) -> None:
    phone = await house.phone()
    wipe = await house.order(phone, kinds.Wipe())
    house.clock.advance(timedelta(hours=1))
    with pytest.raises(NotWaiting):
        await house.commands.service.approve(house.other_admin, wipe)
    assert await house.states(phone.device_id) == [(K.WIPE, S.EXPIRED)]
    swept = await house.order(phone, kinds.Wipe())
    assert await house.pass_time(hours=1) == 1
    assert (await house.commands.queries.one(house.admin, swept)).command.cause is Cause.APPROVAL_LATE


async def test_one_person_wipes_only_so_many_phones_an_hour(database: Database, clock: ManualClock) -> None:
    house = CommandHouse(database, clock, CommandSettings(wipes_per_hour=2))
    phones = [await house.phone() for _ in range(4)]
    first, *_ = [await house.order(phone, kinds.Wipe()) for phone in phones[:2]]
    with pytest.raises(WipesExhausted):
        await house.order(phones[2], kinds.Wipe())
    await house.commands.service.approve(house.other_admin, first)
    new = NewCommand(phones[3].device_id, kinds.Wipe())
    await house.commands.service.issue(house.other_admin, new)
    with pytest.raises(WipesExhausted):  # what one approves counts like what one asks for
        await house.commands.service.issue(house.other_admin, new)
    clock.advance(timedelta(minutes=61))
    await house.order(phones[2], kinds.Wipe())


async def test_the_cap_holds_against_many_clicks_at_once(database: Database, clock: ManualClock) -> None:
    house = CommandHouse(database, clock, CommandSettings(wipes_per_hour=3))
    phones = [await house.phone() for _ in range(8)]
    results = await asyncio.gather(
        *(house.order(phone, kinds.Wipe()) for phone in phones), return_exceptions=True
    )
    assert sum(isinstance(result, str) for result in results) == 3
    assert sum(isinstance(result, WipesExhausted) for result in results) == 5


async def test_a_password_is_sealed_erased_once_the_phone_has_it_and_told_to_nobody(
    house: CommandHouse, caplog: pytest.LogCaptureFixture
) -> None:
    phone = await house.phone()
    what = kinds.ResetPassword(PASSWORD, frozenset({kinds.PasswordFlag.LOCK_NOW}))
    assert PASSWORD not in repr(what)
    command_id = await house.order(phone, what)
    async with house.database.read() as session:
        row = await session.get_one(CommandRow, command_id)
        assert row.parameters is not None
        assert PASSWORD.encode() not in row.parameters.raw
        assert row.parameters_mac is None
    detail = await house.commands.queries.one(house.admin, command_id)
    assert detail.parameters == {"type": "RESET_PASSWORD", "resetPasswordFlags": ["LOCK_NOW"]}
    (fresh,) = await phone.fetch()
    assert fresh["newPassword"] == PASSWORD
    leave = await phone.acknowledge()
    async with house.database.read() as session:
        assert (await session.get_one(CommandRow, command_id)).parameters is None
    # A phone that lost its journal after that cannot have it again: it is asked, and says that it failed.
    phone.kept.clear()
    assert await phone.fetch(forget=True) == []
    assert phone.wanted == leave == (command_id,)
    await phone.report(command_id, error=ErrorCode.UNKNOWN)
    assert await house.states(phone.device_id) == [(K.RESET_PASSWORD, S.FAILED)]
    assert PASSWORD not in str(await house.told("")) + caplog.text


async def test_a_phone_has_nothing_to_do_with_anothers_commands(house: CommandHouse) -> None:
    mine, other = await house.phone(), await house.phone()
    command_id = await house.order(mine, kinds.LOCK)
    await mine.fetch()
    assert await other.fetch() == []
    with pytest.raises(AckAhead):
        await house.commands.queue.acknowledge(other.device_id, 1)
    assert await other.report(command_id) == {command_id: None}
    assert await house.states(mine.device_id) == [(K.LOCK, S.DELIVERED)]
    with pytest.raises(AckAhead) as ahead:
        await house.commands.queue.acknowledge(mine.device_id, 2)
    assert ahead.value.facts == {"delivered_seq": 1}


async def test_numbers_of_a_phone_never_repeat_and_never_stand_still(house: CommandHouse) -> None:
    phone, other = await house.phone(), await house.phone()
    await asyncio.gather(*(house.order(one, kinds.REBOOT) for one in [phone, other] * 6))
    for one in (phone, other):
        assert sorted(command["seq"] for command in await one.fetch()) == list(range(1, 7))


async def test_only_managed_phones_take_commands(house: CommandHouse) -> None:
    for trust in (Trust.PENDING, Trust.REJECTED, Trust.RELEASED):
        phone = await house.phone(trust=trust)
        with pytest.raises(PhoneNotManaged):
            await house.order(phone, kinds.LOCK)
    with pytest.raises(PhoneUnknown):
        await house.commands.service.issue(house.admin, NewCommand("f" * 32, kinds.LOCK))


async def test_the_same_key_gives_the_same_command(house: CommandHouse) -> None:
    phone = await house.phone()
    ids = await asyncio.gather(*(house.order(phone, kinds.LOCK, idempotency_key="k") for _ in range(4)))
    assert len(set(ids)) == 1
    with pytest.raises(CommandKeyMismatch):
        await house.order(phone, kinds.REBOOT, idempotency_key="k")


async def test_readers_see_their_team_and_issue_nothing(house: CommandHouse) -> None:
    (north, north_path), (south, _) = await house.department("北"), await house.department("南")
    mine = await house.phone(employee_id="1" * 32, department_id=north)
    strange = await house.phone(employee_id="2" * 32, department_id=south)
    seen = await house.order(mine, kinds.Wipe())
    unseen = await house.order(strange, kinds.Wipe())
    chief = house.principal(Role.SUPERVISOR, employee_id="c" * 32, path=north_path, department_id=north)
    found, _ = await house.commands.queries.listing(chief)
    assert [view.id for view in found] == [seen]
    with pytest.raises(CommandUnknown):
        await house.commands.queries.one(chief, unseen)
    with pytest.raises(CommandUnknown):
        await house.commands.service.approve(chief, unseen)
    with pytest.raises(Forbidden):
        await house.commands.service.issue(chief, NewCommand(mine.device_id, kinds.LOCK))
    approved = await house.commands.service.approve(chief, seen)
    assert approved.approval is Approval.GIVEN
    with pytest.raises(Forbidden):
        await house.commands.queries.listing(house.principal(Role.AGENT))


async def test_a_caller_orders_within_its_own_transaction(house: CommandHouse) -> None:
    """What offboarding does: the order, the wake and the rest stand or fall together."""
    phone = await house.phone()
    connection = house.hub.join(phone.device_id)
    new = NewCommand(phone.device_id, kinds.LOCK)

    async def half() -> None:
        async with house.database.begin() as session:
            await house.commands.service.issue_in(session, new, issued_by=None)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await half()
    assert connection.waiting == {}
    assert await phone.fetch() == []
    async with house.database.begin() as session:
        await house.commands.service.issue_in(session, new, issued_by=None)
        async with session.begin_nested():
            await session.execute(text("SELECT 1"))
        assert connection.waiting == {}, "not before the commit"
    assert [look.text() for look in connection.take()] == ['{"look":"commands","version":1}']
    assert await phone.do_all() == ["LOCK"]


async def test_what_a_released_phone_was_to_do_is_taken_back(house: CommandHouse) -> None:
    phone = await house.phone()
    for what in (kinds.LOCK, kinds.Wipe(), kinds.REBOOT):
        await house.order(phone, what)
    await phone.fetch()
    await house.commands.queue.acknowledge(phone.device_id, 1)
    async with house.database.begin() as session:
        assert await house.commands.service.cancel_open_in(session, phone.device_id, by=None) == 2
    assert await house.states(phone.device_id) == [
        (K.LOCK, S.ACKED),
        (K.WIPE, S.CANCELED),
        (K.REBOOT, S.CANCELED),
    ]


async def test_nothing_of_an_order_is_readable_in_the_database(house: CommandHouse) -> None:
    phone = await house.phone()
    canary = "canary-4711"
    message = kinds.Message(canary)
    await house.order(phone, kinds.StartLostMode(message=message), reason=canary)
    async with house.database.read() as session:
        rows = (await session.execute(select(CommandRow.__table__))).all()
    assert rows
    assert canary.encode() not in b"".join(
        bytes(value.raw) for row in rows for value in row if hasattr(value, "raw")
    )
    assert canary not in repr(rows)


async def test_what_has_expired_since_the_acknowledgement_is_asked_for_and_not_given_out_again(
    house: CommandHouse,
) -> None:
    """A phone would refuse the token; whether it had begun in time only it can tell."""
    phone = await house.phone()
    command_id = await house.order(phone, kinds.REBOOT)
    await phone.fetch()
    await phone.carry_out(await phone.acknowledge())
    await house.pass_time(minutes=11)
    assert await phone.fetch(forget=True) == []
    assert phone.wanted == (command_id,)
    await phone.report()
    assert await house.states(phone.device_id) == [(K.REBOOT, S.SUCCEEDED)]


async def test_token_and_command_end_at_the_same_moment(house: CommandHouse) -> None:
    house.clock.advance(timedelta(milliseconds=700))
    phone = await house.phone()
    await house.order(phone, kinds.REBOOT)
    house.clock.advance(timedelta(seconds=599, milliseconds=200))
    assert len(await phone.fetch()) == 1, "a token that is given out is one that holds"
    house.clock.advance(timedelta(milliseconds=200))
    assert await phone.acknowledge() == ()
