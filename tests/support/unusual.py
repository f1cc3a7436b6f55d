"""A house in which unusual access is judged: the real log, ledger, alerts and chore, and people."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select

from core.access.addresses import remember
from core.access.model import Principal, Role
from core.access.models import Employee, EmployeeRole
from core.access.permissions import PermissionRegistry
from core.audit import AccessFilter, AccessLog, AuditService
from core.audit.model import ExactLines
from core.audit.models import AccessRow
from core.audit.permissions import PERMISSIONS as AUDIT
from core.audit.unusual import Rulebook, UnusualReader, UnusualWatch, own_rules
from core.audit.unusual.models import UnusualRow
from core.clock import ManualClock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.vault import Keyring, SubjectKeys, Vault
from qa.alerts import AlertService
from qa.conduct.unusual import AccessAlerts
from qa.inspection.reading import InspectionReader
from qa.inspection.rulebook import own_rulebook
from qa.inspection.sealing import Sealer
from qa.permissions import PERMISSIONS as QUALITY
from tests.support.staff import add_department, add_employee, principal_of

REGISTRY = PermissionRegistry(AUDIT, QUALITY)


class UnusualHouse:
    """What the relay judges, what people see of it."""

    def __init__(
        self,
        database: Database,
        clock: ManualClock,
        rulebook: Rulebook | None = None,
        zone: str = "Asia/Shanghai",
    ) -> None:
        self.database, self.clock = database, clock
        self.rules = rulebook or own_rules()
        self.zone = ZoneInfo(zone)
        self.ledger = Ledger(clock)
        self.log = AccessLog(database, clock)
        self.audit = AuditService(database, ledger=self.ledger, notes=self.log)
        vault = Vault(Keyring.generate())
        sealer = Sealer(vault, SubjectKeys(vault, clock))
        self.alerts = AlertService(
            database=database, clock=clock, bus=EventBus(), ledger=self.ledger, sealer=sealer
        )
        self.reader = InspectionReader(
            database=database, sealer=sealer, rulebook=own_rulebook(), rules=self.rules
        )
        self.findings = UnusualReader(database, rulebook=self.rules, zone=self.zone)
        self.watch = self.new_watch()

    def new_watch(self) -> UnusualWatch:
        """Build the chore as a process that has just started has it."""
        return UnusualWatch(
            self.database,
            self.clock,
            rulebook=self.rules,
            zone=self.zone,
            audit=self.audit,
            ledger=self.ledger,
            alerts=AccessAlerts(clock=self.clock, alerts=self.alerts),
        )

    async def open(self) -> None:
        """Add a team with a chief and two agents, an administrator; begin to judge."""
        self.team = await add_department(self.database, self.clock, "一组")
        self.who = await add_employee(self.database, self.clock, self.team)
        self.mate = await add_employee(self.database, self.clock, self.team)
        self.admin = await add_employee(self.database, self.clock)
        async with self.database.begin() as session:
            session.add_all(
                EmployeeRole(employee_id=one, role=role)
                for one, role in (
                    (self.who, Role.AGENT),
                    (self.mate, Role.AGENT),
                    (self.admin, Role.ADMINISTRATOR),
                )
            )
        self.chief = self.person(Role.SUPERVISOR)
        self.auditor = self.person(Role.AUDITOR)
        await self.watch()

    def person(self, role: Role, employee_id: str | None = None) -> Principal:
        return principal_of(REGISTRY, self.clock, role, employee_id or new_id(), self.team)

    async def newcomer(self, role: Role) -> str:
        """Add somebody."""
        employee_id = await add_employee(self.database, self.clock, self.team)
        async with self.database.begin() as session:
            session.add(EmployeeRole(employee_id=employee_id, role=role))
        return employee_id

    async def name(self, employee_id: str) -> str:
        async with self.database.read() as session:
            return str(await session.scalar(select(Employee.username).where(Employee.id == employee_id)))

    async def did(
        self,
        kind: str,
        number: int = 1,
        *,
        who: str | None = None,
        every: timedelta = timedelta(seconds=20),
        at: datetime | None = None,
        same: bool = False,
        detail: str | None = None,
        amount: int | None = None,
    ) -> None:
        """Write lines of one person from now on (or from `at`), each about something else unless `same`."""
        begin, target = at or self.clock.now(), new_id()
        rows: list[dict[str, Any]] = []
        for index in range(number):
            target = target if same else new_id()
            rows.append(
                {
                    "id": new_id(),
                    "at": begin + every * index,
                    "kind": kind,
                    "actor_id": who or self.who,
                    "target_id": target,
                    "customer_id": target,
                    "detail": detail,
                    "amount": amount,
                }
            )
        async with self.database.begin() as session:
            await session.execute(insert(AccessRow), rows)
        if at is None:
            self.clock.set(rows[-1]["at"])

    async def entry(self, kind: str, body: dict[str, JSON]) -> None:
        async with self.database.begin() as session:
            await self.ledger.append(session, kind, body)
        self.clock.advance(timedelta(seconds=20))

    async def login(self, kind: str, who: str | None = None) -> None:
        await self.entry(kind, {"employee_id": who or self.who, "locked": False})

    async def signed_in(self, source: str, who: str | None = None) -> None:
        async with self.database.begin() as session:
            await remember(session, who or self.who, source, self.clock.now())
            body: dict[str, JSON] = {"employee_id": who or self.who}
            await self.ledger.append(session, "login.password-accepted", body)
        self.clock.advance(timedelta(minutes=1))

    async def usual_day(self, kind: str, number: int, days: Sequence[int], who: str | None = None) -> None:
        """Write as many a day in one hour, so many days ago."""
        for day in days:
            at = self.clock.now() - timedelta(days=day)
            await self.did(kind, number, who=who, at=at.replace(minute=0), every=timedelta(seconds=5))

    async def exact(self, lines: ExactLines) -> int:
        """Count the lines that the page of a finding shows, as the page does it."""
        found, _ = await self.audit.find(self.auditor, AccessFilter(exactly=lines), limit=1000)
        return len(found)

    async def found(self) -> list[UnusualRow]:
        async with self.database.read() as session:
            return list(await session.scalars(select(UnusualRow).order_by(UnusualRow.id)))
