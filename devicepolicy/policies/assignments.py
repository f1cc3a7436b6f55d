"""Lays versions on everybody, departments, employees and devices, and takes them off again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal, Scope
from core.access.models import Department, Employee
from core.access.scope import departments_below, scope_clause
from core.events import EventBus
from core.ids import new_id
from core.ledger.record import JSON
from devicepolicy import permissions
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.policies.errors import (
    AlreadyAssigned,
    AssignmentUnknown,
    LayerMismatch,
    RolloutOpen,
    TargetUnknown,
)
from devicepolicy.policies.events import PolicyChanged
from devicepolicy.policies.model import Layer, TargetKind
from devicepolicy.policies.models import AssignmentRow, PolicyRow, RolloutRow, VersionRow
from devicepolicy.policies.service import PolicyGround, find_version
from devicepolicy.policies.views import AssignmentView

V = TypeVar("V")
_KINDS = {
    Layer.ORGANISATION: {TargetKind.EVERYBODY},
    Layer.DEPARTMENT: {TargetKind.DEPARTMENT},
    Layer.DEVICE: {TargetKind.DEVICE, TargetKind.EMPLOYEE},
    Layer.INCIDENT: set(TargetKind),
}


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a policy is laid on; `id` is "" for everybody."""

    kind: TargetKind
    id: str = ""


class AssignmentService:
    """Whom policies reach. Each change tells `PolicyChanged` in its transaction."""

    def __init__(self, ground: PolicyGround, bus: EventBus) -> None:
        self._ground = ground
        self._bus = bus

    async def assign(
        self, principal: Principal, layer: Layer, target: Target, policy_id: str, number: int
    ) -> AssignmentView:
        """Lay a version on somebody at once.

        Raises:
            LayerMismatch, TargetUnknown, VersionUnknown, AlreadyAssigned
        """
        principal.require(permissions.POLICY_ASSIGN)
        async with self._ground.database.begin() as session:
            version = await find_version(session, policy_id, number)
            row = await self.open(session, principal.employee_id, layer, target, policy_id)
            row.version_id = version.id
            await self.tell(session, "policy.assigned", row, principal.employee_id, number=number)
            return await view_of(session, row)

    async def impose(
        self, session: AsyncSession, by: str, target: Target, policy_id: str, number: int
    ) -> str:
        """Lay a policy on somebody as an incident in the caller's transaction; twice is once. Gives the id.

        For other parts (offboarding): the caller has checked that `by` may.
        """
        version = await find_version(session, policy_id, number)
        try:
            row = await self.open(session, by, Layer.INCIDENT, target, policy_id)
        except AlreadyAssigned as known:
            return str(known.facts["assignment_id"])
        row.version_id = version.id
        await self.tell(session, "policy.assigned", row, by, number=number)
        return row.id

    async def lift(self, session: AsyncSession, by: str, assignment_id: str) -> None:
        """Take off in the caller's transaction what `impose` laid on; one that has ended stays ended."""
        row = await session.get(AssignmentRow, assignment_id, with_for_update=True)
        if row is not None and row.ended_at is None and row.layer is Layer.INCIDENT:
            await self._end(session, row, by)

    async def point(self, principal: Principal, assignment_id: str, number: int) -> AssignmentView:
        """Point an assignment to another version, older or newer; nothing is published.

        Raises:
            AssignmentUnknown, VersionUnknown, RolloutOpen
        """
        principal.require(permissions.POLICY_ASSIGN)
        async with self._ground.database.begin() as session:
            row = await find_assignment(session, assignment_id)
            await refuse_open_rollout(session, row)
            version = await find_version(session, row.policy_id, number)
            before = await session.get(VersionRow, row.version_id) if row.version_id else None
            row.version_id = version.id
            back = before is not None and before.number > number
            kind = "policy.rolled_back" if back else "policy.moved"
            was = before.number if before is not None else None
            await self.tell(session, kind, row, principal.employee_id, number=number, before=was)
            return await view_of(session, row)

    async def unassign(self, principal: Principal, assignment_id: str) -> None:
        """Take a policy off somebody. Raises AssignmentUnknown, RolloutOpen."""
        principal.require(permissions.POLICY_ASSIGN)
        async with self._ground.database.begin() as session:
            row = await find_assignment(session, assignment_id)
            await refuse_open_rollout(session, row)
            await self._end(session, row, principal.employee_id)

    async def find(
        self, principal: Principal, *, policy_id: str | None = None, target: Target | None = None
    ) -> list[AssignmentView]:
        """List what is laid on whom, the oldest first."""
        query = select(AssignmentRow).where(AssignmentRow.ended_at.is_(None), _reach(principal))
        query = query.order_by(AssignmentRow.id)
        if policy_id is not None:
            query = query.where(AssignmentRow.policy_id == policy_id)
        if target is not None:
            query = query.where(
                AssignmentRow.target_kind == target.kind, AssignmentRow.target_id == target.id
            )
        async with self._ground.database.read() as session:
            return await views_of(session, list(await session.scalars(query)))

    async def get(self, principal: Principal, assignment_id: str) -> AssignmentView:
        """Give one assignment that is open and within reach; raise AssignmentUnknown."""
        query = select(AssignmentRow).where(
            AssignmentRow.id == assignment_id, AssignmentRow.ended_at.is_(None), _reach(principal)
        )
        async with self._ground.database.read() as session:
            row = await session.scalar(query)
            if row is None:
                raise AssignmentUnknown
            return (await views_of(session, [row]))[0]

    async def open(
        self, session: AsyncSession, by: str, layer: Layer, target: Target, policy_id: str
    ) -> AssignmentRow:
        """Add an assignment without a version; the caller gives it one or a roll-out, and tells."""
        await _check_target(session, layer, target)
        # The policy's row is the lock: two who assign the same at once come one after the other.
        await session.get(PolicyRow, policy_id, with_for_update=True)
        known = await session.scalar(
            select(AssignmentRow.id).where(
                AssignmentRow.policy_id == policy_id,
                AssignmentRow.layer == layer,
                AssignmentRow.target_kind == target.kind,
                AssignmentRow.target_id == target.id,
                AssignmentRow.ended_at.is_(None),
            )
        )
        if known is not None:
            raise AlreadyAssigned(assignment_id=known)
        row = AssignmentRow(
            id=new_id(),
            layer=layer,
            target_kind=target.kind,
            target_id=target.id,
            policy_id=policy_id,
            created_at=self._ground.clock.now(),
            created_by=by,
        )
        session.add(row)
        await session.flush()
        return row

    async def tell(
        self, session: AsyncSession, kind: str, row: AssignmentRow, by: str | None, **more: JSON
    ) -> None:
        """Write a change of an assignment into the ledger and tell whoever keeps desired states."""
        body: dict[str, JSON] = {
            "assignment": row.id,
            "policy": row.policy_id,
            "layer": row.layer.value,
            "target_kind": row.target_kind.value,
            "target": row.target_id,
            "by": by,
            **more,
        }
        await session.flush()  # whoever hears it reads what holds now
        await self._ground.ledger.append(session, kind, body)
        devices = frozenset({row.target_id}) if row.target_kind is TargetKind.DEVICE else None
        await self._bus.publish(session, PolicyChanged(devices))

    async def _end(self, session: AsyncSession, row: AssignmentRow, by: str) -> None:
        row.ended_at, row.ended_by = self._ground.clock.now(), by
        await self.tell(session, "policy.unassigned", row, by)


