"""Reads threads and messages within a principal's scope. What a customer wrote comes out masked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.access.scope import scope_clause
from core.audit import AccessNotes, NoNotes, Seen
from core.clock import Clock
from core.db import Database
from core.vault import Cipher, SubjectKeys
from core.web.paging import CursorInvalid, decode_cursor, encode_cursor, paginate
from gateway.contact.model import Purpose
from gateway.customers.models import CustomerRow
from gateway.customers.sealing import CustomerSealing
from gateway.messages import sealing
from gateway.messages.errors import MessageUnknown, ThreadUnknown
from gateway.messages.model import ChannelKind, MessageRole, MessageState
from gateway.messages.models import (
    AttachmentRow,
    MessageEventRow,
    MessageRow,
    OptOutRow,
    ThreadRow,
)
from gateway.messages.permissions import MESSAGE_READ, MESSAGE_REVIEW, OPT_OUT_READ
from gateway.messages.screening.detect import detect, mask
from gateway.numbers.models import LineRow


@dataclass(frozen=True, slots=True)
class ThreadFilter:
    """Which threads to list."""

    employee_id: str | None = None
    customer_id: str | None = None
    channel: ChannelKind | None = None
    purpose: Purpose | None = None
    unread: bool | None = None


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A thread with the names that people know; the customer's are masked, empty after erasure."""

    row: ThreadRow
    employee_name: str
    customer_name: str
    customer_phone: str
    line_number: str


