"""Access put together for tests: the real thing with a cheap password hash, and helpers to get in."""

from dataclasses import dataclass, field

import pyotp
from argon2 import PasswordHasher
from sqlalchemy import select

from core.access.build import Access, build_access
from core.access.employees import Credentials, NewEmployee
from core.access.events import EmployeeSuspended
from core.access.grants import ACCESS_PERMISSIONS
from core.access.model import Principal, Role, Scope
from core.access.models import Stage
from core.access.permissions import PermissionRegistry, PermissionSpec
from core.access.sessions import OpenedSession
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.ledger.models import EntryRow
from core.ledger.record import read_entry
from core.vault import Keyring, Vault
from core.web.system import SYSTEM_PERMISSIONS

PASSWORD = "correct horse battery staple"
SOURCE = "192.0.2.7"
WIDGET = PermissionSpec(
    "widget.read",
    "查看",
    "Read",
    {Role.AGENT: Scope.OWN, Role.SUPERVISOR: Scope.TEAM, Role.REVIEWER: Scope.ALL},
)


def cheap_hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def registry() -> PermissionRegistry:
    return PermissionRegistry(ACCESS_PERMISSIONS, SYSTEM_PERMISSIONS, [WIDGET])


@dataclass
class Office:
    """Access of one small institution."""

    settings: Settings
    database: Database
    clock: ManualClock
    bus: EventBus = field(default_factory=EventBus)
    suspended: list[EmployeeSuspended] = field(default_factory=list)
    _numbers: int = 0

    def __post_init__(self) -> None:
        self.permissions = registry()
        self.access: Access = build_access(
            self.settings,
            database=self.database,
            clock=self.clock,
            vault=Vault(Keyring.generate()),
            books=Ledger(self.clock),
            bus=self.bus,
            permissions=self.permissions,
            hasher=cheap_hasher(),
        )

        async def remember(session, event):
            self.suspended.append(event)

        self.bus.subscribe(EmployeeSuspended, remember)

    def principal(self, *roles: Role, employee_id="f" * 32, path="", department_id=None) -> Principal:
        """Somebody with these roles, without a session."""
        return Principal(
            employee_id,
            department_id,
            path,
            frozenset(roles),
            self.permissions.grants_for(roles),
            "e" * 32,
            self.clock.now(),
        )

    @property
    def root(self) -> Principal:
        return self.principal(Role.ADMINISTRATOR)

    async def hire(self, *roles: Role, username: str | None = None, department_id=None) -> Credentials:
        self._numbers += 1
        new = NewEmployee(
            username or f"staff{self._numbers}", "员工", frozenset(roles or {Role.AGENT}), department_id
        )
        return await self.access.employees.create(self.root, new)

    async def ready(self, *roles: Role, **more) -> Credentials:
        """Hire somebody who has changed the generated password to `PASSWORD`."""
        made = await self.hire(*roles, **more)
        opened = await self.log_in(made.employee.username, made.password)
        who = await self.who(opened)
        await self.access.login.change_password(who, made.password, PASSWORD, source=SOURCE)
        return made

    async def log_in(self, username: str, password: str = PASSWORD, source: str = SOURCE) -> OpenedSession:
        return await self.access.login.log_in(username, password, source=source)

    async def who(self, opened: OpenedSession) -> Principal:
        principal = await self.access.sessions.authenticate(opened.token)
        assert principal is not None
        return principal

    async def enrolled(self, *roles: Role, **more) -> tuple[Credentials, pyotp.TOTP, list[str]]:
        """Hire somebody with a second factor; the clock stands one step after its confirmation."""
        made = await self.ready(*roles, **more)
        who = await self.who(await self.log_in(made.employee.username))
        totp = pyotp.TOTP((await self.access.login.begin_totp(who)).secret)
        _, codes = await self.access.login.confirm_totp(who, totp.at(self.clock.now()), source=SOURCE)
        self.clock.set(self.clock.now().replace(second=0))
        return made, totp, codes

    async def full(self, *roles: Role, **more) -> Principal:
        """Somebody with a full session."""
        made = await self.ready(*roles, **more)
        opened = await self.log_in(made.employee.username)
        assert opened.stage is Stage.FULL
        return await self.who(opened)

    async def ledger(self) -> list[tuple[str, dict]]:
        async with self.database.read() as session:
            records = await session.scalars(select(EntryRow.record).order_by(EntryRow.seq))
            return [(entry.kind, entry.body) for entry in map(read_entry, records)]
