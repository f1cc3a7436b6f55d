"""Unbinding over the real commands: the order is queued in its transaction, its end is seen."""

import pytest
from sqlalchemy import select

from core.access.model import Role
from devicepolicy.commands.kinds import CommandKind, ErrorCode
from devicepolicy.commands.models import CommandRow
from devicepolicy.devices.models import DeviceRow
from gateway.offboarding.errors import PhoneUnknown
from gateway.offboarding.model import Phase, StepKind, StepState
from gateway.offboarding.ports import OrderState
from gateway.offboarding.rebinding import RebindRequest
from maskline.wiring.freezer import FleetFreezer
from tests.support.commanding import Agent, CommandHouse
from tests.support.leaving import ONE_ENGINE, LeavingDesk


class Giver:
    """Gives phones away without asking."""

    async def assign_in(self, session, device_id, employee_id, *, by):
        (await session.get_one(DeviceRow, device_id)).employee_id = employee_id


@pytest.fixture
def commands(desk: LeavingDesk) -> CommandHouse:
    house = CommandHouse(desk.database, desk.clock)
    desk.phones = FleetFreezer(house.commands.service, Giver())  # type: ignore[assignment]
    desk.parts = desk.build()
    return house


@pytest.fixture
async def phone(desk: LeavingDesk, commands: CommandHouse) -> Agent:
    return await commands.phone(employee_id=desk.leaver.employee_id, department_id=desk.first.id)


async def test_the_lock_is_queued_with_the_act_and_done_when_the_phone_says_so(
    desk: LeavingDesk, commands: CommandHouse, phone: Agent
) -> None:
    await desk.bound(0)
    act = await desk.unbind()
    step = await desk.step(act.id, StepKind.FREEZE)
    assert (step.state, step.reference) == (StepState.WAITING, phone.device_id)
    assert step.reason in {"queued", "device-offline"}, "nothing is sent before the phone has fetched it"
    assert act.phase is Phase.WORKING
    assert await phone.do_all() == ["LOCK"]
    await desk.due(act.id)
    assert (await desk.step(act.id, StepKind.FREEZE)).state is StepState.DONE
    await desk.service.undo(desk.admin, act.id)
    await desk.service.settled()
    assert await phone.do_all() == ["LOCK", "UNLOCK"]
    await desk.due(act.id)
    assert (await desk.step(act.id, StepKind.UNFREEZE)).state is StepState.DONE


@ONE_ENGINE
async def test_a_wipe_needs_a_second_person_and_an_undoing_takes_it_back(
    desk: LeavingDesk, commands: CommandHouse, phone: Agent
) -> None:
    act = await desk.unbind(successor=False, wipe=True)
    assert (await desk.step(act.id, StepKind.WIPE)).reason == "awaiting-approval"
    assert await phone.do_all() == ["LOCK"]
    await desk.service.undo(desk.admin, act.id)
    await desk.service.settled()
    assert (await desk.step(act.id, StepKind.WIPE)).state is StepState.CANCELLED
    assert "WIPE" not in await phone.do_all()


@ONE_ENGINE
async def test_a_refused_wipe_has_failed_and_a_phone_that_cannot_is_not_asked_for_ever(
    desk: LeavingDesk, commands: CommandHouse, phone: Agent
) -> None:
    act = await desk.unbind(successor=False, wipe=True)
    async with desk.database.read() as session:
        wipe = await session.scalar(select(CommandRow.id).where(CommandRow.kind == CommandKind.WIPE))
        lock = await session.scalar(select(CommandRow.id).where(CommandRow.kind == CommandKind.LOCK))
    assert wipe is not None
    assert lock is not None
    await commands.commands.service.refuse(commands.other_admin, wipe)
    await phone.fetch()
    await phone.acknowledge()
    await phone.report(lock, error=ErrorCode.UNSUPPORTED)
    await desk.due(act.id)
    found = {step.kind: (step.state, step.reason) for step in (await desk.get(act.id)).steps}
    assert found[StepKind.WIPE] == (StepState.FAILED, "approval-refused")
    assert found[StepKind.FREEZE] == (StepState.FAILED, "unsupported")
    assert (await desk.get(act.id)).phase is Phase.FAILED


@ONE_ENGINE
async def test_the_end_of_an_order_is_looked_at_without_waiting_for_the_turn(
    desk: LeavingDesk, commands: CommandHouse, phone: Agent
) -> None:
    act = await desk.unbind(successor=False)
    await phone.do_all()
    async with desk.database.begin() as session:
        order = await session.scalar(select(CommandRow.id))
        assert order is not None
        assert (await desk.phones.order(session, order)).state is OrderState.DONE
        await desk.service.runner.hasten(session, order)
    await desk.service.sweep()
    assert (await desk.get(act.id)).phase is Phase.DONE


@ONE_ENGINE
async def test_the_phone_goes_to_a_new_employee_by_one_scan(
    desk: LeavingDesk, commands: CommandHouse, phone: Agent
) -> None:
    await desk.unbind(successor=False)
    newcomer = await desk.person(Role.AGENT, department=desk.first)
    request = RebindRequest(newcomer.employee_id, device_id=phone.device_id)
    code = await desk.parts.rebinding.create(desk.supervisor, request)
    taken = await desk.parts.rebinding.redeem(newcomer, code.text)
    assert taken.device_id == phone.device_id
    assert await phone.do_all() == ["LOCK", "UNLOCK"]
    async with desk.database.read() as session:
        row = await session.get_one(DeviceRow, phone.device_id)
        assert row.employee_id == newcomer.employee_id
    with pytest.raises(PhoneUnknown):
        await desk.parts.rebinding.create(
            desk.supervisor, RebindRequest(newcomer.employee_id, device_id="0" * 32)
        )
