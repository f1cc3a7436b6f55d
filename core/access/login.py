"""Logging in: password, second factor, forced changes; each step gives a new token (no fixation)."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.errors import CodeRefused, LoginRefused, SessionUnknown
from core.access.model import Principal, Role
from core.access.models import Employee, EmployeeRole, EmployeeState, Stage
from core.access.passwords import Passwords, check_policy
from core.access.ports import Books
from core.access.sessions import OpenedSession, SessionBook
from core.access.throttle import Throttle
from core.access.totp import Enrolment, SecondFactor
from core.clock import Clock
from core.db import Database
from core.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class LoginPolicy:
    """What the institution asks for."""

    totp_roles: frozenset[str]
    context_words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    id: str
    username: str
    state: EmployeeState
    password_hash: str


class LoginService:
    """Takes people from a password to a full session, and keeps their own account in order."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        passwords: Passwords,
        sessions: SessionBook,
        throttle: Throttle,
        second_factor: SecondFactor,
        books: Books,
        policy: LoginPolicy,
    ) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords
        self._sessions = sessions
        self._throttle = throttle
        self._second_factor = second_factor
        self._books = books
        self._policy = policy

    async def log_in(self, username: str, password: str, *, source: str) -> OpenedSession:
        """Check a password and open a session; its stage says what is still to be done.

        An unknown name, a suspended employee and a wrong password get the same answer after the same work.

        Raises:
            LoginRefused, LoginLocked
        """
        username = normal_username(username)
        found = await self._verified(username, password, source)
        async with self._database.begin() as session:
            employee = await self._fresh(session, found)
            totp = await self._second_factor.is_confirmed(session, found.id)
            stage = Stage.TOTP if totp else await self._next_stage(session, employee, totp=False)
            limits = self._throttle.limits(username, source)
            if totp:  # the account's tries count until the second factor has been shown, too
                await self._throttle.give_back(session, limits[1])
            else:
                await self._throttle.succeed(session, limits)
            opened = await self._sessions.open(session, employee.id, stage, source=source)
            await self._note(session, "login.password-accepted", employee.id, stage=stage.value)
        await self._rehash(found, password)
        return opened

    async def second_step(self, principal: Principal, code: str, *, source: str) -> OpenedSession:
        """Check a code of the second factor and go on.

        Raises:
            CodeRefused, LoginLocked, SessionUnknown
        """
        await self._checked_code(principal.employee_id, code, source)
        async with self._database.begin() as session:
            old = await self._sessions.take(session, principal.session_id, {Stage.TOTP})
            if old is None:
                raise SessionUnknown
            employee = await self._employee(session, principal.employee_id)
            await self._throttle.succeed(session, self._throttle.limits(employee.username, source))
            stage = await self._next_stage(session, employee, totp=True)
            opened = await self._sessions.open(session, employee.id, stage, source=source)
            await self._note(session, "login.second-factor-accepted", employee.id, stage=stage.value)
        return opened

    async def step_up(
        self, principal: Principal, password: str, code: str | None, *, source: str
    ) -> OpenedSession:
        """Prove once more who you are; the new session ends when the old one would have.

        Raises:
            LoginRefused, CodeRefused, LoginLocked, SessionUnknown
        """
        async with self._database.read() as session:
            username = (await self._employee(session, principal.employee_id)).username
            totp = await self._second_factor.is_confirmed(session, principal.employee_id)
        found = await self._verified(username, password, source)
        if totp:
            await self._checked_code(found.id, code or "", source)
        async with self._database.begin() as session:
            limits = self._throttle.limits(username, source)
            await self._throttle.succeed(session, limits, steps=2 if totp else 1)
            opened = await self._renew(session, principal, Stage.FULL, source=source)
            await self._note(session, "login.step-up", found.id)
        return opened

    async def log_out(self, principal: Principal) -> None:
        """End this session."""
        async with self._database.begin() as session:
            if await self._sessions.kill(session, principal.session_id):
                await self._note(session, "login.logged-out", principal.employee_id)

    async def change_password(
        self, principal: Principal, current: str, new: str, *, source: str
    ) -> OpenedSession:
        """Set a new password; every other session of this employee ends.

        Raises:
            LoginRefused, LoginLocked, PasswordWeak, SessionUnknown
        """
        async with self._database.read() as session:
            username = (await self._employee(session, principal.employee_id)).username
        await asyncio.to_thread(check_policy, new, [username, *self._policy.context_words])
        found = await self._verified(username, current, source)
        hashed = await self._passwords.hash(new)
        async with self._database.begin() as session:
            employee = await self._fresh(session, found)
            await self._throttle.succeed(session, self._throttle.limits(username, source))
            employee.password_hash = hashed
            employee.password_changed_at = self._clock.now()
            employee.must_change_password = False
            await session.flush()
            await self._sessions.kill_all(session, employee.id, but=principal.session_id)
            totp = await self._second_factor.is_confirmed(session, employee.id)
            stage = await self._next_stage(session, employee, totp=totp)
            opened = await self._renew(session, principal, stage, source=source)
            await self._note(session, "account.password-changed", employee.id)
        return opened

    async def begin_totp(self, principal: Principal) -> Enrolment:
        """Start to set up a second factor.

        Raises:
            TotpPresent
        """
        async with self._database.begin() as session:
            employee = await self._employee(session, principal.employee_id)
            return await self._second_factor.enrol(session, employee.id, employee.username)

    async def confirm_totp(
        self, principal: Principal, code: str, *, source: str
    ) -> tuple[OpenedSession, list[str]]:
        """Finish setting it up; gives a session of the next stage and the recovery codes, once.

        Raises:
            TotpAbsent, TotpPresent, CodeRefused, SessionUnknown
        """
        async with self._database.begin() as session:
            employee = await self._employee(session, principal.employee_id)
            codes = await self._second_factor.confirm(session, employee.id, code)
            stage = await self._next_stage(session, employee, totp=True)
            opened = await self._renew(session, principal, stage, source=source)
            await self._sessions.kill_all(session, employee.id, but=opened.session_id)
            await self._note(session, "account.second-factor-added", employee.id)
        return opened, codes

    async def totp_is_confirmed(self, employee_id: str) -> bool:
        async with self._database.read() as session:
            return await self._second_factor.is_confirmed(session, employee_id)

    async def _verified(self, username: str, password: str, source: str) -> _Found:
        """Take a try, check the password, and write down a refusal."""
        async with self._database.begin() as session:
            used_up = await self._throttle.take(session, self._throttle.limits(username, source))
        async with self._database.read() as session:
            query = select(Employee.id, Employee.username, Employee.state, Employee.password_hash)
            row = (await session.execute(query.where(Employee.username == username))).one_or_none()
        found = None if row is None else _Found(*row)
        matches = await self._passwords.verify(found.password_hash if found else None, password)
        if found is None or not matches or found.state is not EmployeeState.ACTIVE:
            async with self._database.begin() as session:
                await self._note(session, "login.refused", found.id if found else None, locked=used_up)
            raise LoginRefused
        return found

    async def _checked_code(self, employee_id: str, code: str, source: str) -> None:
        """Take a try and use up a code. Committed before anything else, so a code never works twice."""
        async with self._database.begin() as session:
            username = (await self._employee(session, employee_id)).username
            used_up = await self._throttle.take(session, self._throttle.limits(username, source))
        try:
            async with self._database.begin() as session:
                if await self._second_factor.check(session, employee_id, code):
                    await self._note(session, "account.recovery-code-used", employee_id)
        except CodeRefused:
            async with self._database.begin() as session:
                await self._note(session, "login.code-refused", employee_id, locked=used_up)
            raise

    async def _fresh(self, session: AsyncSession, found: _Found) -> Employee:
        """Read the employee again under a lock: what was verified must still be so."""
        query = select(Employee).where(Employee.id == found.id).with_for_update()
        employee = (await session.execute(query)).scalar_one_or_none()
        if employee is None or employee.state is not EmployeeState.ACTIVE:
            raise LoginRefused
        if employee.password_hash != found.password_hash:
            raise LoginRefused
        return employee

    async def _employee(self, session: AsyncSession, employee_id: str) -> Employee:
        employee = await session.get(Employee, employee_id)
        if employee is None or employee.state is not EmployeeState.ACTIVE:
            raise Unauthenticated
        return employee

    async def _renew(
        self, session: AsyncSession, principal: Principal, stage: Stage, *, source: str
    ) -> OpenedSession:
        """Replace the principal's session by one with a new token."""
        old = await self._sessions.take(session, principal.session_id, set(Stage))
        if old is None:
            raise SessionUnknown
        until = old.expires_at if old.stage is Stage.FULL else None
        return await self._sessions.open(session, principal.employee_id, stage, source=source, until=until)

    async def _next_stage(self, session: AsyncSession, employee: Employee, *, totp: bool) -> Stage:
        if employee.must_change_password:
            return Stage.CHANGE_PASSWORD
        roles: set[Role] = set(
            await session.scalars(select(EmployeeRole.role).where(EmployeeRole.employee_id == employee.id))
        )
        return Stage.ENROL_TOTP if not totp and roles & self._policy.totp_roles else Stage.FULL

    async def _rehash(self, found: _Found, password: str) -> None:
        """Bring an old hash up to today's parameters while the password is at hand."""
        if not self._passwords.is_outdated(found.password_hash):
            return
        hashed = await self._passwords.hash(password)
        async with self._database.begin() as session:
            employee = await session.get(Employee, found.id)
            if employee is not None and employee.password_hash == found.password_hash:
                employee.password_hash = hashed

    async def _note(
        self, session: AsyncSession, kind: str, employee_id: str | None, **facts: str | bool
    ) -> None:
        await self._books.append(session, kind, {"employee_id": employee_id, **facts})


def normal_username(username: str) -> str:
    """Names are compared without case or surrounding space."""
    return username.strip().casefold()
