"""Staged roll-outs: a share of the phones first, wider by hand, halted by itself where too many fail."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.access.model import Principal
from core.ids import new_id
from core.ledger.record import JSON
from devicepolicy import permissions
from devicepolicy.policies.assignments import (
    AssignmentService,
    Target,
    find_assignment,
    refuse_open_rollout,
)
from devicepolicy.policies.effective import reaching
from devicepolicy.policies.errors import NarrowingRefused, RolloutStateRefused, RolloutUnknown
from devicepolicy.policies.model import Layer, PolicySubject, RolloutState
from devicepolicy.policies.models import AssignmentRow, PolicyRow, RolloutDeviceRow, RolloutRow, VersionRow
from devicepolicy.policies.rollout import AbortRule, included
from devicepolicy.policies.service import PolicyGround, find_version
from devicepolicy.policies.views import RolloutView


@dataclass(frozen=True, slots=True)
class RolloutPlan:
    """How a roll-out begins. `percentage` 1 to 100."""

    percentage: int
    abort: AbortRule


class RolloutService:
    """Also `devicepolicy.policies.ports.RolloutWatch`."""

    def __init__(self, ground: PolicyGround, assignments: AssignmentService) -> None:
        self._ground = ground
        self._assignments = assignments

    async def start(
        self, principal: Principal, assignment_id: str, number: int, plan: RolloutPlan
    ) -> RolloutView:
        """Begin to bring a version to the phones of an assignment.

        Raises:
            AssignmentUnknown, VersionUnknown, RolloutOpen
        """
        principal.require(permissions.POLICY_ASSIGN)
        async with self._ground.database.begin() as session:
            assignment = await find_assignment(session, assignment_id)
            await refuse_open_rollout(session, assignment)
            return await self._begin(session, principal, assignment, number, plan)

    async def assign_slowly(
        self,
        principal: Principal,
        layer: Layer,
        target: Target,
        policy_id: str,
        number: int,
        plan: RolloutPlan,
    ) -> RolloutView:
        """Lay a policy on somebody for the first time, on a share of the phones.

        Raises:
            LayerMismatch, TargetUnknown, VersionUnknown, AlreadyAssigned
        """
        principal.require(permissions.POLICY_ASSIGN)
        async with self._ground.database.begin() as session:
            await find_version(session, policy_id, number)
            assignment = await self._assignments.open(
                session, principal.employee_id, layer, target, policy_id
            )
            return await self._begin(session, principal, assignment, number, plan)

    async def widen(self, principal: Principal, rollout_id: str, percentage: int) -> RolloutView:
        """Take in more phones. Raises RolloutUnknown, RolloutStateRefused, NarrowingRefused."""
        async with self._ground.database.begin() as session:
            row, assignment = await self._take(session, principal, rollout_id, RolloutState.RUNNING)
            if percentage < row.percentage:
                raise NarrowingRefused(percentage=row.percentage)
            row.percentage = percentage
            await self._tell(session, "rollout.widened", row, assignment, principal.employee_id)
            return await _view(session, row.id)

    async def halt(self, principal: Principal, rollout_id: str) -> RolloutView:
        """Stop taking in phones. Raises RolloutUnknown, RolloutStateRefused."""
        async with self._ground.database.begin() as session:
            row, assignment = await self._take(session, principal, rollout_id, RolloutState.RUNNING)
            await self._halt(session, row, assignment, principal.employee_id)
            return await _view(session, row.id)

    async def resume(self, principal: Principal, rollout_id: str) -> RolloutView:
        """Go on; failures until now are forgiven, so that the abort rule counts afresh.

        Raises:
            RolloutUnknown, RolloutStateRefused
        """
        async with self._ground.database.begin() as session:
            row, assignment = await self._take(session, principal, rollout_id, RolloutState.HALTED)
            forgiven = update(RolloutDeviceRow).where(RolloutDeviceRow.rollout_id == row.id)
            await session.execute(forgiven.values(failed=False))
            row.state, row.halted_at = RolloutState.RUNNING, None
            await self._tell(session, "rollout.resumed", row, assignment, principal.employee_id)
            return await _view(session, row.id)

    async def finish(self, principal: Principal, rollout_id: str) -> RolloutView:
        """Make the version the assignment's own, at 100 %. Raises RolloutUnknown, RolloutStateRefused."""
        async with self._ground.database.begin() as session:
            row, assignment = await self._take(session, principal, rollout_id, RolloutState.RUNNING)
            if row.percentage < 100:
                raise RolloutStateRefused(state=row.state.value, percentage=row.percentage)
            assignment.version_id = row.to_version_id
            row.state, row.ended_at = RolloutState.DONE, self._ground.clock.now()
            await self._tell(session, "rollout.finished", row, assignment, principal.employee_id)
            return await _view(session, row.id)

    async def roll_back(self, principal: Principal, rollout_id: str) -> RolloutView:
        """Give every phone the version from before; a first assignment ends with it.

        Raises:
            RolloutUnknown, RolloutStateRefused
        """
        async with self._ground.database.begin() as session:
            row, assignment = await self._take(
                session, principal, rollout_id, RolloutState.RUNNING, RolloutState.HALTED
            )
            now = self._ground.clock.now()
            row.state, row.ended_at = RolloutState.ROLLED_BACK, now
            if assignment.version_id is None:
                assignment.ended_at, assignment.ended_by = now, principal.employee_id
            await self._tell(session, "rollout.rolled_back", row, assignment, principal.employee_id)
            return await _view(session, row.id)

    async def find(self, principal: Principal, *, open_only: bool = False) -> list[RolloutView]:
        """List roll-outs, the newest first."""
        principal.require(permissions.POLICY_READ)
        query = _rollouts().order_by(RolloutRow.id.desc()).limit(200)
        if open_only:
            query = query.where(RolloutRow.ended_at.is_(None))
        async with self._ground.database.read() as session:
            return [_made(*found) for found in await session.execute(query)]

    async def get(self, principal: Principal, rollout_id: str) -> RolloutView:
        """Give one roll-out; raise RolloutUnknown."""
        principal.require(permissions.POLICY_READ)
        async with self._ground.database.read() as session:
            return await _view(session, rollout_id)

    async def running(self, session: AsyncSession) -> bool:
        """Say whether any roll-out counts its phones."""
        return bool(await session.scalar(select(exists().where(RolloutRow.ended_at.is_(None)))))

    async def noted(self, session: AsyncSession, subject: PolicySubject, *, failed: bool) -> None:
        """Hear how a phone fared with what it was given; halt what fails too often."""
        for reach in await reaching(session, subject):
            rollout_id = reach.rollout_id
            if rollout_id is None or reach.rollout_state is not RolloutState.RUNNING:
                continue
            if not included(rollout_id, subject.device_id, reach.percentage or 0):
                continue
            await self._keep(session, rollout_id, subject.device_id, failed=failed)
            if failed:
                await self._judge(session, rollout_id)

    async def _judge(self, session: AsyncSession, rollout_id: str) -> None:
        """Halt a roll-out whose abort rule is broken.

        Who changes the roll-out at this moment holds its lock and may be waiting for this phone's row: do not
        wait for them. The phone reports again, and is counted then.
        """
        row = await session.scalar(
            select(RolloutRow)
            .where(RolloutRow.id == rollout_id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if row is None or row.state is not RolloutState.RUNNING:
            return
        view = await _view(session, row.id)
        rule = AbortRule(row.abort_percent, row.abort_after)
        if rule.broken(reported=view.reported, failed=view.failed):
            assignment = await session.get_one(AssignmentRow, row.assignment_id)
            await self._halt(session, row, assignment, None)

    async def _begin(
        self,
        session: AsyncSession,
        principal: Principal,
        assignment: AssignmentRow,
        number: int,
        plan: RolloutPlan,
    ) -> RolloutView:
        version = await find_version(session, assignment.policy_id, number)
        row = RolloutRow(
            id=new_id(),
            assignment_id=assignment.id,
            from_version_id=assignment.version_id,
            to_version_id=version.id,
            state=RolloutState.RUNNING,
            percentage=plan.percentage,
            abort_percent=plan.abort.percent,
            abort_after=plan.abort.after,
            started_at=self._ground.clock.now(),
            started_by=principal.employee_id,
        )
        session.add(row)
        await session.flush()
        await self._tell(session, "rollout.started", row, assignment, principal.employee_id, number=number)
        return await _view(session, row.id)

    async def _take(
        self, session: AsyncSession, principal: Principal, rollout_id: str, *states: RolloutState
    ) -> tuple[RolloutRow, AssignmentRow]:
        """Give an open roll-out and its assignment, locked in the order that everybody locks them."""
        principal.require(permissions.POLICY_ASSIGN)
        found = await session.get(RolloutRow, rollout_id)
        if found is None:
            raise RolloutUnknown
        assignment = await session.get_one(AssignmentRow, found.assignment_id, with_for_update=True)
        row = await session.get_one(RolloutRow, rollout_id, with_for_update=True, populate_existing=True)
        if row.state not in states:
            raise RolloutStateRefused(state=row.state.value)
        return row, assignment

    async def _halt(
        self, session: AsyncSession, row: RolloutRow, assignment: AssignmentRow, by: str | None
    ) -> None:
        row.state, row.halted_at = RolloutState.HALTED, self._ground.clock.now()
        view = await _view(session, row.id)
        await self._tell(
            session, "rollout.halted", row, assignment, by, reported=view.reported, failed=view.failed
        )

    async def _keep(self, session: AsyncSession, rollout_id: str, device_id: str, *, failed: bool) -> None:
        dialect = session.get_bind().dialect.name
        upsert = (postgresql if dialect == "postgresql" else sqlite).insert(RolloutDeviceRow)
        values = {"failed": failed, "reported_at": self._ground.clock.now()}
        await session.execute(
            upsert.values(rollout_id=rollout_id, device_id=device_id, **values).on_conflict_do_update(
                index_elements=["rollout_id", "device_id"], set_=values
            )
        )

    async def _tell(
        self,
        session: AsyncSession,
        kind: str,
        row: RolloutRow,
        assignment: AssignmentRow,
        by: str | None,
        **more: JSON,
    ) -> None:
        await self._assignments.tell(
            session,
            kind,
            assignment,
            by,
            rollout=row.id,
            percentage=row.percentage,
            version=row.to_version_id,
            **more,
        )


def _rollouts() -> Select[Any]:
    """Select roll-outs with their policy, numbers and counts."""
    to, before = aliased(VersionRow), aliased(VersionRow)
    mine = RolloutDeviceRow.rollout_id == RolloutRow.id
    reported = select(func.count()).select_from(RolloutDeviceRow).where(mine).scalar_subquery()
    failed = (
        select(func.coalesce(func.sum(case((RolloutDeviceRow.failed, 1), else_=0)), 0))
        .where(mine)
        .scalar_subquery()
    )
    return (
        select(RolloutRow, PolicyRow, before.number, to.number, reported, failed)
        .join(to, to.id == RolloutRow.to_version_id)
        .join(PolicyRow, PolicyRow.id == to.policy_id)
        .outerjoin(before, before.id == RolloutRow.from_version_id)
    )


async def _view(session: AsyncSession, rollout_id: str) -> RolloutView:
    await session.flush()
    found = (await session.execute(_rollouts().where(RolloutRow.id == rollout_id))).one_or_none()
    if found is None:
        raise RolloutUnknown
    return _made(*found)


def _made(
    row: RolloutRow, policy: PolicyRow, before: int | None, to: int, reported: int, failed: int
) -> RolloutView:
    return RolloutView(
        id=row.id,
        assignment_id=row.assignment_id,
        policy_id=policy.id,
        policy_name=policy.name,
        from_version=before,
        to_version=to,
        state=row.state,
        percentage=row.percentage,
        abort_percent=row.abort_percent,
        abort_after=row.abort_after,
        reported=reported,
        failed=failed,
        started_at=row.started_at,
        started_by=row.started_by,
        halted_at=row.halted_at,
        ended_at=row.ended_at,
    )
