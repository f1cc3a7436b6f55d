"""Shows what a device would be set to, before it is: settings, who decided each, and what it cannot do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Department, Employee
from core.access.scope import reaches, scope_clause
from core.ledger.record import JSON
from devicepolicy import permissions
from devicepolicy.capabilities.expected import expected_gaps
from devicepolicy.capabilities.facts import Backend, DeviceFacts
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.devices.models import DeviceRow
from devicepolicy.devices.register import subject_of
from devicepolicy.policies.effective import EffectivePolicyService
from devicepolicy.policies.errors import PolicyUnknown, TargetUnknown
from devicepolicy.policies.merge import Laid, merge
from devicepolicy.policies.model import Layer, PolicySubject, Source, TargetKind
from devicepolicy.policies.models import DraftRow, PolicyRow
from devicepolicy.policies.service import DRAFT, PolicyGround, find_version
from devicepolicy.policies.settings import setting_sha256
from devicepolicy.policies.views import LayerView, Preview

NO_DEVICE = ""
"""A device that does not exist: no assignment and no roll-out can mean it."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A version (0: the draft) put in place of the same policy's, or laid on as one more layer.

    `document`: what somebody is writing, in place of the draft; it must have been checked.
    """

    policy_id: str
    number: int
    layer: Layer = Layer.ORGANISATION
    document: Mapping[str, JSON] | None = None


@dataclass(frozen=True, slots=True)
class Imagined:
    """A device that one thinks of: what it is and whose it would be."""

    facts: DeviceFacts
    department_id: str | None = None
    employee_id: str | None = None


class PreviewService:
    """Answers without changing anything."""

    def __init__(self, ground: PolicyGround, effective: EffectivePolicyService) -> None:
        self._ground = ground
        self._effective = effective

    async def of_device(self, principal: Principal, device_id: str, what_if: WhatIf | None = None) -> Preview:
        """Preview a device that is here. Raises DeviceNotFound, PolicyUnknown, VersionUnknown."""
        reach = scope_clause(
            principal,
            permissions.POLICY_READ,
            owner=DeviceRow.employee_id,
            department=DeviceRow.department_id,
        )
        async with self._ground.database.read() as session:
            row = await session.scalar(select(DeviceRow).where(DeviceRow.id == device_id, reach))
            if row is None:
                raise DeviceNotFound
            facts = DeviceFacts(row.api_level, row.mode, frozenset(Backend(one) for one in row.backends))
            return await self._preview(session, await subject_of(session, row), facts, what_if)

    async def of_imagined(
        self, principal: Principal, imagined: Imagined, what_if: WhatIf | None = None
    ) -> Preview:
        """Preview a device that is not here. Raises TargetUnknown, PolicyUnknown, VersionUnknown."""
        principal.require(permissions.POLICY_READ)
        async with self._ground.database.read() as session:
            department_id = imagined.department_id
            if imagined.employee_id is not None:
                employee = await _employee(session, principal, imagined.employee_id)
                department_id = department_id or employee.department_id
            path = await _path(session, department_id)
            if imagined.department_id is not None and not reaches(
                principal, permissions.POLICY_READ, owner=None, path=path or None
            ):
                raise TargetUnknown
            subject = PolicySubject(NO_DEVICE, imagined.employee_id, path)
            return await self._preview(session, subject, imagined.facts, what_if)

    async def _preview(
        self, session: AsyncSession, subject: PolicySubject, facts: DeviceFacts, what_if: WhatIf | None
    ) -> Preview:
        layers = await self._effective.layers(session, subject)
        if what_if is not None:
            layers = await self._replaced(session, layers, what_if)
        table = self._ground.table
        effective = merge(layers, table)
        return Preview(
            effective=effective,
            layers=tuple(LayerView(laid.source, laid.settings) for laid in layers),
            gaps=expected_gaps(effective.settings, facts, table),
            hashes={name: setting_sha256(name, value) for name, value in effective.settings.items()},
        )

    async def _replaced(self, session: AsyncSession, layers: list[Laid], what_if: WhatIf) -> list[Laid]:
        policy = await session.get(PolicyRow, what_if.policy_id)
        draft = await session.get(DraftRow, what_if.policy_id)
        if policy is None or draft is None:
            raise PolicyUnknown
        document: Mapping[str, JSON] = draft.document if what_if.document is None else what_if.document
        version_id = ""
        if what_if.number != DRAFT:
            row = await find_version(session, policy.id, what_if.number)
            document, version_id = json.loads(row.document), row.id
        settings = self._ground.documents.settings(document)
        kept = [laid for laid in layers if laid.source.policy_id != policy.id]
        replaced = [laid for laid in layers if laid.source.policy_id == policy.id]
        sources = [(laid.source, laid.depth) for laid in replaced] or [
            (Source(what_if.layer, TargetKind.EVERYBODY, "", "", policy.id, policy.name, version_id, 0), 0)
        ]
        new = [
            Laid(replace(source, version_id=version_id, version=what_if.number), depth, settings)
            for source, depth in sources
        ]
        return sorted([*kept, *new], key=lambda laid: laid.rank)


async def _employee(session: AsyncSession, principal: Principal, employee_id: str) -> Employee:
    """Give an employee within reach; raise TargetUnknown."""
    reach = scope_clause(
        principal, permissions.POLICY_READ, owner=Employee.id, department=Employee.department_id
    )
    found = await session.scalar(select(Employee).where(Employee.id == employee_id, reach))
    if found is None:
        raise TargetUnknown
    return found


async def _path(session: AsyncSession, department_id: str | None) -> str:
    """Give a department's path; "" where there is none."""
    if department_id is None:
        return ""
    found = await session.get(Department, department_id)
    return found.path if found is not None else ""
