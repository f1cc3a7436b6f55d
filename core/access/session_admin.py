"""Looking at and ending sessions: one's own, and those of others within reach."""

from core.access.errors import SessionUnknown
from core.access.grants import SESSION_KILL, SESSION_READ
from core.access.model import Principal
from core.access.people import find_employee
from core.access.ports import Books
from core.access.sessions import SessionBook, SessionView
from core.db import Database
from core.ledger import JSON


class SessionService:
    """Lists and ends sessions; each end goes to the ledger."""

    def __init__(self, database: Database, *, sessions: SessionBook, books: Books) -> None:
        self._database = database
        self._sessions = sessions
        self._books = books

    async def own(self, principal: Principal) -> list[SessionView]:
        async with self._database.read() as session:
            return [*await self._sessions.of(session, principal.id)]

    async def end_own(self, principal: Principal, session_id: str) -> None:
        """End one of one's own sessions.

        Raises:
            SessionUnknown: there is none, or it is somebody else's.
        """
        async with self._database.begin() as session:
            if session_id not in {seen.id for seen in await self._sessions.of(session, principal.id)}:
                raise SessionUnknown
            await self._sessions.kill(session, session_id)
            body = {"employee_id": principal.id, "session_id": session_id}
            await self._books.append(session, "account.session-ended", body)

    async def of(self, principal: Principal, employee_id: str) -> list[SessionView]:
        """List the live sessions of an employee within reach."""
        async with self._database.read() as session:
            employee = await find_employee(session, principal, SESSION_READ, employee_id)
            return [*await self._sessions.of(session, employee.id)]

    async def end_one(self, principal: Principal, employee_id: str, session_id: str) -> None:
        """End one session of an employee within reach; raise `SessionUnknown` if there is none."""
        async with self._database.begin() as session:
            employee = await find_employee(session, principal, SESSION_KILL, employee_id)
            if session_id not in {seen.id for seen in await self._sessions.of(session, employee.id)}:
                raise SessionUnknown
            await self._sessions.kill(session, session_id)
            body = {"employee_id": employee.id, "by": principal.id, "session_id": session_id}
            await self._books.append(session, "employee.session-ended", body)

    async def end_all(self, principal: Principal, employee_id: str) -> int:
        """End all sessions of an employee within reach; gives how many."""
        async with self._database.begin() as session:
            employee = await find_employee(session, principal, SESSION_KILL, employee_id)
            ended = await self._sessions.kill_all(session, employee.id)
            body: dict[str, JSON] = {
                "employee_id": employee.id,
                "by": principal.id,
                "sessions_ended": ended,
            }
            await self._books.append(session, "employee.sessions-ended", body)
            return ended
