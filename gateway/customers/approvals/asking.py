"""Somebody asks: for another identity of a customer, for an erasure, for a list to take along."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.clock import Clock
from core.config import ApprovalSettings
from core.db import Database
from core.ids import new_id
from core.sheets.faults import Fault
from core.vault import Cipher, SubjectKeys
from core.vault.subjects import purge_remains
from gateway import permissions
from gateway.customers import repository
from gateway.customers.approvals.books import RequestBooks
from gateway.customers.approvals.carrying import Carrier
from gateway.customers.approvals.errors import NothingChanged, RequestPending
from gateway.customers.approvals.exporting import CustomerExports, MadeFile
from gateway.customers.approvals.model import ErasureGround, ExportWish, RequestKind, RequestState
from gateway.customers.approvals.models import RequestRow
from gateway.customers.approvals.ports import EvidenceHolds
from gateway.customers.approvals.sealing import RequestSealing, masked, values
from gateway.customers.approvals.words import cleaned
from gateway.customers.changing import IDENTIFYING, given
from gateway.customers.errors import CustomerInvalid, CustomerUnknown
from gateway.customers.fields import FieldChecker
from gateway.customers.model import CustomerChange
from gateway.customers.models import CustomerRow
from gateway.customers.phone import PhoneNumber
from gateway.customers.service import CustomerService


class RequestDesk:
    """Takes requests in. Where the institution needs no second person, it is done in the same transaction."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        subject_keys: SubjectKeys,
        sealing: RequestSealing,
        customers: CustomerService,
        checker: FieldChecker,
        exports: CustomerExports,
        carrier: Carrier,
        books: RequestBooks,
        holds: EvidenceHolds,
        settings: ApprovalSettings,
    ) -> None:
        self._db = database
        self._clock = clock
        self._keys = subject_keys
        self._sealing = sealing
        self._customers = customers
        self._checker = checker
        self._exports = exports
        self._carrier = carrier
        self._books = books
        self._holds = holds
        self._settings = settings

    async def change(
        self, principal: Principal, customer_id: str, change: CustomerChange, reason: str
    ) -> str:
        """Ask that a customer be somebody else: name, number, document, external id. Gives the request's id.

        Raises: CustomerUnknown, CustomerInvalid, CustomerExists, ExternalIdTaken, NothingChanged,
        ReasonInvalid, RequestPending.
        """
        if not given(change) <= set(IDENTIFYING):
            raise ValueError("only what identifies a customer is asked for; the rest is changed")
        tried = self._customers.probes.trying(principal, change.phone)
        async with tried, self._db.begin() as session:
            customer, cipher = await self._customer(
                session, principal, permissions.CUSTOMER_WRITE, customer_id
            )
            await self._alone(session, RequestKind.CHANGE, customer_id=customer.id)
            changer = self._customers.changer
            with session.no_autoflush:
                sound = await changer.check(session, customer, cipher, change)
            before = changer.identity(customer, cipher)
            after, moved = sound.after(before), changer.moved(before, sound)
            if not moved:
                raise NothingChanged
            numbers = [PhoneNumber(one).national for one in (before.phone, after.phone) if one]
            row = self._row(principal, RequestKind.CHANGE, needs=self._settings.change)
            row.customer_id, row.fields = customer.id, ",".join(moved)
            row.base = changer.print_of(before)
            text = cleaned(reason, numbers, needed=True)
            row.reason = self._sealing.seal(row.id, "reason", text, cipher)
            row.payload = self._sealing.seal_json(row.id, "payload", values(after, moved), cipher)
            row.shown = self._sealing.seal_json(row.id, "shown", masked(before, after, moved), cipher)
            session.add(row)
            await self._books.asked(session, row)
            if not row.second_person:
                await self._carrier.change(session, row, customer, cipher, by=None)
            return row.id

    async def erasure(
        self, principal: Principal, customer_id: str, ground: ErasureGround, reason: str
    ) -> str:
        """Ask that a customer be erased; gives the request's id.

        Raises: CustomerUnknown, ReasonInvalid, RequestPending, and what refuses an erasure now (a hold).
        """
        async with self._db.begin() as session:
            customer, cipher = await self._customer(
                session, principal, permissions.CUSTOMER_ERASE, customer_id
            )
            await self._alone(session, RequestKind.ERASURE, customer_id=customer.id)
            await self._holds.refuse_held(session, customer.id)
            identity = self._customers.changer.identity(customer, cipher)
            row = self._row(principal, RequestKind.ERASURE, needs=self._settings.erasure)
            row.customer_id, row.ground = customer.id, ground
            row.base = self._customers.changer.print_of(identity)
            own = [PhoneNumber(identity.phone).national] if identity.phone else []
            text = cleaned(reason, own, needed=True)
            row.reason = self._sealing.seal(row.id, "reason", text, cipher)
            session.add(row)
            await self._books.asked(session, row)
            alone = not row.second_person
            if alone:
                await self._carrier.erase(session, row, customer, by=None)
            request_id = row.id
        if alone:
            await purge_remains(self._db)
        return request_id

    async def export(self, principal: Principal, wish: ExportWish, reason: str) -> str:
        """Ask for a list of the customers within one's reach; gives the request's id.

        Raises: ExportEmpty, ExportTooLarge, CustomerInvalid (the tag), ReasonInvalid, RequestPending.
        """
        principal.require(permissions.CUSTOMER_EXPORT)
        if wish.tag:
            faults: list[Fault] = []
            self._checker.tags((wish.tag,), faults)
            if faults:
                raise CustomerInvalid(*faults)
        text = cleaned(reason, needed=True)
        row = self._row(principal, RequestKind.EXPORT, needs=self._settings.export)
        row.sheet, row.tag, row.owner_id = wish.sheet, wish.tag, wish.owner_id
        row.reason = self._sealing.seal(row.id, "reason", text, None)
        made: MadeFile | None = None
        if not row.second_person:
            made = await self._exports.make(principal, row.id, wish)
        try:
            async with self._db.begin() as session:
                await self._alone(session, RequestKind.EXPORT, asked_by=principal.employee_id)
                row.rows = await self._exports.count(session, principal, wish)
                session.add(row)
                await self._books.asked(session, row)
                if made is not None:
                    await self._carrier.export(session, row, made, by=None)
                return row.id
        except BaseException:
            if made is not None:
                await self._exports.drop(made)
            raise

    async def preview(self, principal: Principal, wish: ExportWish) -> int:
        """Count what an export would hold; raise `ExportEmpty`, `ExportTooLarge`."""
        async with self._db.read() as session:
            return await self._exports.count(session, principal, wish)

    # --- inside

    async def _customer(
        self, session: AsyncSession, principal: Principal, permission: str, customer_id: str
    ) -> tuple[CustomerRow, Cipher]:
        row = await repository.fetch(session, principal, permission, customer_id, lock=True)
        if row.erased_at is not None:
            raise CustomerUnknown
        return row, await self._keys.cipher(session, row.id)

    async def _alone(
        self,
        session: AsyncSession,
        kind: RequestKind,
        *,
        customer_id: str | None = None,
        asked_by: str | None = None,
    ) -> None:
        """Raise `RequestPending` if such a request waits: two answers to one question would race."""
        query = select(RequestRow.id).where(
            RequestRow.kind == kind,
            RequestRow.state == RequestState.WAITING,
            RequestRow.expires_at > self._clock.now(),
        )
        if customer_id is not None:
            query = query.where(RequestRow.customer_id == customer_id)
        if asked_by is not None:
            query = query.where(RequestRow.asked_by == asked_by)
        if await session.scalar(query.limit(1)) is not None:
            raise RequestPending

    def _row(self, principal: Principal, kind: RequestKind, *, needs: bool) -> RequestRow:
        now = self._clock.now()
        return RequestRow(
            id=new_id(),
            kind=kind,
            state=RequestState.WAITING,
            asked_by=principal.employee_id,
            department_id=principal.department_id,
            asked_at=now,
            expires_at=now + timedelta(seconds=self._settings.expire_s),
            second_person=needs,
        )
