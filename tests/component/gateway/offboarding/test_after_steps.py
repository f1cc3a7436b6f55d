"""What comes after the commit: it is seen, tried again, and ends, whatever dies or is away meanwhile."""

import asyncio

import pytest
from sqlalchemy import select

from core.access.model import Principal
from core.db import Database
from core.errors import TooMany
from gateway.calls.errors import CallsUnavailable
from gateway.customers.models import CustomerRow
from gateway.numbers.models import BindingRow
from gateway.offboarding.errors import AlreadyUnbound
from gateway.offboarding.model import Offboarding, Phase, StepKind, StepState
from gateway.offboarding.ports import OrderState, PhoneOrder
from gateway.offboarding.steps import LEASE
from tests.support.leaving import ONE_ENGINE, LeavingDesk
from tests.support.parallel import at_once

DEVICE = "d" * 32


class QueueFull(TooMany):
    """The phone's queue is full."""

    code = "queue-full"
    zh = "队列已满。"


class Killed(BaseException):
    """The process is gone in this moment."""


@ONE_ENGINE
async def test_a_calls_process_that_is_away_is_asked_until_no_call_is_open(desk: LeavingDesk) -> None:
    call_id = await desk.open_call(await desk.bound(0))
    desk.calls.fault = CallsUnavailable()
    act = await desk.unbind()
    assert act.phase is Phase.WORKING
    step = await desk.step(act.id, StepKind.CALLS)
    assert (step.state, step.reason, step.attempts) == (StepState.RETRYING, "calls-unavailable", 1)
    assert step.next_try_at is not None
    desk.calls.fault = None
    await desk.due(act.id)
    step = await desk.step(act.id, StepKind.CALLS)
    assert (step.state, step.reason) == (StepState.WAITING, "calls-ending")
    await desk.close_call(call_id)
    await desk.due(act.id)
    step = await desk.step(act.id, StepKind.CALLS)
    assert (step.state, step.reason, step.attempts) == (StepState.DONE, None, 3)
    done = await desk.get(act.id)
    assert done.phase is Phase.DONE
    assert done.settled_at == desk.clock.now()


@ONE_ENGINE
async def test_a_phone_that_is_off_waits_and_freezes_when_it_comes(desk: LeavingDesk) -> None:
    phone = desk.phones.add(DEVICE, desk.leaver.employee_id, online=False)
    act = await desk.unbind(successor=False)
    step = await desk.step(act.id, StepKind.FREEZE)
    assert (step.state, step.reason, step.reference) == (StepState.WAITING, "device-offline", DEVICE)
    phone.online = True
    await desk.due(act.id)
    assert phone.frozen
    assert (await desk.get(act.id)).phase is Phase.DONE
    assert len(desk.phones.given("freeze")) == 1


@ONE_ENGINE
async def test_a_full_queue_does_not_keep_the_rest_from_happening(desk: LeavingDesk) -> None:
    phone = desk.phones.add(DEVICE, desk.leaver.employee_id)
    desk.phones.fault = QueueFull()
    act = await desk.unbind(successor=False)
    step = await desk.step(act.id, StepKind.FREEZE)
    assert (step.state, step.reason) == (StepState.RETRYING, "queue-full")
    assert (await desk.step(act.id, StepKind.ACCOUNT)).state is StepState.DONE
    desk.phones.fault = None
    await desk.due(act.id)
    await desk.due(act.id)
    assert phone.frozen
    assert (await desk.get(act.id)).phase is Phase.DONE


async def test_a_broken_phone_wing_does_not_keep_the_account_open(desk: LeavingDesk) -> None:
    phone = desk.phones.add(DEVICE, desk.leaver.employee_id)
    desk.phones.fault = RuntimeError()  # type: ignore[assignment]
    act = await desk.unbind(successor=False)
    assert (await desk.step(act.id, StepKind.ACCOUNT)).state is StepState.DONE
    step = await desk.step(act.id, StepKind.FREEZE)
    assert (step.state, step.reason) == (StepState.RETRYING, "unexpected")
    assert len(await desk.entries("employee.suspended")) == 1
    desk.phones.fault = None
    await desk.due(act.id)
    await desk.due(act.id)
    assert phone.frozen
    assert (await desk.get(act.id)).phase is Phase.DONE


@ONE_ENGINE
async def test_an_order_that_expired_is_given_again(desk: LeavingDesk) -> None:
    phone = desk.phones.add(DEVICE, desk.leaver.employee_id, online=False)
    act = await desk.unbind(successor=False)
    desk.phones.settle(desk.phones.given("freeze")[0], PhoneOrder(OrderState.FAILED, "expired"))
    await desk.due(act.id)
    assert len(desk.phones.given("freeze")) == 2
    phone.online = True
    await desk.due(act.id)
    assert (await desk.step(act.id, StepKind.FREEZE)).state is StepState.DONE


