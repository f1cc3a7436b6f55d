"""Somebody else decides: approved, it is done at once and as it was asked; whoever asked may take it back."""

from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.errors import MasklineError
from core.vault import Cipher, SubjectKeys
from core.vault.subjects import purge_remains
from gateway import permissions
from gateway.customers import repository
from gateway.customers.approvals.books import RequestBooks
from gateway.customers.approvals.carrying import Carrier
from gateway.customers.approvals.errors import (
    OwnRequest,
    RequestExpired,
    RequestNotWaiting,
    RequestStale,
    RequestUnknown,
)
from gateway.customers.approvals.exporting import CustomerExports, MadeFile
from gateway.customers.approvals.model import ExportWish, RequestKind, RequestState, SheetFormat
from gateway.customers.approvals.models import RequestRow
from gateway.customers.approvals.reach import NEEDED, Makers, fetch
from gateway.customers.approvals.sealing import RequestSealing
from gateway.customers.approvals.words import cleaned
from gateway.customers.errors import CustomerUnknown
from gateway.customers.models import CustomerRow
from gateway.customers.phone import PhoneNumber
from gateway.customers.service import CustomerService


class Decider:
    """The second person's side. Locks the customer before the request, as all others do."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        subject_keys: SubjectKeys,
        sealing: RequestSealing,
        customers: CustomerService,
        exports: CustomerExports,
        carrier: Carrier,
        books: RequestBooks,
        makers: Makers,
    ) -> None:
        self._db = database
        self._clock = clock
        self._keys = subject_keys
        self._sealing = sealing
        self._customers = customers
        self._exports = exports
        self._carrier = carrier
        self._books = books
        self._makers = makers

    async def approve(self, principal: Principal, request_id: str, note: str = "") -> None:
        """Let it be done, now.

        Raises:
            RequestUnknown, OwnRequest, RequestNotWaiting
            RequestExpired, RequestStale: it ended by this; nothing else happened
            ReasonInvalid, and what refuses the act itself (CustomerExists, held evidence): it waits on
        """
        made = await self._file_for(principal, request_id)
        ended: MasklineError | None = None
        erased = kept = False
        try:
            async with self._db.begin() as session:
                row, customer, cipher = await self._waiting(session, principal, request_id)
                if row.expires_at <= self._clock.now():
                    await self._books.expired(session, row)
                    ended = RequestExpired()
                elif await self._is_stale(session, row, customer, cipher, made):
                    await self._books.stale(session, row, principal.employee_id)
                    ended = RequestStale()
                else:
                    self._write_note(row, customer, cipher, note, needed=False)
                    by = principal.employee_id
                    if made is not None:
                        await self._carrier.export(session, row, made, by=by)
                    elif customer is not None and cipher is not None and row.kind is RequestKind.CHANGE:
                        await self._carrier.change(session, row, customer, cipher, by=by)
                    elif customer is not None:
                        await self._carrier.erase(session, row, customer, by=by)
                        erased = True
                    kept = made is not None
        finally:
            if made is not None and not kept:
                await self._exports.drop(made)
        if ended is not None:  # after the commit: that it ended stays
            raise ended
        if erased:
            await purge_remains(self._db)

    async def reject(self, principal: Principal, request_id: str, note: str) -> None:
        """Say no, and why.

        Raises: RequestUnknown, OwnRequest, RequestNotWaiting, ReasonInvalid.
        """
        async with self._db.begin() as session:
            row, customer, cipher = await self._waiting(session, principal, request_id)
            self._write_note(row, customer, cipher, note, needed=True)
            await self._books.rejected(session, row, principal.employee_id)

    async def withdraw(self, principal: Principal, request_id: str) -> None:
        """Take one's own request back.

        Raises: RequestUnknown (also for another's), RequestNotWaiting.
        """
        async with self._db.begin() as session:
            row = await session.get(RequestRow, request_id, with_for_update=True, populate_existing=True)
            if row is None or row.asked_by != principal.employee_id:
                raise RequestUnknown
            if row.state is not RequestState.WAITING:
                raise RequestNotWaiting
            await self._books.withdrawn(session, row, principal.employee_id)

    # --- inside

    async def _file_for(self, principal: Principal, request_id: str) -> MadeFile | None:
        """Make an export's file before the write transaction, which must be short; None for all else.

        What the maker may not have any more is not made: the transaction finds the request stale.
        """
        async with self._db.read() as session:
            row = await fetch(session, principal, permissions.CUSTOMER_APPROVE, request_id)
            self._refuse(principal, row)
            if row.kind is not RequestKind.EXPORT or row.expires_at <= self._clock.now():
                return None
            maker = await self._makers.principal(session, row.asked_by)
        if maker is None or not maker.allows(permissions.CUSTOMER_EXPORT):
            return None
        return await self._exports.make(maker, row.id, wish_of(row))

    async def _waiting(
        self, session: AsyncSession, principal: Principal, request_id: str
    ) -> tuple[RequestRow, CustomerRow | None, Cipher | None]:
        """Lock the customer and the request, and refuse who may not decide about it."""
        seen = await fetch(session, principal, permissions.CUSTOMER_APPROVE, request_id)
        customer = cipher = None
        if seen.customer_id is not None:
            customer = await session.get(
                CustomerRow, seen.customer_id, with_for_update=True, populate_existing=True
            )
        row = await session.get_one(RequestRow, request_id, with_for_update=True, populate_existing=True)
        self._refuse(principal, row)
        # Once more, under the lock: the customer may have gone to another department meanwhile.
        await fetch(session, principal, permissions.CUSTOMER_APPROVE, request_id)
        if customer is not None and customer.erased_at is None:
            cipher = await self._keys.cipher(session, customer.id)
        return row, customer, cipher

    def _refuse(self, principal: Principal, row: RequestRow) -> None:
        principal.require(permissions.CUSTOMER_APPROVE)
        if row.asked_by == principal.employee_id:
            raise OwnRequest
        if row.kind is RequestKind.ERASURE:
            principal.require(permissions.CUSTOMER_ERASE)
        if row.state is not RequestState.WAITING:
            raise RequestNotWaiting

    async def _is_stale(
        self,
        session: AsyncSession,
        row: RequestRow,
        customer: CustomerRow | None,
        cipher: Cipher | None,
        made: MadeFile | None,
    ) -> bool:
        """Whether what was asked for is not what would happen now."""
        if row.kind is RequestKind.EXPORT:
            return made is None
        if customer is None or cipher is None:
            return True
        maker = await self._makers.principal(session, row.asked_by)
        if maker is None or not maker.allows(NEEDED[row.kind]):
            return True
        try:
            await repository.fetch(session, maker, NEEDED[row.kind], customer.id)
        except CustomerUnknown:  # it is somebody else's customer by now
            return True
        changer = self._customers.changer
        return changer.print_of(changer.identity(customer, cipher)) != row.base

    def _write_note(
        self,
        row: RequestRow,
        customer: CustomerRow | None,
        cipher: Cipher | None,
        note: str,
        *,
        needed: bool,
    ) -> None:
        own: list[str] = []
        if customer is not None and cipher is not None:
            phone = self._customers.changer.identity(customer, cipher).phone
            wanted = self._sealing.wanted(row, cipher).phone
            own = [PhoneNumber(one).national for one in (phone, wanted) if one]
        text = cleaned(note, own, needed=needed)
        if text and (row.customer_id is None or cipher is not None):
            row.note = self._sealing.seal(row.id, "note", text, cipher)


def wish_of(row: RequestRow) -> ExportWish:
    """Give what an export was asked to hold."""
    return ExportWish(row.sheet or SheetFormat.XLSX, row.tag, row.owner_id)
