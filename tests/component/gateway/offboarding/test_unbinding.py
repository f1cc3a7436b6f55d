"""One click takes an employee out of everything; either all of it happens or nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core.access.errors import EmployeeUnknown, LastAdministrator, SelfChange
from core.access.model import Role
from core.access.models import Employee, EmployeeState, Session
from core.errors import Forbidden
from core.ids import new_id
from gateway.calls.models import RegistrationRow
from gateway.customers.models import CustomerRow
from gateway.customers.phone import PhoneNumber
from gateway.messages.model import MessageState
from gateway.messages.models import MessageRow, ThreadRow
from gateway.numbers.models import BindingRow
from gateway.offboarding import errors
from gateway.offboarding.model import Phase, StepKind, StepState
from gateway.offboarding.models import OffboardingRow
from tests.support.leaving import CANARY_NAME, HELD_WORD, ONE_ENGINE, LeavingDesk


async def test_everything_changes_hands_in_one_transaction(desk: LeavingDesk) -> None:
    bindings = [await desk.bound(index) for index in range(3)]
    await desk.log_in(desk.leaver)
    await desk.register(desk.leaver)
    held = await desk.send(bindings[0], f"{HELD_WORD}，您放心。")
    desk.phones.add("d" * 32, desk.leaver.employee_id)
    act = await desk.unbind()
    async with desk.database.read() as session:
        assert (await session.get_one(Employee, desk.leaver.employee_id)).state is EmployeeState.SUSPENDED
        for table, column in ((Session, Session.employee_id), (RegistrationRow, RegistrationRow.employee_id)):
            count = select(func.count()).select_from(table).where(column == desk.leaver.employee_id)
            assert await session.scalar(count) == 0
        for table, whose in (
            (CustomerRow, CustomerRow.owner_id), (BindingRow, BindingRow.employee_id),
            (ThreadRow, ThreadRow.employee_id),
        ):  # fmt: skip
            owners = set(await session.scalars(select(whose).select_from(table)))
            assert owners == {desk.successor.employee_id}
        message = await session.get_one(MessageRow, held)
        assert (message.state, message.employee_id) == (MessageState.BLOCKED, desk.leaver.employee_id)
        dialled = await desk.desk.bindings.resolve_dial(
            session, desk.successor.employee_id, bindings[1].token
        )
        assert dialled is not None
        assert (
            await desk.desk.bindings.resolve_dial(session, desk.leaver.employee_id, bindings[1].token) is None
        )
        number = PhoneNumber.parse("13800130001")
        inbound = await desk.desk.bindings.resolve_inbound(session, desk.line.number, number)
        assert inbound is not None
        assert inbound.employee_id == desk.successor.employee_id
    assert desk.phones.known["d" * 32].frozen
    assert act.phase is Phase.DONE
    counts = {step.kind: (step.state, step.count) for step in act.steps}
    assert counts[StepKind.CUSTOMERS] == (StepState.DONE, 3)
    assert counts[StepKind.SESSIONS] == (StepState.DONE, 1)
    assert counts[StepKind.MESSAGES] == (StepState.DONE, 1)
    assert counts[StepKind.FREEZE] == (StepState.DONE, 1)
    (entry,) = await desk.entries("offboarding.done")
    assert entry.body["plan_sha256"] == act.digest
    assert entry.body["counts"]["customers"] == 3
    assert [entry.body["kind"] for entry in await desk.entries("offboarding.step")] == ["calls", "freeze"]


@ONE_ENGINE
async def test_the_preview_counts_and_names_and_does_nothing(desk: LeavingDesk) -> None:
    binding = await desk.bound(0)
    await desk.log_in(desk.leaver)
    await desk.open_call(binding)
    shown = await desk.service.preview(desk.admin, desk.leaver.employee_id, desk.successor.employee_id)
    found = {effect.kind: effect for effect in shown.effects}
    assert found[StepKind.CUSTOMERS].count == found[StepKind.BINDINGS].count == 1
    assert found[StepKind.CALLS].count == found[StepKind.SESSIONS].count == 1
    assert "1" in found[StepKind.CALLS].zh
    assert found[StepKind.CALLS].undo == "no"
    assert shown.employee.name == CANARY_NAME
    async with desk.database.read() as session:
        assert (await session.get_one(Employee, desk.leaver.employee_id)).state is EmployeeState.ACTIVE
        assert await session.scalar(select(func.count()).select_from(OffboardingRow)) == 0


async def test_a_stale_preview_is_refused_and_says_what_changed(desk: LeavingDesk) -> None:
    await desk.bound(0)
    shown = await desk.service.preview(desk.admin, desk.leaver.employee_id, desk.successor.employee_id)
    await desk.bound(1)
    with pytest.raises(errors.PreviewStale) as refused:
        await desk.service.unbind(desk.admin, shown.id, shown.digest)
    assert refused.value.facts == {"bindings": "+1 -0", "customers": "+1 -0"}
    assert "客户 +1" in refused.value.message("zh")
    assert "customers +1" in refused.value.message("en")
    async with desk.database.read() as session:
        assert (await session.get_one(Employee, desk.leaver.employee_id)).state is EmployeeState.ACTIVE
    await desk.unbind()


@ONE_ENGINE
async def test_what_passes_by_makes_no_preview_stale(desk: LeavingDesk) -> None:
    binding = await desk.bound(0)
    shown = await desk.service.preview(desk.admin, desk.leaver.employee_id, desk.successor.employee_id)
    await desk.log_in(desk.leaver)
    await desk.open_call(binding)
    act = await desk.service.unbind(desk.admin, shown.id, shown.digest)
    assert (await desk.step(act.id, StepKind.SESSIONS)).count == 1


@ONE_ENGINE
async def test_a_preview_is_ones_own_and_ages(desk: LeavingDesk) -> None:
    shown = await desk.service.preview(desk.admin, desk.leaver.employee_id, None)
    for who, digest in ((desk.other_admin, shown.digest), (desk.admin, "0" * 64)):
        with pytest.raises(errors.PreviewUnknown):
            await desk.service.unbind(who, shown.id, digest)
    desk.clock.advance(timedelta(seconds=901))
    with pytest.raises(errors.PreviewUnknown):
        await desk.service.unbind(desk.admin, shown.id, shown.digest)


@ONE_ENGINE
async def test_a_successor_is_active_in_scope_and_able(desk: LeavingDesk) -> None:
    await desk.bound(0)
    auditor = await desk.person(Role.AUDITOR, department=desk.first)
    gone = await desk.person(Role.AGENT, department=desk.first)
    await desk.desk.set_state(gone.employee_id, EmployeeState.SUSPENDED)
    for by, successor_id in (
        (desk.admin, desk.leaver.employee_id),
        (desk.admin, auditor.employee_id),
        (desk.admin, gone.employee_id),
        (desk.admin, new_id()),
        (desk.supervisor, desk.stranger.employee_id),
    ):
        with pytest.raises(errors.SuccessorInvalid):
            await desk.service.preview(by, desk.leaver.employee_id, successor_id)
    with pytest.raises(errors.SuccessorRequired):
        await desk.service.preview(desk.admin, desk.leaver.employee_id, None)
    await desk.service.preview(desk.admin, desk.leaver.employee_id, desk.stranger.employee_id)


@ONE_ENGINE
async def test_a_supervisor_unbinds_agents_of_the_own_team_and_wipes_nothing(desk: LeavingDesk) -> None:
    colleague = await desk.person(Role.SUPERVISOR, department=desk.first)
    with pytest.raises(errors.RankTooHigh):
        await desk.service.preview(desk.supervisor, colleague.employee_id, None)
    with pytest.raises(EmployeeUnknown):
        await desk.service.preview(desk.supervisor, desk.stranger.employee_id, None)
    with pytest.raises(Forbidden):
        await desk.service.preview(desk.supervisor, desk.leaver.employee_id, None, wipe=True)
    with pytest.raises(SelfChange):
        await desk.service.preview(desk.admin, desk.admin.employee_id, None)
    with pytest.raises(Forbidden):
        await desk.service.preview(desk.leaver, desk.successor.employee_id, None)
    act = await desk.unbind(desk.supervisor, successor=False)
    with pytest.raises(Forbidden):
        await desk.service.undo(desk.supervisor, act.id)
    elsewhere = await desk.person(Role.SUPERVISOR, department=desk.second)
    with pytest.raises(errors.OffboardingUnknown):
        await desk.service.reader.get(elsewhere, act.id)


@ONE_ENGINE
async def test_the_last_administrator_stays(desk: LeavingDesk) -> None:
    await desk.desk.set_state(desk.other_admin.employee_id, EmployeeState.SUSPENDED)
    boss = replace(desk.other_admin)  # acts on a session that ends in this moment
    shown = await desk.service.preview(boss, desk.admin.employee_id, None)
    with pytest.raises(LastAdministrator):
        await desk.service.unbind(boss, shown.id, shown.digest)


async def test_a_fault_in_the_middle_leaves_nothing_done(desk: LeavingDesk) -> None:
    class Broken:
        async def of(self, session, employee_id):
            return {}

        async def pass_on(self, session, employee_id, successor_id):
            raise RuntimeError

    await desk.bound(0)
    desk.duties = Broken()
    desk.parts = desk.build()
    shown = await desk.service.preview(desk.admin, desk.leaver.employee_id, desk.successor.employee_id)
    with pytest.raises(RuntimeError):
        await desk.service.unbind(desk.admin, shown.id, shown.digest)
    async with desk.database.read() as session:
        assert (await session.get_one(Employee, desk.leaver.employee_id)).state is EmployeeState.ACTIVE
        owners = set(await session.scalars(select(CustomerRow.owner_id)))
        assert owners == {desk.leaver.employee_id}
        assert await session.scalar(select(func.count()).select_from(OffboardingRow)) == 0
    assert not await desk.entries("offboarding.done")


async def test_a_binding_the_successor_has_already_is_released_and_one_they_cannot_dial_goes_by_token(
    desk: LeavingDesk,
) -> None:
    mine = await desk.bound(0)
    clash = await desk.bound(1)
    await desk.desk.line(desk.admin, "02188886666", "上海")
    same = await desk.desk.bind(desk.admin, clash.customer_id, employee_id=desk.successor.employee_id)
    own = await desk.bound(7, desk.successor)
    assert own.direct_dial
    act = await desk.unbind()
    async with desk.database.read() as session:
        rows = {row.id: row for row in await session.scalars(select(BindingRow))}
    assert rows[clash.id].release_reason == "handed-over"
    assert rows[same.id].released_at is None
    assert rows[mine.id].employee_id == desk.successor.employee_id
    assert act.phase is Phase.DONE


@ONE_ENGINE
async def test_number_and_name_stay_out_of_ledger_and_plan(desk: LeavingDesk) -> None:
    await desk.bound(0)
    await desk.unbind()
    async with desk.database.read() as session:
        row = await session.scalar(select(OffboardingRow))
        assert row is not None
        assert b"1380013" not in row.plan
    for kind in ("offboarding.done", "offboarding.step", "employee.suspended"):
        for entry in await desk.entries(kind):
            assert CANARY_NAME.encode() not in entry.record
            assert b"1380013" not in entry.record
