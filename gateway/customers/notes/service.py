"""Notes and next steps: written sealed and without contact data, shown within the customer's scope."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.audit import AccessNotes, NoNotes, Seen
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from core.sealed import Field, Sealed
from core.vault import Cipher, SubjectKeys
from core.web.paging import paginate
from gateway import permissions
from gateway.customers import repository
from gateway.customers.errors import CustomerUnknown, TimeInvalid
from gateway.customers.events import CustomerErased
from gateway.customers.models import CustomerRow
from gateway.customers.notes.errors import NoteInvalid, NoteUnknown, StepUnknown, TooManySteps
from gateway.customers.notes.model import MAX_TEXT, NoteView, StepAsked, StepView
from gateway.customers.notes.models import NextStepRow, NoteRow
from gateway.customers.sealing import CustomerSealing
from gateway.messages.screening.detect import detect, mask

MAX_AHEAD = timedelta(days=366)
MAX_OPEN = 20
NOTES, STEPS = NoteRow.__tablename__, NextStepRow.__tablename__


class NoteService:
    """What staff write down about a customer. The ledger hears that they did, never what."""

    def __init__(
        self,
        *,
        database: Database,
        subject_keys: SubjectKeys,
        sealing: CustomerSealing,
        ledger: Ledger,
        clock: Clock,
        access: AccessNotes | None = None,
    ) -> None:
        self._db = database
        self._keys = subject_keys
        self._sealing = sealing
        self._ledger = ledger
        self._clock = clock
        self._access = access or NoNotes()

    async def add(self, principal: Principal, customer_id: str, text: str) -> NoteView:
        """Write a note; contact data in it is covered for good. Raises CustomerUnknown, NoteInvalid."""
        text = _checked(text)
        async with self._db.begin() as session:
            customer, cipher = await self._customer(session, principal, customer_id)
            covered, masked = self._cover(text, customer, cipher)
            row = NoteRow(
                id=new_id(),
                customer_id=customer.id,
                masked=masked,
                created_at=self._clock.now(),
                created_by=principal.employee_id,
            )
            row.text = cipher.seal(Field(NOTES, "text", row.id), covered)
            session.add(row)
            await session.flush()
            await self._note(session, "note.added", principal, {"note": row.id, "customer": customer.id})
            return _note_view(row, cipher, principal.display_name)

    async def withdraw(self, principal: Principal, customer_id: str, note_id: str) -> None:
        """Hide a note of one's own; it stays sealed in the books and can come back."""
        await self._switch(principal, customer_id, note_id, withdrawn=True)

    async def restore(self, principal: Principal, customer_id: str, note_id: str) -> None:
        """Show a withdrawn note of one's own again."""
        await self._switch(principal, customer_id, note_id, withdrawn=False)

    async def find(
        self,
        principal: Principal,
        customer_id: str,
        *,
        cursor: str | None = None,
        limit: int = 50,
        opened: bool = False,
    ) -> tuple[list[NoteView], str | None]:
        """Give one page of a customer's notes, newest first, withdrawn ones without their text.

        Who read them is in the access log, unless the customer was `opened` a moment ago and is there.
        """
        async with self._db.read() as session:
            await repository.fetch(session, principal, permissions.NOTE_READ, customer_id)
            query = select(NoteRow).where(NoteRow.customer_id == customer_id)
            rows, following = await paginate(session, query, key=NoteRow.id, cursor=cursor, limit=limit)
            ciphers = await self._keys.ciphers(session, {customer_id})
            names = await session.execute(
                select(Employee.id, Employee.display_name).where(
                    Employee.id.in_({row.created_by for row in rows})
                )
            )
            name_of = dict(names.all())
            cipher = ciphers.get(customer_id)
            views = [_note_view(row, cipher, name_of.get(row.created_by, "")) for row in rows]
        await self._seen(principal, customer_id, opened=opened)
        return views, following

    async def plan(self, principal: Principal, customer_id: str, asked: StepAsked) -> StepView:
        """Plan a next step. Raises CustomerUnknown, NoteInvalid, TimeInvalid, TooManySteps."""
        text = _checked(asked.text) if asked.text.strip() else ""
        now = self._clock.now()
        self._check_due(asked.due_at, now)
        async with self._db.begin() as session:
            customer, cipher = await self._customer(session, principal, customer_id)
            await self._check_room(session, customer.id)
            covered, masked = self._cover(text, customer, cipher)
            row = NextStepRow(
                id=new_id(),
                customer_id=customer.id,
                kind=asked.kind,
                due_at=asked.due_at,
                masked=masked,
                created_at=now,
                created_by=principal.employee_id,
            )
            if covered:
                row.text = cipher.seal(Field(STEPS, "text", row.id), covered)
            session.add(row)
            await session.flush()
            body: dict[str, JSON] = {
                "step": row.id,
                "customer": customer.id,
                "kind": asked.kind.value,
                "due_at": asked.due_at.isoformat(),
            }
            await self._note(session, "next-step.planned", principal, body)
            return step_view(row, cipher)

    async def finish(self, principal: Principal, customer_id: str, step_id: str) -> None:
        """Mark a next step as done; done twice is done."""
        async with self._db.begin() as session:
            row = await self._step(session, principal, customer_id, step_id)
            if row.done_at is not None:
                return
            row.done_at, row.done_by = self._clock.now(), principal.employee_id
            await self._note(
                session, "next-step.done", principal, {"step": row.id, "customer": row.customer_id}
            )

    async def reopen(self, principal: Principal, customer_id: str, step_id: str) -> None:
        """Take back that a next step is done."""
        async with self._db.begin() as session:
            row = await self._step(session, principal, customer_id, step_id)
            if row.done_at is None:
                return
            await self._check_room(session, row.customer_id)
            row.done_at = row.done_by = None
            await self._note(
                session, "next-step.reopened", principal, {"step": row.id, "customer": row.customer_id}
            )

    async def steps(
        self,
        principal: Principal,
        customer_id: str,
        *,
        open_only: bool = False,
        limit: int = 50,
        opened: bool = False,
    ) -> list[StepView]:
        """Give a customer's next steps: open ones by due time, then done ones, the last first.

        `opened` as in `find`.
        """
        async with self._db.read() as session:
            await repository.fetch(session, principal, permissions.NOTE_READ, customer_id)
            ciphers = await self._keys.ciphers(session, {customer_id})
            mine = NextStepRow.customer_id == customer_id
            query = select(NextStepRow).where(mine, NextStepRow.done_at.is_(None))
            rows = list(await session.scalars(query.order_by(NextStepRow.due_at, NextStepRow.id)))
            if not open_only:
                done = select(NextStepRow).where(mine, NextStepRow.done_at.is_not(None))
                done = done.order_by(NextStepRow.done_at.desc(), NextStepRow.id).limit(limit)
                rows += await session.scalars(done)
            views = [step_view(row, ciphers.get(customer_id)) for row in rows]
        await self._seen(principal, customer_id, opened=opened)
        return views

    async def on_customer_erased(self, session: AsyncSession, event: CustomerErased) -> None:
        """Empty what was sealed and close what was open, in the transaction of the erasure."""
        for table in (NoteRow, NextStepRow):
            await session.execute(
                update(table).where(table.customer_id == event.customer_id).values(text=None)
            )
        await session.execute(
            update(NextStepRow)
            .where(NextStepRow.customer_id == event.customer_id, NextStepRow.done_at.is_(None))
            .values(done_at=event.at)
        )

    # --- inside

    async def _seen(self, principal: Principal, customer_id: str, *, opened: bool) -> None:
        if not opened:
            await self._access.note(principal, Seen.CUSTOMER, customer_id, customer_id=customer_id)

    async def _customer(
        self, session: AsyncSession, principal: Principal, customer_id: str
    ) -> tuple[CustomerRow, Cipher]:
        row = await repository.fetch(session, principal, permissions.NOTE_WRITE, customer_id, lock=True)
        if row.erased_at is not None:
            raise CustomerUnknown
        return row, await self._keys.cipher(session, row.id)

    async def _step(
        self, session: AsyncSession, principal: Principal, customer_id: str, step_id: str
    ) -> NextStepRow:
        customer, _ = await self._customer(session, principal, customer_id)
        query = select(NextStepRow).where(NextStepRow.id == step_id, NextStepRow.customer_id == customer.id)
        row = await session.scalar(query)
        if row is None:
            raise StepUnknown
        return row

    async def _switch(self, principal: Principal, customer_id: str, note_id: str, *, withdrawn: bool) -> None:
        async with self._db.begin() as session:
            customer, _ = await self._customer(session, principal, customer_id)
            query = select(NoteRow).where(
                NoteRow.id == note_id,
                NoteRow.customer_id == customer.id,
                NoteRow.created_by == principal.employee_id,
            )
            row = await session.scalar(query)
            if row is None:
                raise NoteUnknown
            if (row.withdrawn_at is not None) == withdrawn:
                return
            row.withdrawn_at = self._clock.now() if withdrawn else None
            kind = "note.withdrawn" if withdrawn else "note.restored"
            await self._note(session, kind, principal, {"note": row.id, "customer": customer.id})

    async def _check_room(self, session: AsyncSession, customer_id: str) -> None:
        query = select(func.count()).where(
            NextStepRow.customer_id == customer_id, NextStepRow.done_at.is_(None)
        )
        if (await session.scalar(query) or 0) >= MAX_OPEN:
            raise TooManySteps

    def _check_due(self, due_at: datetime, now: datetime) -> None:
        if due_at <= now:
            raise TimeInvalid("A next step lies in the future.", detail_zh="下一步的时间必须在未来。")
        if due_at > now + MAX_AHEAD:
            raise TimeInvalid("At most a year ahead.", detail_zh="最多提前一年。")

    def _cover(self, text: str, customer: CustomerRow, cipher: Cipher) -> tuple[str, bool]:
        """Cover contact data: a number that is written here would be one that somebody can call."""
        phone = self._sealing.phone_of(customer, cipher)
        spots = detect(text, own=(phone.national,) if phone else ())
        return mask(text, spots), bool(spots)

    async def _note(
        self, session: AsyncSession, kind: str, principal: Principal, body: dict[str, JSON]
    ) -> None:
        await session.flush()
        await self._ledger.append(session, kind, {**body, "by": principal.employee_id})


