"""Administration of employees: create, move, give roles, suspend, reactivate, reset."""

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.errors import (
    AdministratorPresent,
    EmployeeUnknown,
    LastAdministrator,
    RolesIncompatible,
    SelfChange,
    UsernameTaken,
)
from core.access.events import (
    EmployeeMoved,
    EmployeeReactivated,
    EmployeeRolesChanged,
    EmployeeSuspended,
)
from core.access.grants import EMPLOYEE_READ, EMPLOYEE_SUSPEND, EMPLOYEE_WRITE
from core.access.login import normal_username
from core.access.model import Principal, Role
from core.access.models import Employee, EmployeeRole, EmployeeState
from core.access.passwords import Passwords, generate_password
from core.access.people import (
    EmployeeView,
    any_administrator,
    find_department,
    find_employee,
    lock_administrators,
    view,
    views,
)
from core.access.ports import Books
from core.access.scope import scope_clause
from core.access.sessions import SessionBook
from core.access.totp import SecondFactor
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import JSON
from core.web.paging import paginate


@dataclass(frozen=True, slots=True)
class NewEmployee:
    """What is needed to create an employee."""

    username: str
    display_name: str
    roles: frozenset[Role]
    department_id: str | None = None


@dataclass(frozen=True, slots=True)
class EmployeeFilter:
    """Which employees to list."""

    department_id: str | None = None
    state: EmployeeState | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """An employee and a generated password, shown once; it must be changed at the first log-in."""

    employee: EmployeeView
    password: str = field(repr=False)


