"""A desk where customers' data change hands by request: makers, checkers, an administrator or two."""

import csv
import io
from dataclasses import dataclass, field

from sqlalchemy import select

from core.access.model import Principal, Role
from core.access.models import Department, EmployeeRole
from core.blobs import InMemoryBlobStore
from core.clock import ManualClock
from core.config import ApprovalSettings
from core.db import Database
from core.ledger.models import EntryRow
from core.ledger.record import read_entry
from gateway.customers.approvals.build import ApprovalGround, build_approvals
from gateway.customers.approvals.model import RequestView
from gateway.customers.events import CustomerErased
from gateway.offboarding.holds import Holds
from tests.support.desk import REGISTRY, Desk


@dataclass
class ApprovalDesk:
    """Two departments, each with people; `desk` is the house below."""

    database: Database
    clock: ManualClock
    settings: ApprovalSettings = field(default_factory=ApprovalSettings)

    def __post_init__(self) -> None:
        self.desk = Desk(self.database, self.clock, approvals=self.settings)
        self.blobs = InMemoryBlobStore()
        self.holds = Holds(self.clock)
        self.desk.events.subscribe(CustomerErased, self.holds.on_customer_erased)
        self.parts = build_approvals(
            ApprovalGround(
                database=self.database,
                clock=self.clock,
                subject_keys=self.desk.keys,
                ledger=self.desk.ledger,
                bus=self.desk.events,
                blobs=self.blobs,
                customers=self.desk.customers,
                sealing=self.desk.sealing,
                checker=self.desk.checker,
                holds=self.holds,
                grants_of=REGISTRY.grants_for,
                settings=self.settings,
                time_zone="Asia/Shanghai",
            )
        )
        self.ask, self.decider = self.parts.desk, self.parts.decider

    async def set_up(self) -> "ApprovalDesk":
        """Make the people."""
        self.first, self.second = await self.desk.department("一部"), await self.desk.department("二部")
        self.agent = await self.person(Role.AGENT, self.first)
        self.chief = await self.person(Role.SUPERVISOR, self.first)
        self.other_chief = await self.person(Role.SUPERVISOR, self.second)
        self.admin = await self.person(Role.ADMINISTRATOR)
        self.other_admin = await self.person(Role.ADMINISTRATOR)
        return self

    async def person(self, role: Role, department: Department | None = None) -> Principal:
        principal = await self.desk.employee(role, department)
        async with self.database.begin() as session:
            session.add(EmployeeRole(employee_id=principal.employee_id, role=role))
        return principal

    async def see(self, principal: Principal, request_id: str) -> RequestView:
        return await self.parts.reader.get(principal, request_id)

    async def entries(self, kind: str) -> list[dict[str, object]]:
        """Give the bodies of the ledger's entries of a kind."""
        query = select(EntryRow.record).where(EntryRow.kind == kind).order_by(EntryRow.seq)
        async with self.database.read() as session:
            return [dict(read_entry(record).body) for record in await session.scalars(query)]


def table_of(content: bytes) -> list[list[str]]:
    """Read a CSV file as a spreadsheet does."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