@ONE_ENGINE
async def test_a_wipe_waits_for_a_second_person_and_a_no_is_a_no(desk: LeavingDesk) -> None:
    desk.phones.add(DEVICE, desk.leaver.employee_id)
    act = await desk.unbind(successor=False, wipe=True)
    step = await desk.step(act.id, StepKind.WIPE)
    assert (step.state, step.reason) == (StepState.WAITING, "awaiting-approval")
    desk.phones.settle(desk.phones.given("wipe")[0], PhoneOrder(OrderState.REFUSED, "wipe-refused"))
    await desk.due(act.id)
    done = await desk.get(act.id)
    assert (await desk.step(act.id, StepKind.WIPE)).state is StepState.FAILED
    assert done.phase is Phase.FAILED
    assert done.settled_at is not None
    assert not desk.phones.known[DEVICE].wiped


@ONE_ENGINE
async def test_retry_does_not_wait_for_the_next_turn(desk: LeavingDesk) -> None:
    call_id = await desk.open_call(await desk.bound(0))
    act = await desk.unbind()
    await desk.close_call(call_id)
    await desk.service.retry(desk.admin, act.id)
    await desk.service.settled()
    assert (await desk.get(act.id)).phase is Phase.DONE


async def test_killed_between_commit_and_steps_the_relay_goes_on(desk: LeavingDesk) -> None:
    await desk.bound(0)
    desk.calls.fault = Killed()
    shown = await desk.service.preview(desk.admin, desk.leaver.employee_id, desk.successor.employee_id)
    runner = desk.service.runner
    act = await desk.service.unbind(desk.admin, shown.id, shown.digest)
    with pytest.raises(Killed):
        await asyncio.gather(*desk.service._working)
    assert (await desk.step(act.id, StepKind.CALLS)).state is StepState.WAITING
    desk.calls.fault = None
    relay = desk.build().service
    assert await relay.runner.run_due() == 0, "the dead one's lease holds"
    desk.clock.advance(2 * LEASE)
    assert await relay.runner.run_due() == 1
    assert (await desk.step(act.id, StepKind.CALLS)).state is StepState.DONE
    assert await runner.run_due() == 0


async def test_two_runners_do_a_step_once(desk: LeavingDesk, database_url: str) -> None:
    await desk.bound(0)
    desk.calls.fault = CallsUnavailable()
    await desk.open_call(await desk.bound(1))
    act = await desk.unbind()
    desk.calls.fault = None
    desk.clock.advance(2 * LEASE)
    asked = desk.calls.asked

    async def run(database: Database) -> int:
        return await desk.build(database).service.runner.run_due(act.id)

    tried = await asyncio.to_thread(at_once, database_url, [run] * 3)
    assert sorted(tried) == [0, 0, 1], tried  # type: ignore[type-var]
    assert desk.calls.asked == asked + 1


async def test_of_two_administrators_one_wins_and_the_other_is_told_who_and_when(
    desk: LeavingDesk, database_url: str
) -> None:
    for index in range(3):
        await desk.bound(index)
    shown = {}
    for who in (desk.admin, desk.other_admin):
        shown[who.employee_id] = await desk.service.preview(
            who, desk.leaver.employee_id, desk.successor.employee_id
        )

    def act_as(who: Principal):
        async def act(database: Database) -> Offboarding:
            service = desk.build(database).service
            mine = shown[who.employee_id]
            done = await service.unbind(who, mine.id, mine.digest)
            await service.settled()
            return done

        return act

    steps = [act_as(desk.admin), act_as(desk.other_admin)]
    results = await asyncio.to_thread(at_once, database_url, steps)
    desk.built.clear()
    (won,) = [one for one in results if isinstance(one, Offboarding)]
    (lost,) = [one for one in results if not isinstance(one, Offboarding)]
    assert isinstance(lost, AlreadyUnbound), lost
    assert lost.facts["by"] == won.by
    assert lost.facts["offboarding_id"] == won.id
    assert str(lost.facts["at"]) in lost.message("zh")
    assert len(await desk.entries("offboarding.done")) == 1
    assert len(await desk.entries("employee.suspended")) == 1


async def test_what_was_given_to_the_leaver_in_that_very_moment_follows(desk: LeavingDesk) -> None:
    await desk.bound(0)
    late = await desk.bound(1, desk.stranger)
    await desk.unbind()
    async with desk.database.begin() as session:  # by a transaction that had looked before and wrote after
        (await session.get_one(CustomerRow, late.customer_id)).owner_id = desk.leaver.employee_id
        (await session.get_one(BindingRow, late.id)).employee_id = desk.leaver.employee_id
    await desk.service.sweep()
    async with desk.database.read() as session:
        owners = set(await session.scalars(select(CustomerRow.owner_id)))
        holders = set(await session.scalars(select(BindingRow.employee_id)))
    assert owners == holders == {desk.successor.employee_id}
    (entry,) = await desk.entries("offboarding.swept-up")
    assert entry.body["bindings"] == 1
    await desk.service.sweep()
    assert len(await desk.entries("offboarding.swept-up")) == 1