@dataclass(frozen=True, slots=True)
class AttachmentView:
    """A file as people see it; the name is masked too, and so is what a machine read in it (`text`)."""

    row: AttachmentRow
    file_name: str
    shown: bool
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message with its masked text, its files and what happened to it.

    `review_note` is what a reviewer told the author, masked like the text.
    """

    row: MessageRow
    text: str = field(repr=False)
    masked: bool
    attachments: tuple[AttachmentView, ...]
    events: tuple[MessageEventRow, ...] = ()
    review_note: str = field(default="", repr=False)


class MessageQueries:
    """What people may know about messages; but for the read mark nothing here writes."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        subject_keys: SubjectKeys,
        sealing: CustomerSealing,
        notes: AccessNotes | None = None,
    ) -> None:
        self._db = database
        self._clock = clock
        self._keys = subject_keys
        self._sealing = sealing
        self._notes = notes or NoNotes()

    async def threads(
        self, principal: Principal, wanted: ThreadFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[ThreadView], str | None]:
        """Give one page of threads, newest first."""
        query = select(ThreadRow).where(_threads_of(principal), *_conditions(wanted))
        async with self._db.read() as session:
            rows, following = await paginate(session, query, key=ThreadRow.id, cursor=cursor, limit=limit)
            return await self._thread_views(session, rows), following

    async def recent(
        self, principal: Principal, wanted: ThreadFilter, *, cursor: str | None = None, limit: int = 30
    ) -> tuple[list[ThreadView], str | None]:
        """Give one page of threads, the one in which something happened last first."""
        query = select(ThreadRow).where(_threads_of(principal), *_conditions(wanted))
        if cursor is not None:
            query = query.where(_before(cursor))
        query = query.order_by(ThreadRow.last_at.desc(), ThreadRow.id.desc()).limit(limit + 1)
        async with self._db.read() as session:
            rows = list(await session.scalars(query))
            views = await self._thread_views(session, rows[:limit])
        following = None
        if len(rows) > limit:
            following = encode_cursor(views[-1].row.last_at.isoformat(), views[-1].row.id)
        return views, following

    async def latest(self, principal: Principal, thread_ids: Collection[str]) -> dict[str, MessageView]:
        """Give the last message of each of these threads, as far as the principal may see them."""
        last = (
            select(func.max(MessageRow.id))
            .where(MessageRow.thread_id.in_(thread_ids), _messages_of(principal, MESSAGE_READ))
            .group_by(MessageRow.thread_id)
        )
        async with self._db.read() as session:
            rows = list(await session.scalars(select(MessageRow).where(MessageRow.id.in_(last))))
            views = await self._message_views(session, principal, rows)
        return {view.row.thread_id: view for view in views}

    async def of_contacts(self, principal: Principal, contact_ids: Collection[str]) -> dict[str, MessageRow]:
        """Give the message of each of these contacts; its text stays sealed."""
        query = select(MessageRow).where(
            MessageRow.contact_id.in_(contact_ids), _messages_of(principal, MESSAGE_READ)
        )
        async with self._db.read() as session:
            return {row.contact_id: row for row in await session.scalars(query) if row.contact_id}

    async def thread(self, principal: Principal, thread_id: str) -> ThreadView:
        """Give one thread; raise `ThreadUnknown` if there is none or it is out of scope."""
        async with self._db.read() as session:
            query = select(ThreadRow).where(ThreadRow.id == thread_id, _threads_of(principal))
            row = await session.scalar(query)
            if row is None:
                raise ThreadUnknown
            (view,) = await self._thread_views(session, [row])
            return view

    async def messages(
        self, principal: Principal, thread_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[MessageView], str | None]:
        """Give one page of a thread's messages, newest first. Who read them is in the access log."""
        seen = (await self.thread(principal, thread_id)).row
        await self._notes.note(principal, Seen.THREAD, seen.id, customer_id=seen.customer_id)
        query = select(MessageRow).where(MessageRow.thread_id == thread_id)
        async with self._db.read() as session:
            rows, following = await paginate(session, query, key=MessageRow.id, cursor=cursor, limit=limit)
            return await self._message_views(session, principal, rows), following

    async def pulse(self, principal: Principal, thread_id: str) -> str:
        """Give a word that changes when anything happens in a thread, or raise `ThreadUnknown`."""
        async with self._db.read() as session:
            query = select(ThreadRow.last_at, ThreadRow.messages)
            found = (
                await session.execute(query.where(ThreadRow.id == thread_id, _threads_of(principal)))
            ).one_or_none()
            if found is None:
                raise ThreadUnknown
            last_event = await session.scalar(
                select(func.max(MessageEventRow.id))
                .join(MessageRow, MessageRow.id == MessageEventRow.message_id)
                .where(MessageRow.thread_id == thread_id)
            )
        return f"{found.last_at.timestamp():.0f}-{found.messages}-{last_event or 0}"

    async def mark_read(self, principal: Principal, thread_id: str) -> None:
        """Say that the employee has seen what the customer wrote; only the thread's own employee can."""
        view = await self.thread(principal, thread_id)
        if view.row.employee_id != principal.employee_id:
            return
        async with self._db.begin() as session:
            await session.execute(
                update(MessageRow)
                .where(
                    MessageRow.thread_id == thread_id,
                    MessageRow.state == MessageState.RECEIVED,
                    MessageRow.read_at.is_(None),
                )
                .values(read_at=self._clock.now())
            )
            await session.execute(update(ThreadRow).where(ThreadRow.id == thread_id).values(unread=0))

    async def message(self, principal: Principal, message_id: str) -> MessageView:
        """Give one message with what happened to it."""
        async with self._db.read() as session:
            scope = _messages_of(principal, MESSAGE_READ)
            row = await session.scalar(select(MessageRow).where(MessageRow.id == message_id, scope))
            if row is None:
                raise MessageUnknown
            (view,) = await self._message_views(session, principal, [row])
            events = await session.scalars(
                select(MessageEventRow)
                .where(MessageEventRow.message_id == row.id)
                .order_by(MessageEventRow.id)
            )
            return replace(view, events=tuple(events))

    async def threads_by_id(self, principal: Principal, thread_ids: Collection[str]) -> dict[str, ThreadView]:
        """Give these threads by id; what is out of scope is missing."""
        query = select(ThreadRow).where(ThreadRow.id.in_(thread_ids), _threads_of(principal))
        async with self._db.read() as session:
            views = await self._thread_views(session, list(await session.scalars(query)))
            return {view.row.id: view for view in views}

    async def threads_of_contacts(
        self, principal: Principal, contact_ids: Collection[str]
    ) -> dict[str, ThreadView]:
        """Give the threads of contacts by message, by contact."""
        query = select(MessageRow.contact_id, MessageRow.thread_id).where(
            MessageRow.contact_id.in_(contact_ids), _messages_of(principal, MESSAGE_READ)
        )
        async with self._db.read() as session:
            thread_of = {contact: thread for contact, thread in await session.execute(query) if contact}
        threads = await self.threads_by_id(principal, set(thread_of.values()))
        return {contact: threads[thread] for contact, thread in thread_of.items() if thread in threads}

    async def threads_of_messages(self, principal: Principal, message_ids: Collection[str]) -> dict[str, str]:
        """Say in which thread each of these messages is, as far as the principal may see it."""
        query = select(MessageRow.id, MessageRow.thread_id).where(
            MessageRow.id.in_(message_ids), _messages_of(principal, MESSAGE_READ)
        )
        async with self._db.read() as session:
            found: dict[str, str] = dict((await session.execute(query)).all())
            return found

    async def held(
        self,
        principal: Principal,
        *,
        cursor: str | None = None,
        limit: int = 50,
        newest_first: bool = True,
    ) -> tuple[list[MessageView], str | None]:
        """Give messages that wait for a decision."""
        query = select(MessageRow).where(
            MessageRow.state == MessageState.HELD, _messages_of(principal, MESSAGE_REVIEW)
        )
        async with self._db.read() as session:
            rows, following = await paginate(
                session, query, key=MessageRow.id, cursor=cursor, limit=limit, newest_first=newest_first
            )
            return await self._message_views(session, principal, rows), following

    async def opt_outs(
        self, principal: Principal, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[OptOutRow], str | None]:
        """Give one page of opt-outs, newest first."""
        scope = scope_clause(
            principal, OPT_OUT_READ, owner=OptOutRow.employee_id, department=OptOutRow.department_id
        )
        async with self._db.read() as session:
            query = select(OptOutRow).where(scope)
            return await paginate(session, query, key=OptOutRow.id, cursor=cursor, limit=limit)

    async def _thread_views(self, session: AsyncSession, rows: Sequence[ThreadRow]) -> list[ThreadView]:
        customer_ids = {row.customer_id for row in rows}
        ciphers = await self._keys.ciphers(session, customer_ids)
        sealed = await session.scalars(select(CustomerRow).where(CustomerRow.id.in_(customer_ids)))
        masked = {row.id: self._sealing.view(row, ciphers.get(row.id), ()) for row in sealed}
        names = await session.execute(
            select(Employee.id, Employee.display_name).where(Employee.id.in_({r.employee_id for r in rows}))
        )
        lines = await session.execute(
            select(LineRow.id, LineRow.number).where(LineRow.id.in_({row.line_id for row in rows}))
        )
        name_of, number_of = dict(names.all()), dict(lines.all())
        views = []
        for row in rows:
            customer = masked.get(row.customer_id)
            views.append(
                ThreadView(
                    row,
                    name_of.get(row.employee_id, ""),
                    customer.name_masked if customer else "",
                    customer.phone_masked if customer else "",
                    number_of.get(row.line_id, ""),
                )
            )
        return views

    async def _message_views(
        self, session: AsyncSession, principal: Principal, rows: Sequence[MessageRow]
    ) -> list[MessageView]:
        customer_ids = {row.customer_id for row in rows}
        ciphers = await self._keys.ciphers(session, customer_ids)
        sealed = await session.scalars(select(CustomerRow).where(CustomerRow.id.in_(customer_ids)))
        own = {row.id: self._own_number(row, ciphers.get(row.id)) for row in sealed}
        files = await _files(session, rows)
        views = []
        for row in rows:
            cipher = ciphers.get(row.customer_id)
            numbers = own.get(row.customer_id, ())
            # Of what staff wrote only what leaves is shown: it is masked already.
            text = sealing.sent_body_of(row, cipher)
            spots = detect(text, own=numbers) if row.role is MessageRole.CUSTOMER else ()
            covered = mask(text, spots)
            attachments = tuple(
                _attachment(file, cipher, numbers, principal, row) for file in files.get(row.id, [])
            )
            note = sealing.review_note_of(row, cipher)
            covered_note = mask(note, detect(note, own=numbers))
            was_masked = bool(spots) or row.sent_body is not None
            views.append(MessageView(row, covered, was_masked, attachments, review_note=covered_note))
        return views

    def _own_number(self, row: CustomerRow, cipher: Cipher | None) -> tuple[str, ...]:
        phone = self._sealing.phone_of(row, cipher) if cipher is not None else None
        return (phone.national,) if phone is not None else ()


