"""What was written, for quality assurance: unmasked, never shown as it is, with the places to hide."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.vault import Cipher, SubjectKeys
from gateway.contact.model import Purpose
from gateway.customers.models import CustomerRow
from gateway.customers.sealing import CustomerSealing
from gateway.messages import sealing
from gateway.messages.errors import MessageUnknown, ThreadUnknown
from gateway.messages.model import BodyKind, ChannelKind, MessageRole, MessageState
from gateway.messages.models import AttachmentRow, MessageRow, ThreadDayRow, ThreadRow
from gateway.messages.screening.detect import detect

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class SpokenFile:
    """A file of a message and what a machine read in it. `result` is None while none has tried."""

    attachment_id: str
    kind: BodyKind
    kept: bool
    result: str | None
    confidence: float | None
    text: str = field(repr=False)
    hidden: Spans


@dataclass(frozen=True, slots=True)
class SpokenMessage:
    """One message. `hidden` are the spans of its text that hold contact data.

    `said` is False for what never left: blocked, rejected, or failed before its first try.
    """

    message_id: str
    contact_id: str | None
    role: MessageRole
    at: datetime
    state: MessageState
    said: bool
    recalled_at: datetime | None
    text: str = field(repr=False)
    hidden: Spans = ()
    files: tuple[SpokenFile, ...] = ()
    in_group: bool = False


@dataclass(frozen=True, slots=True)
class ThreadDay:
    """The facts of a thread's day; nothing here needs the customer's key."""

    thread_day_id: str
    thread_id: str
    day: date
    opened_at: datetime
    employee_id: str
    department_id: str | None
    customer_id: str
    purpose: Purpose
    channel: ChannelKind
    contacts: tuple[str, ...]


class SpokenMessages:
    """Reads days and messages whole."""

    def __init__(self, *, database: Database, subject_keys: SubjectKeys, sealing: CustomerSealing) -> None:
        self._db = database
        self._keys = subject_keys
        self._sealing = sealing

    async def day(self, thread_day_id: str) -> ThreadDay:
        """Give the facts of a day; raise `ThreadUnknown`."""
        async with self._db.read() as session:
            return await self._day(session, thread_day_id)

    async def day_of(self, message_id: str) -> tuple[ThreadDay, str | None]:
        """Give the day of a message, and the contact that the message is; raise `MessageUnknown`.

        An answer of the house is within the customer's own contact, and is none itself.
        """
        async with self._db.read() as session:
            row = await session.get(MessageRow, message_id)
            if row is None:
                raise MessageUnknown
            contact_id = None if row.role is MessageRole.HOUSE else row.contact_id
            return await self._day(session, row.thread_day_id), contact_id

    async def messages(self, thread_day_id: str) -> tuple[SpokenMessage, ...]:
        """Give what was written on a day, in order. Raises `SubjectErased`."""
        async with self._db.read() as session:
            query = select(MessageRow).where(MessageRow.thread_day_id == thread_day_id)
            return await self._spoken(session, list(await session.scalars(query.order_by(MessageRow.id))))

    async def message(self, message_id: str) -> SpokenMessage:
        """Give one message. Raises `MessageUnknown`, `SubjectErased`."""
        async with self._db.read() as session:
            row = await session.get(MessageRow, message_id)
            if row is None:
                raise MessageUnknown
            (spoken,) = await self._spoken(session, [row])
            return spoken

    async def _day(self, session: AsyncSession, thread_day_id: str) -> ThreadDay:
        day = await session.get(ThreadDayRow, thread_day_id)
        thread = await session.get(ThreadRow, day.thread_id) if day else None
        if day is None or thread is None:
            raise ThreadUnknown
        contacts = await session.scalars(
            select(MessageRow.contact_id)
            .where(
                MessageRow.thread_day_id == day.id,
                MessageRow.contact_id.is_not(None),
                MessageRow.role != MessageRole.HOUSE,  # answers within the customer's own contact
            )
            .distinct()
        )
        return ThreadDay(
            day.id,
            thread.id,
            day.day,
            day.opened_at,
            day.employee_id,
            day.department_id,
            thread.customer_id,
            thread.purpose,
            thread.channel,
            tuple(contact for contact in contacts if contact is not None),
        )

    async def _spoken(self, session: AsyncSession, rows: Sequence[MessageRow]) -> tuple[SpokenMessage, ...]:
        if not rows:
            return ()
        cipher = await self._keys.cipher(session, rows[0].customer_id)
        customer = await session.get(CustomerRow, rows[0].customer_id)
        phone = self._sealing.phone_of(customer, cipher) if customer is not None else None
        own = (phone.national,) if phone is not None else ()
        query = select(AttachmentRow).where(AttachmentRow.message_id.in_([row.id for row in rows]))
        files: dict[str, list[AttachmentRow]] = {}
        for file in await session.scalars(query.order_by(AttachmentRow.id)):
            files.setdefault(file.message_id, []).append(file)
        return tuple(_message(row, cipher, own, files.get(row.id, [])) for row in rows)


def _message(
    row: MessageRow, cipher: Cipher, own: tuple[str, ...], files: list[AttachmentRow]
) -> SpokenMessage:
    text = sealing.body_of(row, cipher)
    return SpokenMessage(
        row.id,
        row.contact_id,
        row.role,
        row.written_at or row.created_at,
        row.state,
        _said(row),
        row.recalled_at,
        text,
        _hidden(text, own),
        tuple(_file(file, cipher, own) for file in files),
        row.in_group,
    )


def _said(row: MessageRow) -> bool:
    if row.state is MessageState.FAILED:
        return row.first_try_at is not None
    return row.state is not MessageState.BLOCKED


def _file(row: AttachmentRow, cipher: Cipher, own: tuple[str, ...]) -> SpokenFile:
    text = sealing.read_text_of(row, cipher)
    return SpokenFile(
        row.id,
        row.kind,
        row.blob_id is not None,
        row.read_result,
        row.read_confidence,
        text,
        (*_hidden(text, own), *((begin, end) for begin, end in row.read_hidden or ())),
    )


def _hidden(text: str, own: tuple[str, ...]) -> Spans:
    return tuple((spot.begin, spot.end) for spot in detect(text, own=own))
