"""Policies put together for tests: the real services on a database, people, departments and phones."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal, Role
from core.access.models import Department
from core.clock import ManualClock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.models import EntryRow
from core.ledger.record import read_entry
from core.sealed import BlindIndex
from devicepolicy.capabilities.facts import Mode
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.policies.build import build_policies
from devicepolicy.policies.events import PolicyChanged
from devicepolicy.policies.model import Effective, PolicySubject
from maskline.permissions import registry
from tests.support.staff import add_department, add_employee, principal_of

CAMERA_OFF: dict[str, Any] = {"cameraAccess": "CAMERA_ACCESS_DISABLED"}
CAMERA_ON: dict[str, Any] = {"cameraAccess": "CAMERA_ACCESS_USER_CHOICE"}


@dataclass
class PolicyHouse:
    """The slice of policies, and what happened in it."""

    database: Database
    clock: ManualClock
    bus: EventBus = field(default_factory=EventBus)
    changes: list[frozenset[str] | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.clock)
        self.policies = build_policies(
            database=self.database, clock=self.clock, ledger=self.ledger, bus=self.bus
        )

        async def remember(session: AsyncSession, event: PolicyChanged) -> None:
            self.changes.append(event.device_ids)

        self.bus.subscribe(PolicyChanged, remember)

    async def department(self, name: str, above: Department | None = None) -> Department:
        return await add_department(self.database, self.clock, name, above)

    async def person(self, role: Role, department: Department | None = None) -> Principal:
        employee_id = await add_employee(self.database, self.clock, department)
        return principal_of(registry(), self.clock, role, employee_id, department)

    async def phone(
        self, department: Department | None = None, owner: Principal | None = None, api_level: int = 33
    ) -> PolicySubject:
        device_id = new_id()
        async with self.database.begin() as session:
            session.add(
                DeviceRow(
                    id=device_id,
                    name="一号机",
                    trust=Trust.TRUSTED,
                    public_key=bytes.fromhex(device_id) * 2,
                    hardware=BlindIndex(bytes.fromhex(device_id) * 2),
                    employee_id=owner.employee_id if owner else None,
                    department_id=department.id if department else None,
                    token_id=new_id(),
                    state=DeviceState.ACTIVE,
                    manufacturer="HUAWEI",
                    model="P60",
                    os_version="13",
                    api_level=api_level,
                    mode=Mode.FULLY_MANAGED,
                    backends=["ANDROID"],
                    agent_version="1.0",
                    status={},
                    compliance=ComplianceState.UNKNOWN,
                    settings={},
                    enrolled_at=self.clock.now(),
                )
            )
        path = department.path if department else ""
        return PolicySubject(device_id, owner.employee_id if owner else None, path)

    async def published(self, who: Principal, name: str, *documents: dict[str, Any]) -> str:
        """Make a policy with one version for each document; gives its id."""
        made = await self.policies.service.create(who, name, "", documents[0])
        await self.policies.service.publish(who, made.id, 1)
        for revision, document in enumerate(documents[1:], 1):
            await self.policies.service.save(who, made.id, document, revision)
            await self.policies.service.publish(who, made.id, revision + 1)
        return made.id

    async def effective(self, subject: PolicySubject) -> Effective:
        async with self.database.read() as session:
            return await self.policies.effective.effective(session, subject)

    async def report(self, subject: PolicySubject, *, failed: bool) -> None:
        async with self.database.begin() as session:
            await self.policies.rollouts.noted(session, subject, failed=failed)

    async def told(self) -> list[tuple[str, dict[str, Any]]]:
        """Give what the ledger holds, in order."""
        async with self.database.read() as session:
            records = await session.scalars(select(EntryRow.record).order_by(EntryRow.seq))
            return [(entry.kind, entry.body) for entry in map(read_entry, records)]
