"""Undoing within its time: the account works, what nobody touched goes back, the rest is named."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.access.models import Employee, EmployeeState
from gateway.customers.model import CustomerChange
from gateway.customers.models import CustomerRow
from gateway.messages.models import ThreadRow
from gateway.numbers.models import BindingRow
from gateway.offboarding import errors
from gateway.offboarding.model import Phase, StepKind, StepState
from tests.support.leaving import ONE_ENGINE, LeavingDesk

DEVICE = "d" * 32


async def test_what_nobody_touched_goes_back_as_it_was(desk: LeavingDesk) -> None:
    bindings = [await desk.bound(index) for index in range(3)]
    await desk.send(bindings[0], "您好。")
    await desk.send(bindings[1], "您好。")
    act = await desk.unbind()
    desk.clock.advance(timedelta(minutes=10))
    await desk.send(bindings[0], "您好，我接手了。", by=desk.successor)
    await desk.desk.customers.update(desk.successor, bindings[2].customer_id, CustomerChange(city="上海"))
    undone = await desk.service.undo(desk.admin, act.id)
    assert (undone.customers, undone.bindings, undone.threads) == (1, 1, 1)
    assert (undone.kept_customers, undone.kept_bindings) == (2, 2)
    assert undone.offboarding.phase is Phase.UNDONE
    async with desk.database.read() as session:
        state = (await session.get_one(Employee, desk.leaver.employee_id)).state
        customers = {row.id: row for row in await session.scalars(select(CustomerRow))}
        rows = {row.id: row for row in await session.scalars(select(BindingRow))}
        threads = {row.binding_id: row for row in await session.scalars(select(ThreadRow))}
    assert state is EmployeeState.ACTIVE
    back = bindings[1]
    assert customers[back.customer_id].owner_id == desk.leaver.employee_id
    assert rows[back.id].employee_id == threads[back.id].employee_id == desk.leaver.employee_id
    assert rows[back.id].direct_dial == back.direct_dial
    for kept in (bindings[0], bindings[2]):
        assert customers[kept.customer_id].owner_id == desk.successor.employee_id
        assert rows[kept.id].employee_id == desk.successor.employee_id
    (entry,) = await desk.entries("offboarding.undone")
    assert entry.body["customers"] == 1
    assert entry.body["kept_customers"] == 2


@ONE_ENGINE
async def test_a_frozen_phone_is_unfrozen_and_an_order_on_its_way_is_taken_back(desk: LeavingDesk) -> None:
    on = desk.phones.add(DEVICE, desk.leaver.employee_id)
    off = desk.phones.add("e" * 32, desk.leaver.employee_id, online=False)
    act = await desk.unbind(successor=False, wipe=True)
    assert on.frozen
    await desk.service.undo(desk.admin, act.id)
    await desk.service.settled()
    await desk.due(act.id)
    off.online = True
    shown = await desk.get(act.id)
    states = sorted((step.kind.value, step.state.value) for step in shown.steps if step.reference)
    assert states == [
        ("freeze", "cancelled"), ("freeze", "done"), ("unfreeze", "done"),
        ("wipe", "cancelled"), ("wipe", "cancelled"),
    ]  # fmt: skip
    assert not on.frozen
    assert not off.frozen
    assert shown.settled_at is not None


@ONE_ENGINE
async def test_after_its_time_and_twice_it_cannot_be_undone(desk: LeavingDesk) -> None:
    act = await desk.unbind(successor=False)
    assert act.can_undo
    desk.clock.advance(timedelta(minutes=31))
    assert not (await desk.get(act.id)).can_undo
    with pytest.raises(errors.UndoTooLate):
        await desk.service.undo(desk.admin, act.id)


async def test_after_an_undoing_the_same_employee_can_be_unbound_again(desk: LeavingDesk) -> None:
    await desk.bound(0)
    first = await desk.unbind()
    await desk.service.undo(desk.admin, first.id)
    with pytest.raises(errors.UndoTooLate):
        await desk.service.undo(desk.admin, first.id)
    second = await desk.unbind()
    assert (second.id != first.id, second.phase) == (True, Phase.DONE)


@ONE_ENGINE
async def test_an_account_given_back_by_hand_ends_what_is_still_open(desk: LeavingDesk) -> None:
    desk.phones.add(DEVICE, desk.leaver.employee_id, online=False)
    act = await desk.unbind(successor=False)
    await desk.access.employees.reactivate(desk.admin, desk.leaver.employee_id)
    step = await desk.step(act.id, StepKind.FREEZE)
    assert (step.state, step.reason) == (StepState.CANCELLED, "reactivated")
    with pytest.raises(errors.UndoTooLate):
        await desk.service.undo(desk.admin, act.id)


@ONE_ENGINE
async def test_somebody_who_was_suspended_before_stays_so(desk: LeavingDesk) -> None:
    await desk.access.employees.suspend(desk.admin, desk.leaver.employee_id)
    act = await desk.unbind(successor=False)
    await desk.service.undo(desk.admin, act.id)
    async with desk.database.read() as session:
        assert (await session.get_one(Employee, desk.leaver.employee_id)).state is EmployeeState.SUSPENDED
