"""What ends requests besides people: time, an erasure, and somebody who leaves."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.events import EmployeeSuspended
from core.clock import Clock
from core.db import Database
from gateway.customers.approvals.books import RequestBooks
from gateway.customers.approvals.exporting import CustomerExports
from gateway.customers.approvals.model import RequestKind, RequestState
from gateway.customers.approvals.models import RequestRow
from gateway.customers.events import CustomerErased

BATCH = 100
_WAITING = RequestRow.state == RequestState.WAITING


class RequestUpkeep:
    """Listens and sweeps."""

    def __init__(
        self, *, database: Database, clock: Clock, books: RequestBooks, exports: CustomerExports
    ) -> None:
        self._db = database
        self._clock = clock
        self._books = books
        self._exports = exports

    async def sweep(self) -> int:
        """End what nobody decided in time, and delete files; gives how many of both. A chore of the relay."""
        late = _WAITING & (RequestRow.expires_at <= self._clock.now())
        async with self._db.begin() as session:
            rows = await _locked(session, late, skip=True)
            for row in rows:
                await self._books.expired(session, row)
        return len(rows) + await self._exports.sweep()

    async def on_customer_erased(self, session: AsyncSession, event: CustomerErased) -> None:
        """What else was asked about an erased customer is overtaken."""
        for row in await _locked(session, _WAITING & (RequestRow.customer_id == event.customer_id)):
            await self._books.stale(session, row, None)

    async def on_suspended(self, session: AsyncSession, event: EmployeeSuspended) -> None:
        """Who is out asks for nothing and takes nothing; what waited for their decision waits for others."""
        for row in await _locked(session, _WAITING & (RequestRow.asked_by == event.employee_id)):
            await self._books.withdrawn(session, row, event.by)
        approved = select(RequestRow.id).where(
            RequestRow.asked_by == event.employee_id,
            RequestRow.kind == RequestKind.EXPORT,
            RequestRow.state == RequestState.DONE,
        )
        await self._books.end_files(session, list(await session.scalars(approved)))


class RequestDuties:
    """What unbinding shows and locks (`gateway.offboarding.ports.Duties`): suspending then withdraws it."""

    async def of(self, session: AsyncSession, employee_id: str) -> Mapping[str, frozenset[str]]:
        """Give the ids of what somebody has asked for and nobody has decided, locked."""
        rows = await _locked(session, _WAITING & (RequestRow.asked_by == employee_id))
        return {"requests": frozenset(row.id for row in rows)}

    async def pass_on(self, session: AsyncSession, employee_id: str, successor_id: str | None) -> None:
        """Nothing: a request is never somebody else's; whoever comes after asks anew."""
        del session, employee_id, successor_id


async def _locked(
    session: AsyncSession, which: ColumnElement[bool], *, skip: bool = False
) -> list[RequestRow]:
    query = select(RequestRow).where(which).order_by(RequestRow.id)
    if skip:
        query = query.limit(BATCH)
    return list(await session.scalars(query.with_for_update(skip_locked=skip)))
