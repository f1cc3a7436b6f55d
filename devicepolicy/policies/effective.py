"""Works out what holds for a device: the assignments that reach it, roll-outs included, merged."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger.record import JSON
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.policies.merge import Laid, merge
from devicepolicy.policies.model import Effective, Layer, PolicySubject, RolloutState, Source, TargetKind
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


@dataclass(frozen=True, slots=True)
class Reach:
    """An open assignment that reaches a subject, with its open roll-out. In the order of `_REACHING`."""

    assignment_id: str
    layer: Layer
    target_kind: TargetKind
    target_id: str
    version_id: str | None
    rollout_id: str | None
    rollout_state: RolloutState | None
    to_version_id: str | None
    percentage: int | None


_KIND, _TARGET = AssignmentRow.target_kind, AssignmentRow.target_id
# Made once and without the ORM: every phone that asks goes through it.
_OPEN = (
    select(
        AssignmentRow.id,
        AssignmentRow.layer,
        AssignmentRow.target_kind,
        AssignmentRow.target_id,
        AssignmentRow.version_id,
        RolloutRow.id,
        RolloutRow.state,
        RolloutRow.to_version_id,
        RolloutRow.percentage,
    )
    .outerjoin(RolloutRow, and_(RolloutRow.assignment_id == AssignmentRow.id, RolloutRow.ended_at.is_(None)))
    .where(AssignmentRow.ended_at.is_(None))
    .order_by(AssignmentRow.id)
)
_EVERYBODY = _KIND == TargetKind.EVERYBODY
_DEPARTMENTS = and_(_KIND == TargetKind.DEPARTMENT, _TARGET.in_(bindparam("departments", expanding=True)))
_REACHING = _OPEN.where(
    or_(
        _EVERYBODY,
        and_(_KIND == TargetKind.DEVICE, bindparam("device") == _TARGET),
        and_(_KIND == TargetKind.EMPLOYEE, bindparam("employee") == _TARGET),
        _DEPARTMENTS,
    )
)
_OF_PEOPLE = _OPEN.where(
    or_(
        _EVERYBODY,
        and_(_KIND == TargetKind.EMPLOYEE, _TARGET.in_(bindparam("employees", expanding=True))),
        _DEPARTMENTS,
    )
)


class EffectivePolicyService:
    """`devicepolicy.policies.ports.EffectivePolicies`. Versions never change, so what they make is kept."""

    def __init__(self, table: CapabilityTable) -> None:
        self._table = table
        self._versions: OrderedDict[str, Version] = OrderedDict()
        self._merged: OrderedDict[tuple[tuple[str, str, int], ...], Effective] = OrderedDict()

    async def effective(self, session: AsyncSession, subject: PolicySubject) -> Effective:
        """Give what holds now: two or three small queries, and a merge where the combination is new."""
        return await self._merge(session, subject, await self._chosen(session, subject))

    async def of_people(
        self, session: AsyncSession, people: Mapping[str, str]
    ) -> dict[str, Mapping[str, JSON]]:
        """Give the settings that hold for employees, whatever phone they have or have none.

        `people`: each one's department path. One query however many they are. A roll-out goes by phones, so
        it has no part in this.
        """
        subjects = [PolicySubject("", employee_id, path) for employee_id, path in people.items()]
        asked = {
            "employees": list(people),
            "departments": sorted({part for subject in subjects for part in subject.department_ids}),
        }
        rows = [Reach(*row) for row in await session.execute(_OF_PEOPLE, asked)]
        found: dict[str, Mapping[str, JSON]] = {}
        for employee_id, subject in zip(people, subjects, strict=True):
            chosen = [(row, row.version_id) for row in rows if row.version_id and _reaches(row, subject)]
            found[employee_id] = (await self._merge(session, subject, chosen)).settings
        return found

    async def _merge(
        self, session: AsyncSession, subject: PolicySubject, chosen: list[tuple[Reach, str]]
    ) -> Effective:
        key = tuple(
            sorted((row.assignment_id, version_id, depth_of(row, subject)) for row, version_id in chosen)
        )
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

    async def _chosen(self, session: AsyncSession, subject: PolicySubject) -> list[tuple[Reach, str]]:
        """Give the assignments with the version that each has for this device."""
        chosen: list[tuple[Reach, str]] = []
        for reach in await reaching(session, subject):
            version_id = reach.version_id
            if await _takes_part(session, reach, subject.device_id):
                version_id = reach.to_version_id
            if version_id is not None:
                chosen.append((reach, version_id))
        return chosen

    async def _laid(
        self, session: AsyncSession, subject: PolicySubject, chosen: list[tuple[Reach, str]]
    ) -> list[Laid]:
        laid: list[Laid] = []
        for row, version_id in chosen:
            version = await self.version(session, version_id)
            laid.append(Laid(source_of(row, version), depth_of(row, subject), version.settings))
        return laid


async def reaching(session: AsyncSession, subject: PolicySubject) -> list[Reach]:
    """Find the open assignments that reach a subject, each with its open roll-out."""
    asked = {
        "device": subject.device_id,
        "employee": subject.employee_id,
        "departments": list(subject.department_ids),
    }
    return [Reach(*row) for row in await session.execute(_REACHING, asked)]


def _reaches(row: Reach, person: PolicySubject) -> bool:
    if row.target_kind is TargetKind.DEPARTMENT:
        return row.target_id in person.department_ids
    return row.target_kind is TargetKind.EVERYBODY or row.target_id == person.employee_id


def depth_of(row: Reach, subject: PolicySubject) -> int:
    """Say how close an assignment is within its layer: everybody, departments downwards, employee, device."""
    if row.target_kind is TargetKind.DEPARTMENT:
        return 1 + subject.department_ids.index(row.target_id)
    return {TargetKind.EVERYBODY: 0, TargetKind.EMPLOYEE: 1000, TargetKind.DEVICE: 1001}[row.target_kind]


def source_of(row: Reach, version: Version) -> Source:
    """Name an assigned version."""
    return Source(
        layer=row.layer,
        target_kind=row.target_kind,
        target_id=row.target_id,
        assignment_id=row.assignment_id,
        policy_id=version.policy_id,
        policy_name=version.policy_name,
        version_id=version.id,
        version=version.number,
    )


async def _takes_part(session: AsyncSession, reach: Reach, device_id: str) -> bool:
    """A halted roll-out keeps those that have reported its version, and takes nobody else."""
    rollout_id = reach.rollout_id
    if rollout_id is None or not included(rollout_id, device_id, reach.percentage or 0):
        return False
    if reach.rollout_state is RolloutState.RUNNING:
        return True
    return await session.get(RolloutDeviceRow, (rollout_id, device_id)) is not None