def _attachment(
    file: AttachmentRow,
    cipher: Cipher | None,
    own: tuple[str, ...],
    principal: Principal,
    message: MessageRow,
) -> AttachmentView:
    name = sealing.file_name_of(file, cipher)
    mine = message.author_id == principal.employee_id
    shown = file.blob_id is not None and (file.cleared_at is not None or mine)
    text = sealing.covered_text_of(file, cipher)
    return AttachmentView(file, mask(name, detect(name, own=own)), shown, mask(text, detect(text, own=own)))


async def _files(session: AsyncSession, rows: Sequence[MessageRow]) -> dict[str, list[AttachmentRow]]:
    found: dict[str, list[AttachmentRow]] = {}
    query = select(AttachmentRow).where(AttachmentRow.message_id.in_([row.id for row in rows]))
    for file in await session.scalars(query.order_by(AttachmentRow.id)):
        found.setdefault(file.message_id, []).append(file)
    return found


def _before(cursor: str) -> ColumnElement[bool]:
    moment, thread_id = decode_cursor(cursor, 2)
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        raise CursorInvalid from None
    if at.tzinfo is None:
        raise CursorInvalid
    return or_(ThreadRow.last_at < at, and_(ThreadRow.last_at == at, ThreadRow.id < thread_id))


def _threads_of(principal: Principal) -> ColumnElement[bool]:
    return scope_clause(
        principal, MESSAGE_READ, owner=ThreadRow.employee_id, department=ThreadRow.department_id
    )


def _messages_of(principal: Principal, permission: str) -> ColumnElement[bool]:
    """Give the messages that `permission` reaches. Who has a thread now reads a predecessor's part too."""
    seen = scope_clause(
        principal, permission, owner=MessageRow.employee_id, department=MessageRow.department_id
    )
    if permission != MESSAGE_READ:
        return seen
    own = select(ThreadRow.id).where(ThreadRow.employee_id == principal.employee_id)
    return or_(seen, MessageRow.thread_id.in_(own))


def _conditions(wanted: ThreadFilter) -> list[ColumnElement[bool]]:
    equal: tuple[tuple[Any, Any], ...] = (
        (ThreadRow.employee_id, wanted.employee_id),
        (ThreadRow.customer_id, wanted.customer_id),
        (ThreadRow.channel, wanted.channel),
        (ThreadRow.purpose, wanted.purpose),
    )
    found: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if wanted.unread is not None:
        found.append(ThreadRow.unread > 0 if wanted.unread else ThreadRow.unread == 0)
    return found