class EmployeeService:
    """Every change goes to the ledger with ids only; nobody changes their own rights."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        passwords: Passwords,
        sessions: SessionBook,
        second_factor: SecondFactor,
        books: Books,
        bus: EventBus,
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._sessions = sessions
        self._second_factor = second_factor
        self._books = books
        self._bus = bus

    async def create(self, principal: Principal, new: NewEmployee) -> Credentials:
        """Create an employee with a generated password.

        Raises:
            UsernameTaken, RolesIncompatible, DepartmentUnknown
        """
        principal.require(EMPLOYEE_WRITE)
        check_roles(new.roles)
        password = generate_password()
        hashed = await self._passwords.hash(password)
        try:
            async with self._database.begin() as session:
                employee = await self._insert(session, new, hashed, by=principal.id)
                return Credentials(await view(session, employee), password)
        except IntegrityError:
            raise UsernameTaken from None

    async def create_first_administrator(
        self, username: str, display_name: str, *, even_if_present: bool = False
    ) -> Credentials:
        """Create an administrator from the command line; who can run it owns the machine.

        Raises:
            AdministratorPresent: there is one and `even_if_present` was not said.
            UsernameTaken
        """
        password = generate_password()
        hashed = await self._passwords.hash(password)
        new = NewEmployee(username, display_name, frozenset({Role.ADMINISTRATOR}))
        try:
            async with self._database.begin() as session:
                if not even_if_present and await any_administrator(session):
                    raise AdministratorPresent
                employee = await self._insert(session, new, hashed, by=None)
                return Credentials(await view(session, employee), password)
        except IntegrityError:
            raise UsernameTaken from None

    async def get(self, principal: Principal, employee_id: str) -> EmployeeView:
        async with self._database.read() as session:
            return await view(session, await find_employee(session, principal, EMPLOYEE_READ, employee_id))

    async def page(
        self, principal: Principal, wanted: EmployeeFilter, *, cursor: str | None, limit: int
    ) -> tuple[list[EmployeeView], str | None]:
        """List employees within reach, oldest first."""
        reach = scope_clause(principal, EMPLOYEE_READ, owner=Employee.id, department=Employee.department_id)
        query = select(Employee).where(reach)
        if wanted.department_id is not None:
            query = query.where(Employee.department_id == wanted.department_id)
        if wanted.state is not None:
            query = query.where(Employee.state == wanted.state)
        async with self._database.read() as session:
            rows, following = await paginate(
                session, query, key=Employee.id, cursor=cursor, limit=limit, newest_first=False
            )
            return await views(session, rows), following

    async def suspend(self, principal: Principal, employee_id: str) -> EmployeeView:
        """Take an employee out: sessions end now, and `EmployeeSuspended` is told in the same transaction.

        Raises:
            EmployeeUnknown, SelfChange, LastAdministrator
        """
        async with self._database.begin() as session:
            administrators = await lock_administrators(session)
            employee = await self._other(session, principal, EMPLOYEE_SUSPEND, employee_id)
            await self._suspend(session, employee, administrators, by=principal.id)
            return await view(session, employee)

    async def suspend_in(self, session: AsyncSession, employee_id: str, *, by: str | None) -> None:
        """Suspend within a larger transaction (an unbinding) that has checked the right to. Idempotent.

        Raises:
            EmployeeUnknown, LastAdministrator
        """
        administrators = await lock_administrators(session)
        employee = await session.get(Employee, employee_id, with_for_update=True, populate_existing=True)
        if employee is None:
            raise EmployeeUnknown
        await self._suspend(session, employee, administrators, by=by)

    async def _suspend(
        self, session: AsyncSession, employee: Employee, administrators: frozenset[str], *, by: str | None
    ) -> None:
        if employee.state is EmployeeState.SUSPENDED:
            return
        if administrators == {employee.id}:
            raise LastAdministrator
        employee.state = EmployeeState.SUSPENDED
        employee.suspended_at = self._clock.now()
        await session.flush()
        ended = await self._sessions.kill_all(session, employee.id)
        await self._bus.publish(session, EmployeeSuspended(employee.id, by))
        await self._note(session, "employee.suspended", employee.id, by, sessions_ended=ended)

    async def reactivate(self, principal: Principal, employee_id: str) -> EmployeeView:
        """Let a suspended employee work again."""
        async with self._database.begin() as session:
            employee = await self._other(session, principal, EMPLOYEE_SUSPEND, employee_id)
            await self._reactivate(session, employee, by=principal.id)
            return await view(session, employee)

    async def reactivate_in(self, session: AsyncSession, employee_id: str, *, by: str) -> None:
        """Reactivate within a larger transaction (an unbinding undone) that has checked the right to.

        Raises:
            EmployeeUnknown
        """
        employee = await session.get(Employee, employee_id, with_for_update=True, populate_existing=True)
        if employee is None:
            raise EmployeeUnknown
        await self._reactivate(session, employee, by=by)

    async def _reactivate(self, session: AsyncSession, employee: Employee, *, by: str) -> None:
        if employee.state is EmployeeState.ACTIVE:
            return
        employee.state = EmployeeState.ACTIVE
        employee.suspended_at = None
        await session.flush()
        await self._bus.publish(session, EmployeeReactivated(employee.id, by))
        await self._note(session, "employee.reactivated", employee.id, by)

    async def set_roles(
        self, principal: Principal, employee_id: str, roles: Collection[Role]
    ) -> EmployeeView:
        """Replace the roles; sessions end, so that the next one asks for what the new roles need.

        Raises:
            EmployeeUnknown, SelfChange, RolesIncompatible, LastAdministrator
        """
        check_roles(roles)
        async with self._database.begin() as session:
            administrators = await lock_administrators(session)
            employee = await self._other(session, principal, EMPLOYEE_WRITE, employee_id)
            if Role.ADMINISTRATOR not in roles and administrators == {employee.id}:
                raise LastAdministrator
            await session.execute(delete(EmployeeRole).where(EmployeeRole.employee_id == employee.id))
            session.add_all(EmployeeRole(employee_id=employee.id, role=role) for role in set(roles))
            await session.flush()
            await self._sessions.kill_all(session, employee.id)
            await self._bus.publish(
                session, EmployeeRolesChanged(employee.id, frozenset(roles), principal.id)
            )
            names: list[JSON] = [*sorted(role.value for role in set(roles))]
            await self._note(session, "employee.roles-set", employee.id, principal.id, roles=names)
            return await view(session, employee)

    async def move(self, principal: Principal, employee_id: str, department_id: str | None) -> EmployeeView:
        """Put an employee into another department, or none; effective at the next request."""
        async with self._database.begin() as session:
            employee = await self._other(session, principal, EMPLOYEE_WRITE, employee_id)
            if department_id is not None:
                await find_department(session, department_id)
            employee.department_id = department_id
            await session.flush()
            await self._bus.publish(session, EmployeeMoved(employee.id, department_id, principal.id))
            await self._note(
                session, "employee.moved", employee.id, principal.id, department_id=department_id
            )
            return await view(session, employee)

    async def reset_password(self, principal: Principal, employee_id: str) -> Credentials:
        """Generate a new password for somebody else; their sessions end."""
        password = generate_password()
        hashed = await self._passwords.hash(password)
        async with self._database.begin() as session:
            employee = await self._other(session, principal, EMPLOYEE_WRITE, employee_id)
            employee.password_hash = hashed
            employee.password_changed_at = self._clock.now()
            employee.must_change_password = True
            await session.flush()
            await self._sessions.kill_all(session, employee.id)
            await self._note(session, "employee.password-reset", employee.id, principal.id)
            return Credentials(await view(session, employee), password)

    async def remove_second_factor(self, principal: Principal, employee_id: str) -> EmployeeView:
        """Forget somebody else's second factor (a lost phone); their sessions end."""
        async with self._database.begin() as session:
            employee = await self._other(session, principal, EMPLOYEE_WRITE, employee_id)
            await self._second_factor.remove(session, employee.id)
            await self._sessions.kill_all(session, employee.id)
            await self._note(session, "employee.second-factor-removed", employee.id, principal.id)
            return await view(session, employee)

    async def _insert(
        self, session: AsyncSession, new: NewEmployee, hashed: str, *, by: str | None
    ) -> Employee:
        if new.department_id is not None:
            await find_department(session, new.department_id)
        now = self._clock.now()
        employee = Employee(
            id=new_id(),
            username=normal_username(new.username),
            display_name=new.display_name,
            department_id=new.department_id,
            state=EmployeeState.ACTIVE,
            password_hash=hashed,
            password_changed_at=now,
            must_change_password=True,
            created_at=now,
        )
        session.add(employee)
        await session.flush()
        session.add_all(EmployeeRole(employee_id=employee.id, role=role) for role in new.roles)
        await session.flush()
        roles: list[JSON] = [*sorted(role.value for role in new.roles)]
        await self._note(
            session, "employee.created", employee.id, by, roles=roles, department_id=new.department_id
        )
        return employee

    async def _other(
        self, session: AsyncSession, principal: Principal, permission: str, employee_id: str
    ) -> Employee:
        """Find and lock somebody who is not the principal."""
        employee = await find_employee(session, principal, permission, employee_id, lock=True)
        if employee.id == principal.id:
            raise SelfChange
        return employee

    async def _note(
        self,
        session: AsyncSession,
        kind: str,
        employee_id: str,
        by: str | None,
        **facts: JSON,
    ) -> None:
        await self._books.append(session, kind, {"employee_id": employee_id, "by": by, **facts})


def check_roles(roles: Collection[Role]) -> None:
    """Refuse no role at all, and an auditor who is anything else (三员分立, GB/T 22239-2019 8.1.4.2)."""
    if not roles or (Role.AUDITOR in roles and len(set(roles)) > 1):
        raise RolesIncompatible
