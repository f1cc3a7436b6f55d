"""What `web` does with calls: passes wishes on to the calls process, within the principal's scope."""

from typing import Protocol

from core.access.model import Principal
from core.db import Database
from core.ledger import Ledger
from gateway.calls.control import Hanger
from gateway.calls.errors import CallOver
from gateway.calls.permissions import CALL_HANGUP
from gateway.calls.queries import CallQueries
from gateway.calls.service import PlacedCall


class CallsProcess(Protocol):
    """The way to the calls process; `CallsClient` is the real one."""

    async def place(self, employee_id: str, binding_id: str, idempotency_key: str | None) -> PlacedCall: ...

    async def hangup(self, call_id: str, by: Hanger) -> None: ...

    async def end_inactive(self) -> int: ...


class CallDesk:
    """Places and ends calls for people."""

    def __init__(
        self, database: Database, *, queries: CallQueries, process: CallsProcess, ledger: Ledger
    ) -> None:
        self._database = database
        self._queries = queries
        self._process = process
        self._ledger = ledger

    async def place(self, principal: Principal, binding_id: str, idempotency_key: str | None) -> PlacedCall:
        """Call the principal's own phone, then the customer of their binding."""
        return await self._process.place(principal.employee_id, binding_id, idempotency_key)

    async def hangup(self, principal: Principal, call_id: str) -> None:
        """End a call of one's own, or of those in one's scope; the ledger keeps who did it.

        Raises `CallNotFound`, `CallOver`, `CallsUnavailable`.
        """
        row = (await self._queries.get(principal, call_id, permission=CALL_HANGUP)).row
        if row.ended_at is not None:
            raise CallOver
        own = row.employee_id == principal.employee_id
        async with self._database.begin() as session:
            body = {"call_id": row.id, "contact_id": row.contact_id, "by": principal.employee_id}
            await self._ledger.append(session, "call.hangup-asked", body)
        await self._process.hangup(call_id, Hanger.STAFF if own else Hanger.SUPERVISOR)
