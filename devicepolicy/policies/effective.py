"""Works out what holds for a device: the assignments that reach it, roll-outs included, merged."""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger.record import JSON
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.policies.merge import Laid, merge
from devicepolicy.policies.model import Effective, PolicySubject, RolloutState, Source, TargetKind
from devicepolicy.policies.models import AssignmentRow, PolicyRow, RolloutDeviceRow, RolloutRow, VersionRow
from devicepolicy.policies.rollout import included
from devicepolicy.policies.settings import flatten

_MERGED, _VERSIONS = 1024, 256


@dataclass(frozen=True, slots=True)
class Version:
    """A published version, taken apart. It never changes, so it is kept."""

    id: str
    policy_id: str
    policy_name: str
    number: int
    settings: Mapping[str, JSON]


class EffectivePolicyService:
    """`devicepolicy.policies.ports.EffectivePolicies`. Versions never change, so what they make is kept."""

    def __init__(self, table: CapabilityTable) -> None:
        self._table = table
        self._versions: OrderedDict[str, Version] = OrderedDict()
        self._merged: OrderedDict[tuple[tuple[str, str, int], ...], Effective] = OrderedDict()

    async def effective(self, session: AsyncSession, subject: PolicySubject) -> Effective:
        """Give what holds now: two or three small queries, and a merge where the combination is new."""
        chosen = await self._chosen(session, subject)
        key = tuple(sorted((row.id, version_id, depth_of(row, subject)) for row, version_id in chosen))
        known = self._merged.get(key)
        if known is not None:
            self._merged.move_to_end(key)
            return known
        made = merge(await self._laid(session, subject, chosen), self._table)
        self._merged[key] = made
        if len(self._merged) > _MERGED:
            self._merged.popitem(last=False)
        return made

    async def layers(self, session: AsyncSession, subject: PolicySubject) -> list[Laid]:
        """Give each layer by itself, the widest first: for previews."""
        laid = await self._laid(session, subject, await self._chosen(session, subject))
        return sorted(laid, key=lambda one: one.rank)

    async def version(self, session: AsyncSession, version_id: str) -> Version:
        """Give a published version; its id is known to exist."""
        known = self._versions.get(version_id)
        if known is not None:
            self._versions.move_to_end(version_id)
            return known
        query = (
            select(VersionRow, PolicyRow.name)
            .join(PolicyRow, PolicyRow.id == VersionRow.policy_id)
            .where(VersionRow.id == version_id)
        )
        row, name = (await session.execute(query)).one()
        settings = flatten(json.loads(row.document), self._table)
        made = Version(row.id, row.policy_id, name, row.number, settings)
        self._versions[version_id] = made
        if len(self._versions) > _VERSIONS:
            self._versions.popitem(last=False)
        return made

    async def _chosen(self, session: AsyncSession, subject: PolicySubject) -> list[tuple[AssignmentRow, str]]:
        """Give the assignments with the version that each has for this device."""
        chosen: list[tuple[AssignmentRow, str]] = []
        for assignment, rollout in await reaching(session, subject):
            version_id = assignment.version_id
            if rollout is not None and await _takes_part(session, rollout, subject.device_id):
                version_id = rollout.to_version_id
            if version_id is not None:
                chosen.append((assignment, version_id))
        return chosen

    async def _laid(
        self, session: AsyncSession, subject: PolicySubject, chosen: list[tuple[AssignmentRow, str]]
    ) -> list[Laid]:
        laid: list[Laid] = []
        for row, version_id in chosen:
            version = await self.version(session, version_id)
            laid.append(Laid(source_of(row, version), depth_of(row, subject), version.settings))
        return laid


async def reaching(
    session: AsyncSession, subject: PolicySubject
) -> Sequence[tuple[AssignmentRow, RolloutRow | None]]:
    """Find the open assignments that reach a subject, each with its open roll-out."""
    query = (
        select(AssignmentRow, RolloutRow)
        .outerjoin(
            RolloutRow, and_(RolloutRow.assignment_id == AssignmentRow.id, RolloutRow.ended_at.is_(None))
        )
        .where(AssignmentRow.ended_at.is_(None), or_(*_targets(subject)))
        .order_by(AssignmentRow.id)
    )
    return [(assignment, rollout) for assignment, rollout in await session.execute(query)]


def depth_of(row: AssignmentRow, subject: PolicySubject) -> int:
    """Say how close an assignment is within its layer: everybody, departments downwards, employee, device."""
    if row.target_kind is TargetKind.DEPARTMENT:
        return 1 + subject.department_ids.index(row.target_id)
    return {TargetKind.EVERYBODY: 0, TargetKind.EMPLOYEE: 1000, TargetKind.DEVICE: 1001}[row.target_kind]


def source_of(row: AssignmentRow, version: Version) -> Source:
    """Name an assigned version."""
    return Source(
        layer=row.layer,
        target_kind=row.target_kind,
        target_id=row.target_id,
        assignment_id=row.id,
        policy_id=version.policy_id,
        policy_name=version.policy_name,
        version_id=version.id,
        version=version.number,
    )


def _targets(subject: PolicySubject) -> list[ColumnElement[bool]]:
    kind, target = AssignmentRow.target_kind, AssignmentRow.target_id
    found: list[ColumnElement[bool]] = [
        kind == TargetKind.EVERYBODY,
        and_(kind == TargetKind.DEVICE, target == subject.device_id),
    ]
    if subject.department_ids:
        found.append(and_(kind == TargetKind.DEPARTMENT, target.in_(subject.department_ids)))
    if subject.employee_id is not None:
        found.append(and_(kind == TargetKind.EMPLOYEE, target == subject.employee_id))
    return found


async def _takes_part(session: AsyncSession, rollout: RolloutRow, device_id: str) -> bool:
    """A halted roll-out keeps those that have reported its version, and takes nobody else."""
    if not included(rollout.id, device_id, rollout.percentage):
        return False
    if rollout.state is RolloutState.RUNNING:
        return True
    return await session.get(RolloutDeviceRow, (rollout.id, device_id)) is not None