async def find_assignment(session: AsyncSession, assignment_id: str) -> AssignmentRow:
    """Give an open assignment, locked; raise AssignmentUnknown."""
    row = await session.get(AssignmentRow, assignment_id, with_for_update=True)
    if row is None or row.ended_at is not None:
        raise AssignmentUnknown
    return row


async def refuse_open_rollout(session: AsyncSession, row: AssignmentRow) -> None:
    """Raise RolloutOpen while one is under way: two versions on the move at once cannot be told apart."""
    query = select(RolloutRow.id).where(RolloutRow.assignment_id == row.id, RolloutRow.ended_at.is_(None))
    known = await session.scalar(query)
    if known is not None:
        raise RolloutOpen(rollout_id=known)


async def views_of(session: AsyncSession, rows: Sequence[AssignmentRow]) -> list[AssignmentView]:
    """Put names, numbers and roll-outs to assignments, in three statements however many there are."""
    names = await _pairs(session, select(PolicyRow.id, PolicyRow.name))
    wanted = {row.version_id for row in rows if row.version_id is not None}
    numbers = await _pairs(session, select(VersionRow.id, VersionRow.number).where(VersionRow.id.in_(wanted)))
    rollouts = await _pairs(
        session, select(RolloutRow.assignment_id, RolloutRow.id).where(RolloutRow.ended_at.is_(None))
    )
    return [
        AssignmentView(
            id=row.id,
            layer=row.layer,
            target_kind=row.target_kind,
            target_id=row.target_id,
            policy_id=row.policy_id,
            policy_name=names[row.policy_id],
            version=numbers.get(row.version_id) if row.version_id else None,
            rollout_id=rollouts.get(row.id),
            created_at=row.created_at,
            created_by=row.created_by,
        )
        for row in rows
    ]


async def _pairs(session: AsyncSession, query: Select[str, V]) -> dict[str, V]:
    return {row[0]: row[1] for row in await session.execute(query)}


async def view_of(session: AsyncSession, row: AssignmentRow) -> AssignmentView:
    """Give one assignment as its readers see it."""
    await session.flush()
    return (await views_of(session, [row]))[0]


def _reach(principal: Principal) -> ColumnElement[bool]:
    """Whose assignments one may see: those of everybody, of one's own departments and of one's own people."""
    if principal.require(permissions.POLICY_READ) is Scope.ALL:
        return true()
    kind, target = AssignmentRow.target_kind, AssignmentRow.target_id
    above = [part for part in principal.department_path.split("/") if part]
    people = scope_clause(
        principal, permissions.POLICY_READ, owner=Employee.id, department=Employee.department_id
    )
    phones = scope_clause(
        principal, permissions.POLICY_READ, owner=DeviceRow.employee_id, department=DeviceRow.department_id
    )
    below = departments_below(principal.department_path) if principal.department_path else above
    return or_(
        kind == TargetKind.EVERYBODY,
        and_(kind == TargetKind.DEPARTMENT, or_(target.in_(above), target.in_(below))),
        and_(kind == TargetKind.EMPLOYEE, target.in_(select(Employee.id).where(people))),
        and_(kind == TargetKind.DEVICE, target.in_(select(DeviceRow.id).where(phones))),
    )


async def _check_target(session: AsyncSession, layer: Layer, target: Target) -> None:
    if target.kind not in _KINDS[layer]:
        raise LayerMismatch
    if target.kind is TargetKind.EVERYBODY:
        known = not target.id
    elif target.kind is TargetKind.DEPARTMENT:
        known = await session.get(Department, target.id) is not None
    elif target.kind is TargetKind.EMPLOYEE:
        known = await session.get(Employee, target.id) is not None
    else:
        device = await session.get(DeviceRow, target.id)
        known = device is not None and device.trust in {Trust.PENDING, Trust.TRUSTED}
    if not known:
        raise TargetUnknown
