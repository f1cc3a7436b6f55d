"""Ends requests, whichever way, in one place: the row, what it must forget, and the ledger's entry."""

from collections.abc import Mapping

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ledger import JSON, Ledger
from gateway.customers.approvals.model import RequestKind, RequestState
from gateway.customers.approvals.models import ExportRow, RequestRow


class RequestBooks:
    """Joins the caller's transaction; the caller has locked the request."""

    def __init__(self, *, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def asked(self, session: AsyncSession, row: RequestRow) -> None:
        """Write that somebody asked."""
        await session.flush()
        fields: list[JSON] = [*(row.fields or "").split(",")] if row.fields else []
        body = {**_what(row), "fields": fields, "ground": row.ground, "rows": row.rows, "by": row.asked_by}
        await self._ledger.append(
            session, "customer-request.asked", {**body, "second_person": row.second_person}
        )

    async def done(self, session: AsyncSession, row: RequestRow, by: str | None, **more: JSON) -> None:
        """Write that it was approved and is done; `by` None: no second person was needed."""
        await self._end(session, row, RequestState.DONE, by)
        body = {**_what(row), **more, "asked_by": row.asked_by, "by": by, "second_person": row.second_person}
        await self._ledger.append(session, "customer-request.done", body)

    async def rejected(self, session: AsyncSession, row: RequestRow, by: str) -> None:
        await self._end(session, row, RequestState.REJECTED, by)
        body = {**_what(row), "asked_by": row.asked_by, "by": by}
        await self._ledger.append(session, "customer-request.rejected", body)

    async def withdrawn(self, session: AsyncSession, row: RequestRow, by: str | None) -> None:
        """Write that it was taken back: by who asked, or because they left (`by` somebody else)."""
        await self._end(session, row, RequestState.WITHDRAWN, None)
        body = {**_what(row), "asked_by": row.asked_by, "by": by}
        await self._ledger.append(session, "customer-request.withdrawn", body)

    async def expired(self, session: AsyncSession, row: RequestRow) -> None:
        await self._end(session, row, RequestState.EXPIRED, None)
        body = {**_what(row), "asked_by": row.asked_by}
        await self._ledger.append(session, "customer-request.expired", body)

    async def stale(self, session: AsyncSession, row: RequestRow, by: str | None) -> None:
        """Write that it was overtaken; `by` is who found out by approving."""
        await self._end(session, row, RequestState.STALE, None)
        body = {**_what(row), "asked_by": row.asked_by, "by": by}
        await self._ledger.append(session, "customer-request.stale", body)

    async def end_files(self, session: AsyncSession, request_ids: list[str]) -> None:
        """Let nobody take these files any more; the sweep deletes them."""
        await session.execute(
            update(ExportRow)
            .where(ExportRow.request_id.in_(request_ids), ExportRow.blob_id.is_not(None))
            .values(until=self._clock.now())
        )

    async def _end(self, session: AsyncSession, row: RequestRow, state: RequestState, by: str | None) -> None:
        """Nothing stays that could still be written."""
        row.state, row.payload, row.base = state, None, None
        row.decided_by, row.decided_at = by, self._clock.now()
        await session.flush()


def _what(row: RequestRow) -> Mapping[str, JSON]:
    about: dict[str, JSON] = {"request": row.id, "kind": row.kind.value}
    if row.kind is not RequestKind.EXPORT:
        about["customer"] = row.customer_id
    return about
