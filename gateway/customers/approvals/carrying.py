"""Carries out what was approved: in the transaction of the approval, or not at all."""

from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger import JSON
from core.vault import Cipher
from gateway.customers.approvals.books import RequestBooks
from gateway.customers.approvals.exporting import CustomerExports, MadeFile
from gateway.customers.approvals.models import RequestRow
from gateway.customers.approvals.sealing import RequestSealing
from gateway.customers.models import CustomerRow
from gateway.customers.service import CustomerService


class Carrier:
    """Joins the caller's transaction; request and customer are locked and looked at again. `by` decided."""

    def __init__(
        self,
        *,
        customers: CustomerService,
        exports: CustomerExports,
        sealing: RequestSealing,
        books: RequestBooks,
    ) -> None:
        self._customers = customers
        self._exports = exports
        self._sealing = sealing
        self._books = books

    async def change(
        self, session: AsyncSession, row: RequestRow, customer: CustomerRow, cipher: Cipher, *, by: str | None
    ) -> None:
        """Write the new values, checked once more.

        Raises: CustomerInvalid, CustomerExists, ExternalIdTaken.
        """
        wanted = self._sealing.wanted(row, cipher)
        with session.no_autoflush:
            sound = await self._customers.changer.check(session, customer, cipher, wanted)
        await self._books.done(session, row, by)
        await self._customers.change_in(session, customer, cipher, sound, _told(row, by))

    async def erase(
        self, session: AsyncSession, row: RequestRow, customer: CustomerRow, *, by: str | None
    ) -> None:
        """Erase; after the commit the caller purges the remains. Raises what refuses an erasure."""
        await self._books.done(session, row, by)
        await self._customers.erase_in(session, customer, _told(row, by))

    async def export(self, session: AsyncSession, row: RequestRow, made: MadeFile, *, by: str | None) -> None:
        """Give the file to its request."""
        self._exports.keep(session, row.id, made)
        row.rows = made.rows
        await self._books.done(session, row, by, rows=made.rows, sha256=made.sha256)


def _told(row: RequestRow, by: str | None) -> dict[str, JSON]:
    return {"by": row.asked_by, "request": row.id, "approved_by": by, "second_person": row.second_person}