def step_view(row: NextStepRow, cipher: Cipher | None) -> StepView:
    """Open a next step for people."""
    return StepView(
        id=row.id,
        customer_id=row.customer_id,
        kind=row.kind,
        due_at=row.due_at,
        created_at=row.created_at,
        created_by=row.created_by,
        masked=row.masked,
        done_at=row.done_at,
        done_by=row.done_by,
        text=_opened(cipher, STEPS, row.id, row.text),
    )


def _note_view(row: NoteRow, cipher: Cipher | None, author_name: str) -> NoteView:
    return NoteView(
        id=row.id,
        customer_id=row.customer_id,
        author_id=row.created_by,
        author_name=author_name,
        created_at=row.created_at,
        masked=row.masked,
        withdrawn_at=row.withdrawn_at,
        text="" if row.withdrawn_at is not None else _opened(cipher, NOTES, row.id, row.text),
    )


def _opened(cipher: Cipher | None, table: str, row_id: str, sealed: Sealed | None) -> str:
    if cipher is None or sealed is None:
        return ""
    return cipher.open_text(Field(table, "text", row_id), sealed)


def _checked(text: str) -> str:
    """Give the text without blanks around it, or raise `NoteInvalid`."""
    text = "\n".join(text.splitlines()).strip()
    if not text:
        raise NoteInvalid("It is empty.", detail_zh="内容为空。")
    if len(text) > MAX_TEXT:
        raise NoteInvalid(f"At most {MAX_TEXT} characters.", detail_zh=f"最多 {MAX_TEXT} 字。")
    if any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in text):
        raise NoteInvalid("It holds control characters.", detail_zh="含控制字符。")
    return text


def open_first(rows: Sequence[NextStepRow]) -> dict[str, NextStepRow]:
    """Give the first due step of each customer, of rows in the order of their due time."""
    first: dict[str, NextStepRow] = {}
    for row in rows:
        first.setdefault(row.customer_id, row)
    return first
