"""Sessions: opaque 256-bit tokens kept as hashes, that end by idling, by age, or by being killed."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Select, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.addresses import forget, remember
from core.access.grants import STAGE_GRANTS
from core.access.model import Principal, Role
from core.access.models import Department, Employee, EmployeeRole, EmployeeState, Session, Stage
from core.access.permissions import PermissionRegistry
from core.clock import Clock
from core.config import SecuritySettings
from core.db import Database
from core.ids import new_id

PENDING_LIFETIME = timedelta(minutes=10)
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A fresh session; the only moment at which its token is known."""

    session_id: str
    stage: Stage
    expires_at: datetime
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionView:
    """A live session, for lists."""

    id: str
    employee_id: str
    stage: Stage
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    source: str


class SessionBook:
    """Opens, finds, replaces and kills sessions. The web kit's `Authenticator`."""

    def __init__(
        self, database: Database, clock: Clock, settings: SecuritySettings, permissions: PermissionRegistry
    ) -> None:
        self._database = database
        self._clock = clock
        self._permissions = permissions
        self._idle = timedelta(seconds=settings.session_idle_s)
        self._absolute = timedelta(seconds=settings.session_absolute_s)
        # Written at most this often, so that reading a page does not write a row.
        self._touch_after = min(timedelta(seconds=60), self._idle / 10)

    async def authenticate(self, token: str) -> Principal | None:
        """Give who a token belongs to; None if it is unknown, over, or its employee is suspended."""
        now = self._clock.now()
        async with self._database.read() as session:
            found = (
                await session.execute(
                    _with_people(Session.token_hash == hash_token(token), *self._alive(now))
                )
            ).one_or_none()
            if found is None:
                return None
            row, employee, path = found
            roles = await _roles_of(session, [employee.id])
        if now - row.last_seen_at >= self._touch_after:
            await self._touch(row.id, now)
        return self._principal(row, employee, path, roles.get(employee.id, frozenset()))

    async def look_up(self, session_ids: Collection[str]) -> dict[str, Principal]:
        """Give who live sessions belong to now; those that are over are missing.

        Looking is no activity: a stream that nobody watches does not keep its session alive.
        """
        async with self._database.read() as session:
            found = (
                await session.execute(
                    _with_people(Session.id.in_(session_ids), *self._alive(self._clock.now()))
                )
            ).all()
            roles = await _roles_of(session, [employee.id for _, employee, _ in found])
        return {
            row.id: self._principal(row, employee, path, roles.get(employee.id, frozenset()))
            for row, employee, path in found
        }

    def _principal(
        self, row: Session, employee: Employee, path: str | None, roles: frozenset[Role]
    ) -> Principal:
        grants = STAGE_GRANTS.get(row.stage)
        return Principal(
            employee_id=employee.id,
            department_id=employee.department_id,
            department_path=path or "",
            roles=roles,
            grants=self._permissions.grants_for(roles) if grants is None else grants,
            session_id=row.id,
            verified_at=row.verified_at,
            display_name=employee.display_name,
        )

    async def open(
        self,
        session: AsyncSession,
        employee_id: str,
        stage: Stage,
        *,
        source: str,
        until: datetime | None = None,
    ) -> OpenedSession:
        """Open a session with a new token. `until` caps it: a step-up does not make it live longer."""
        now = self._clock.now()
        lifetime = self._absolute if stage is Stage.FULL else min(PENDING_LIFETIME, self._absolute)
        expires_at = min(now + lifetime, until) if until else now + lifetime
        token = secrets.token_urlsafe(TOKEN_BYTES)
        row = Session(
            id=new_id(),
            token_hash=hash_token(token),
            employee_id=employee_id,
            stage=stage,
            created_at=now,
            last_seen_at=now,
            expires_at=expires_at,
            verified_at=now,
            source=source[:45],
        )
        session.add(row)
        await session.flush()
        await remember(session, employee_id, row.source, now)
        return OpenedSession(row.id, stage, expires_at, token)

    async def take(
        self, session: AsyncSession, session_id: str, stages: Collection[Stage]
    ) -> SessionView | None:
        """Remove a live session so that a new one can take its place; None if it is gone or elsewhere."""
        row = (
            await session.execute(
                select(Session)
                .where(Session.id == session_id, *self._alive(self._clock.now()))
                .with_for_update()
            )
        ).scalar_one_or_none()
        if row is None or row.stage not in stages:
            return None
        seen = _view(row)
        await session.delete(row)
        await session.flush()
        return seen

    async def kill(self, session: AsyncSession, session_id: str) -> bool:
        """End one session at once; False if there is none."""
        return await _deleted(session, Session.id == session_id) > 0

    async def kill_all(self, session: AsyncSession, employee_id: str, *, but: str | None = None) -> int:
        """End all sessions of an employee at once (but one); gives how many."""
        condition = Session.employee_id == employee_id
        return await _deleted(session, condition if but is None else condition & (Session.id != but))

    async def of(self, session: AsyncSession, employee_id: str) -> Sequence[SessionView]:
        """List an employee's live sessions, newest first."""
        rows = await session.scalars(
            select(Session)
            .where(Session.employee_id == employee_id, *self._alive(self._clock.now()))
            .order_by(Session.id.desc())
        )
        return [_view(row) for row in rows]

    async def sweep(self, session: AsyncSession) -> int:
        """Delete sessions that are over; gives how many."""
        now = self._clock.now()
        await forget(session, now)
        return await _deleted(
            session, or_(Session.expires_at <= now, Session.last_seen_at <= now - self._idle)
        )

    def _alive(self, now: datetime) -> tuple[Any, Any]:
        return Session.expires_at > now, Session.last_seen_at > now - self._idle

    async def _touch(self, session_id: str, now: datetime) -> None:
        async with self._database.begin() as session:
            await session.execute(
                update(Session)
                .where(Session.id == session_id, Session.last_seen_at < now)
                .values(last_seen_at=now)
            )


def _with_people(*conditions: Any) -> Select[Session, Employee, str]:
    """Select sessions of active employees, with the path of their department."""
    return (
        select(Session, Employee, Department.path)
        .join(Employee, Employee.id == Session.employee_id)
        .outerjoin(Department, Department.id == Employee.department_id)
        .where(Employee.state == EmployeeState.ACTIVE, *conditions)
    )


async def _roles_of(session: AsyncSession, employee_ids: Collection[str]) -> dict[str, frozenset[Role]]:
    rows = await session.execute(
        select(EmployeeRole.employee_id, EmployeeRole.role).where(EmployeeRole.employee_id.in_(employee_ids))
    )
    roles: dict[str, set[Role]] = {}
    for employee_id, role in rows:
        roles.setdefault(employee_id, set()).add(Role(role))
    return {employee_id: frozenset(found) for employee_id, found in roles.items()}


def hash_token(token: str) -> str:
    """A token has 256 random bits, so one fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _view(row: Session) -> SessionView:
    return SessionView(
        row.id, row.employee_id, row.stage, row.created_at, row.last_seen_at, row.expires_at, row.source
    )


async def _deleted(session: AsyncSession, condition: Any) -> int:
    result = await session.execute(delete(Session).where(condition))
    return result.rowcount if isinstance(result, CursorResult) else 0
