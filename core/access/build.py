"""Wires the parts of access together from settings, database, clock, vault, ledger and event bus."""

from dataclasses import dataclass

from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.departments import DepartmentService
from core.access.employees import EmployeeService
from core.access.login import LoginPolicy, LoginService
from core.access.passwords import Passwords
from core.access.permissions import PermissionRegistry
from core.access.ports import Books
from core.access.session_admin import SessionService
from core.access.sessions import SessionBook
from core.access.throttle import Throttle
from core.access.totp import SecondFactor
from core.clock import Clock
from core.config import Settings
from core.db import Database
from core.events import EventBus
from core.vault import Vault


@dataclass(frozen=True, slots=True)
class Access:
    """Everything of access. `sessions` is the web kit's authenticator."""

    sessions: SessionBook
    login: LoginService
    employees: EmployeeService
    departments: DepartmentService
    session_admin: SessionService
    throttle: Throttle
    permissions: PermissionRegistry

    async def sweep(self, session: AsyncSession) -> None:
        """Delete sessions and counters that are over; for the relay to call now and then."""
        await self.sessions.sweep(session)
        await self.throttle.sweep(session)


def build_access(
    settings: Settings,
    *,
    database: Database,
    clock: Clock,
    vault: Vault,
    books: Books,
    bus: EventBus,
    permissions: PermissionRegistry,
    hasher: PasswordHasher | None = None,
) -> Access:
    """Build access. `books` is the ledger; `hasher` may be cheaper in tests."""
    passwords = Passwords(hasher)
    sessions = SessionBook(database, clock, settings.security, permissions)
    throttle = Throttle(settings.security, clock)
    second_factor = SecondFactor(vault, clock, issuer=settings.institution)
    policy = LoginPolicy(
        totp_roles=frozenset(settings.security.totp_required_roles),
        context_words=(settings.institution, "maskline"),
    )
    return Access(
        sessions=sessions,
        login=LoginService(
            database,
            clock,
            passwords=passwords,
            sessions=sessions,
            throttle=throttle,
            second_factor=second_factor,
            books=books,
            policy=policy,
        ),
        employees=EmployeeService(
            database,
            clock,
            passwords=passwords,
            sessions=sessions,
            second_factor=second_factor,
            books=books,
            bus=bus,
        ),
        departments=DepartmentService(database, clock, books=books, bus=bus),
        session_admin=SessionService(database, sessions=sessions, books=books),
        throttle=throttle,
        permissions=permissions,
    )
