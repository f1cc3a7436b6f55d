"""Customers: created, changed, found and erased. Whatever comes out is masked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.audit import AccessNotes, NoNotes, Seen
from core.clock import Clock
from core.config import ApprovalSettings
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from core.sheets.faults import Fault
from core.vault import Cipher, SubjectKeys
from core.vault.subjects import purge_remains
from gateway import permissions
from gateway.customers import repository
from gateway.customers.changing import Changer, SoundChange
from gateway.customers.errors import (
    ApprovalRequired,
    CustomerExists,
    CustomerInvalid,
    CustomerUnknown,
    ExternalIdTaken,
)
from gateway.customers.events import CustomerErased
from gateway.customers.fields import FieldChecker
from gateway.customers.model import (
    CustomerChange,
    CustomerFilter,
    CustomerInput,
    CustomerView,
)
from gateway.customers.models import CustomerRow, CustomerTagRow
from gateway.customers.owners import find_owner
from gateway.customers.probes import Probes
from gateway.customers.sealing import CustomerSealing


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """One page of masked customers."""

    items: tuple[CustomerView, ...]
    next_cursor: str | None


class CustomerService:
    """The use cases of a customer's record."""

    def __init__(
        self,
        *,
        database: Database,
        subject_keys: SubjectKeys,
        sealing: CustomerSealing,
        ledger: Ledger,
        events: EventBus,
        clock: Clock,
        checker: FieldChecker,
        second_person: ApprovalSettings,
        notes: AccessNotes | None = None,
    ) -> None:
        self._db = database
        self._keys = subject_keys
        self._sealing = sealing
        self._ledger = ledger
        self._events = events
        self._clock = clock
        self._checker = checker
        self._second_person = second_person
        self.changer = Changer(vault=subject_keys.vault, sealing=sealing, checker=checker)
        self._notes = notes or NoNotes()
        self.probes = Probes(self._notes)

    async def create(
        self, principal: Principal, given: CustomerInput, *, owner_id: str | None = None
    ) -> CustomerView:
        """Create a customer.

        Raises: CustomerInvalid (all faults at once), CustomerExists, ExternalIdTaken, OwnerInvalid.
        """
        draft = self._checker.check(given)
        async with self.probes.trying(principal, given.phone), self._db.begin() as session:
            owner = await find_owner(session, principal, permissions.CUSTOMER_WRITE, owner_id)
            await self.changer.refuse_phone(session, draft.phone)
            await self.changer.refuse_external_id(session, draft.external_id)
            customer_id = new_id()
            cipher = await self._keys.create(session, customer_id)
            row = self._sealing.new_row(
                draft, customer_id, cipher, owner=owner, by=principal.employee_id, now=self._clock.now()
            )
            session.add(row)
            session.add_all(CustomerTagRow(customer_id=row.id, tag=tag) for tag in draft.tags)
            await self._flush(session)
            body = {"customer": row.id, "owner": owner.employee_id, "by": principal.employee_id}
            await self._ledger.append(session, "customer.created", body)
            return self._sealing.view(row, cipher, tuple(sorted(draft.tags)))

    async def get(self, principal: Principal, customer_id: str) -> CustomerView:
        """Give one customer, masked; raise `CustomerUnknown`. Who looked is in the access log."""
        async with self._db.read() as session:
            row = await repository.fetch(session, principal, permissions.CUSTOMER_READ, customer_id)
            view = (await self._views(session, [row]))[0]
        await self._notes.note(principal, Seen.CUSTOMER, customer_id, customer_id=customer_id)
        return view

    async def many(self, principal: Principal, customer_ids: Collection[str]) -> dict[str, CustomerView]:
        """Give those of the customers that the principal may see, masked, by id."""
        reach = scope_clause(
            principal,
            permissions.CUSTOMER_READ,
            owner=CustomerRow.owner_id,
            department=CustomerRow.department_id,
        )
        async with self._db.read() as session:
            query = select(CustomerRow).where(CustomerRow.id.in_(set(customer_ids)), reach)
            rows = list(await session.scalars(query))
            return {view.id: view for view in await self._views(session, rows)}

    async def find(
        self,
        principal: Principal,
        wanted: CustomerFilter,
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> CustomerPage:
        """Search by name or surname, last four digits, tag and owner, newest first.

        That somebody searched is in the access log, and whether it hit; not what for.
        """
        if wanted.last_four and not (len(wanted.last_four) == 4 and wanted.last_four.isdecimal()):
            zh, en = "请输入四位数字。", "Give four digits."
            raise CustomerInvalid(Fault("last_four", "last-four-invalid", zh, en))
        async with self._db.read() as session:
            rows, following = await repository.find_page(
                session,
                principal,
                permissions.CUSTOMER_READ,
                wanted,
                self._sealing,
                cursor=cursor,
                limit=limit,
            )
            page = CustomerPage(tuple(await self._views(session, rows)), following)
        if cursor is None:
            await self.probes.searched(principal, wanted, hits=bool(page.items))
        return page

    async def update(self, principal: Principal, customer_id: str, change: CustomerChange) -> CustomerView:
        """Change some fields. Raises as `create` does, `CustomerUnknown`, and `ApprovalRequired`.

        What says who the customer is (`IDENTIFYING`) is asked for, not changed here, unless the institution
        has switched the second person off. Giving it as it is changes nothing and is no matter.
        """
        async with self.probes.trying(principal, change.phone), self._db.begin() as session:
            row = await repository.fetch(
                session, principal, permissions.CUSTOMER_WRITE, customer_id, lock=True
            )
            if row.erased_at is not None:
                raise CustomerUnknown
            cipher = await self._keys.cipher(session, row.id)
            with session.no_autoflush:
                sound = await self.changer.check(session, row, cipher, change)
                moved = self.changer.moved(self.changer.identity(row, cipher), sound)
                if moved and self._second_person.change:
                    raise ApprovalRequired(fields=",".join(moved))
                if change.owner_id is not None:
                    owner = await find_owner(session, principal, permissions.CUSTOMER_WRITE, change.owner_id)
                    row.owner_id, row.department_id = owner.employee_id, owner.department_id
            body: dict[str, JSON] = {"by": principal.employee_id}
            if moved:
                body["second_person"] = False
            await self.change_in(session, row, cipher, sound, body)
            return (await self._views(session, [row]))[0]

    async def change_in(
        self,
        session: AsyncSession,
        row: CustomerRow,
        cipher: Cipher,
        sound: SoundChange,
        told: Mapping[str, JSON],
    ) -> None:
        """Write a checked change in the caller's transaction; `told` is who did it, for the ledger.

        Raises: CustomerExists, ExternalIdTaken, if somebody else was faster.
        """
        with session.no_autoflush:
            self.changer.put(row, cipher, sound)
        row.updated_at = self._clock.now()
        await self._flush(session)
        if "tags" in sound.given:
            await repository.put_tags(session, row.id, sound.tags)
        changed: list[JSON] = [part.name for part in fields(CustomerChange) if part.name in sound.given]
        body: dict[str, JSON] = {"customer": row.id, "fields": changed, **told}
        await self._ledger.append(session, "customer.updated", body)

    async def erase(self, principal: Principal, customer_id: str) -> None:
        """Destroy the customer's key and every index: all copies, recordings too, become unreadable.

        Raises `CustomerUnknown`, `ApprovalRequired` unless the second person is switched off, or what a
        subscriber of `CustomerErased` raises (a contact is open).
        """
        async with self._db.begin() as session:
            row = await repository.fetch(
                session, principal, permissions.CUSTOMER_ERASE, customer_id, lock=True
            )
            if row.erased_at is not None:
                raise CustomerUnknown
            if self._second_person.erasure:
                raise ApprovalRequired
            await self.erase_in(session, row, {"by": principal.employee_id, "second_person": False})
        await purge_remains(self._db)

    async def erase_in(self, session: AsyncSession, row: CustomerRow, told: Mapping[str, JSON]) -> None:
        """Erase in the caller's transaction; after the commit the caller purges the remains (`core.vault`).

        Raises what a subscriber of `CustomerErased` raises.
        """
        now = self._clock.now()
        destroyed = await self._keys.destroy(session, row.id)
        await self._events.publish(session, CustomerErased(row.id, now))
        self._sealing.forget(row)
        row.erased_at = row.updated_at = now
        await repository.put_tags(session, row.id, ())
        body: dict[str, JSON] = {
            "customer": row.id,
            "key": destroyed.key_id,
            "wrapped_key_sha256": destroyed.wrapped_key_sha256,
            **told,
        }
        await self._ledger.append(session, "customer.erased", body)

    async def _flush(self, session: AsyncSession) -> None:
        """Write now, and turn a lost race for a unique field into the domain's error."""
        try:
            async with session.begin_nested():
                await session.flush()
        except IntegrityError as error:
            if "external_id" in str(error.orig):
                raise ExternalIdTaken from None
            raise CustomerExists from None

    async def _views(self, session: AsyncSession, rows: Sequence[CustomerRow]) -> list[CustomerView]:
        ids = [row.id for row in rows]
        ciphers = await self._keys.ciphers(session, ids)
        tags = await repository.tags_of(session, ids)
        return [self._sealing.view(row, ciphers.get(row.id), tags[row.id]) for row in rows]
