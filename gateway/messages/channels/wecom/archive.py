"""Reads an archive record by record into the books. What is not understood is kept as it came.

The cursor moves in the transaction that keeps a record. A crash before it reads the record again, and every
step before is idempotent by the vendor's message id.
"""

import re
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.sealed import Field
from core.vault import Cipher, SubjectErased, SubjectKeys, Vault
from gateway.contact.model import Direction, Purpose
from gateway.messages import sealing
from gateway.messages.attachments import Attachments
from gateway.messages.books import MessageBooks, Said
from gateway.messages.channels.wecom.members import ArchiveMembers, Parties
from gateway.messages.channels.wecom.records import ArchiveRecord, read_record
from gateway.messages.channels.wecom.sources import ArchiveSource, RawRecord
from gateway.messages.conduct import Conduct, ConductBooks
from gateway.messages.events import ConductKind
from gateway.messages.inbox import Inbox
from gateway.messages.model import BodyKind, ChannelKind, MessageRole, MessageState, Received, ReceivedMedia
from gateway.messages.models import ArchiveCursorRow, ArchiveRecordRow, MessageRow, ThreadRow
from gateway.messages.ports import Screener
from gateway.messages.rulefile import ScreeningPolicy
from gateway.messages.screening.decide import decide
from gateway.messages.screening.detect import NOTHING
from gateway.messages.threads import Calendar, count_message, open_thread

BATCH = 200
TABLE = "gw_archive_records"
_OF_STAFF_ONLY = frozenset({ConductKind.MESSAGE_RECALLED, ConductKind.LOCATION})
"""What a customer may do without anybody asking why."""
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.=+/-]{1,128}")
_MAY_BE_NUMBER = re.compile(r"[0-9]{8}")
_NO_MESSAGE = frozenset({"revoke", "agree", "disagree", "switch", "unreadable"})


@dataclass(frozen=True, slots=True)
class ArchiveParts:
    """What the reader stands on."""

    database: Database
    clock: Clock
    vault: Vault
    subject_keys: SubjectKeys
    inbox: Inbox
    books: MessageBooks
    conducts: ConductBooks
    members: ArchiveMembers
    attachments: Attachments
    screener: Screener
    policy: ScreeningPolicy
    calendar: Calendar


class ArchiveReader:
    """Reads one source from where it stopped."""

    def __init__(
        self,
        name: str,
        source: ArchiveSource,
        parts: ArchiveParts,
        *,
        channel: ChannelKind = ChannelKind.WECOM,
    ) -> None:
        self._name = name
        self._channel = channel
        self._source = source
        self._parts = parts

    async def read(self, *, limit: int = BATCH) -> int:
        """Read up to `limit` records; give how many came. Raises `ChannelUnavailable`: ask again later."""
        async with self._parts.database.read() as session:
            cursor = await session.get(ArchiveCursorRow, self._name)
        records = await self._source.fetch(cursor.seq if cursor else 0, limit)
        for raw in records:
            await self.take(raw)
        return len(records)

    async def take(self, raw: RawRecord) -> str | None:
        """Keep one record; give the message that it is, None if it is none. Again: the same."""
        record = self._named(read_record(raw.seq, raw.record_id, raw.payload))
        parts = self._parts
        async with parts.database.read() as session:
            known = await self._known(session, record.record_id)
            parties = await parts.members.parties(session, self._name, record.sender, record.receivers)
        message_id = None
        if known is None and parties.binding is not None and not self._apart(record):
            message_id = await self._message(record, parties)
        async with parts.database.begin() as session:
            if await self._known(session, record.record_id) is None:
                await self._keep(session, record, parties, message_id)
            await self._move(session, raw.seq)
            return await session.scalar(
                select(ArchiveRecordRow.message_id).where(
                    ArchiveRecordRow.source == self._name, ArchiveRecordRow.record_id == record.record_id
                )
            )

    def _named(self, record: ArchiveRecord) -> ArchiveRecord:
        return replace(record, record_id=self._name_of(record.record_id))

    def _name_of(self, vendors: str) -> str:
        """Give an id as we keep it: as the vendor wrote it, or blinded where it may hold a number."""
        if _PLAIN_ID.fullmatch(vendors) and not _MAY_BE_NUMBER.search(vendors):
            return vendors
        return self._parts.vault.blind("archive.record", vendors).raw.hex() if vendors else ""

    def _apart(self, record: ArchiveRecord) -> bool:
        return record.kind in _NO_MESSAGE or record.conduct in {
            ConductKind.CONTACT_DELETED_BY_STAFF,
            ConductKind.CONTACT_DELETED_BY_CUSTOMER,
            ConductKind.CHAT_DELETED,
        }

    async def _message(self, record: ArchiveRecord, parties: Parties) -> str | None:
        """Make a message of a record; give its id, None where the customer is erased."""
        media = await self._media(record)
        if parties.binding is None:
            return None
        async with self._parts.database.begin() as session:
            thread = await open_thread(session, parties.binding, self._channel, self._parts.clock.now())
        if parties.by_staff:
            try:
                return await self._staff(record, thread, media, parties.employee_id or thread.employee_id)
            except SubjectErased:
                return None
        kept = await self._parts.inbox.keep(
            Received(
                self._channel,
                record.record_id,
                sent_at=record.at,
                thread_id=thread.id,
                text=record.text,
                media=media,
                in_group=bool(record.room),
            )
        )
        return kept.message_id

    async def _media(self, record: ArchiveRecord) -> tuple[ReceivedMedia, ...]:
        file_id = record.body.file_id()
        content = await self._source.media(file_id) if file_id else None
        if content is None:
            return ()
        name = str(getattr(record.body, "filename", ""))
        return (ReceivedMedia(record.body_kind, content, file_name=name),)

    async def _staff(
        self, record: ArchiveRecord, thread: ThreadRow, media: tuple[ReceivedMedia, ...], employee_id: str
    ) -> str:
        """Write what an employee wrote there, screened after the fact: it cannot be stopped any more.

        It is theirs, even if the thread has gone to a successor since.
        """
        parts, now = self._parts, self._parts.clock.now()
        files = [
            await parts.attachments.keep_or_note(thread.customer_id, one.content, one.file_name)
            for one in media
        ]
        async with parts.database.begin() as session:
            query = select(MessageRow.id).where(
                MessageRow.channel == self._channel, MessageRow.provider_reference == record.record_id
            )
            known = await session.scalar(query)
            if known is not None:
                return known
            current = await session.get(ThreadRow, thread.id, with_for_update=True, populate_existing=True)
            day = await count_message(
                session, current or thread, parts.calendar, now, employee_id=employee_id
            )
            cipher = await parts.subject_keys.cipher(session, thread.customer_id)
            purpose: Purpose = thread.purpose
            hits = parts.screener.find(record.text, purpose)
            screened = decide(record.text, hits, parts.policy, NOTHING)
            row = MessageRow(
                id=new_id(),
                thread_id=thread.id,
                thread_day_id=day.id,
                employee_id=employee_id,
                department_id=thread.department_id,
                customer_id=thread.customer_id,
                channel=self._channel,
                direction=Direction.OUTBOUND,
                role=MessageRole.STAFF,
                kind=record.body_kind if record.text or files else BodyKind.OTHER,
                in_group=bool(record.room),
                author_id=employee_id,
                action=screened.action,
                findings=[
                    {
                        "category": finding.category,
                        "action": finding.action.value,
                        "rule_id": finding.rule_id,
                        "count": finding.count,
                        "zh": finding.zh,
                        "en": finding.en,
                        "begin": finding.begin,
                        "end": finding.end,
                    }
                    for finding in screened.findings
                ],
                policy_version=screened.policy_version,
                reason_zh="",
                reason_en="",
                state=MessageState.DELIVERED,
                reference=new_id(),
                provider_reference=record.record_id,
                created_at=now,
                written_at=record.at,
                sent_at=record.at,
            )
            sealing.put_body(row, cipher, record.text, screened.text)
            await parts.books.receive(session, row, close=False, said=Said("archived"))
            for kept in files:
                await parts.books.attach(session, parts.attachments.row(kept, row, cipher))
            return row.id

    async def _keep(
        self, session: AsyncSession, record: ArchiveRecord, parties: Parties, message_id: str | None
    ) -> None:
        """Keep the record itself, apply recalls both ways, and tell conduct."""
        now = self._parts.clock.now()
        row = ArchiveRecordRow(
            id=new_id(),
            source=self._name,
            record_id=record.record_id,
            seq=record.seq,
            kind=record.kind[:40],
            at=record.at,
            customer_id=parties.customer_id,
            message_id=message_id,
            recalls=self._name_of(record.recalls[:128]) or None,
            kept_at=now,
        )
        cipher = await self._cipher(session, parties)
        row.original = cipher.seal(Field(TABLE, "original", row.id), record.original)
        session.add(row)
        await session.flush()
        recalled = await self._recalled(session, record, message_id)
        conduct = record.conduct
        if conduct is not None and (parties.by_staff or conduct not in _OF_STAFF_ONLY):
            await self._tell(session, conduct, record.record_id, record, parties, recalled or message_id)
        if record.room and parties.by_staff and any(_external(one) for one in record.receivers):
            room = self._parts.members.index(f"room/{record.room}").raw.hex()
            await self._tell(session, ConductKind.PRIVATE_GROUP, f"room-{room}", record, parties, message_id)

    async def _tell(
        self,
        session: AsyncSession,
        kind: ConductKind,
        subject: str,
        record: ArchiveRecord,
        parties: Parties,
        message_id: str | None,
    ) -> None:
        binding = parties.binding
        thread_id = None
        if binding is not None:
            thread_id = await session.scalar(
                select(ThreadRow.id).where(
                    ThreadRow.binding_id == binding.id, ThreadRow.channel == self._channel
                )
            )
        await self._parts.conducts.write(
            session,
            Conduct(
                kind,
                f"{self._name}/{subject}"[:160],
                record.at or self._parts.clock.now(),
                parties.employee_id,
                binding.department_id if binding else None,
                parties.customer_id,
                thread_id,
                message_id,
            ),
        )

    async def _recalled(
        self, session: AsyncSession, record: ArchiveRecord, message_id: str | None
    ) -> str | None:
        """Mark what was recalled: by this record, or by one that came before its message. The text stays."""
        now = self._parts.clock.now()
        if record.recalls:
            row = await session.scalar(
                select(MessageRow).where(
                    MessageRow.channel == self._channel,
                    MessageRow.provider_reference == self._name_of(record.recalls[:128]),
                )
            )
            if row is not None:
                row.recalled_at = record.at or now
                return row.id
        elif message_id is not None:
            earlier = await session.scalar(
                select(ArchiveRecordRow).where(
                    ArchiveRecordRow.source == self._name, ArchiveRecordRow.recalls == record.record_id
                )
            )
            row = await session.get(MessageRow, message_id) if earlier is not None else None
            if row is not None and earlier is not None:
                row.recalled_at = earlier.at or now
        return None

    async def _cipher(self, session: AsyncSession, parties: Parties) -> Cipher:
        if parties.customer_id is not None:
            try:
                return await self._parts.subject_keys.cipher(session, parties.customer_id)
            except SubjectErased:
                pass
        return self._parts.vault.cipher()

    async def _known(self, session: AsyncSession, record_id: str) -> str | None:
        return await session.scalar(
            select(ArchiveRecordRow.id).where(
                ArchiveRecordRow.source == self._name, ArchiveRecordRow.record_id == record_id
            )
        )

    async def _move(self, session: AsyncSession, seq: int) -> None:
        cursor = await session.get(ArchiveCursorRow, self._name, with_for_update=True)
        now = self._parts.clock.now()
        if cursor is None:
            session.add(ArchiveCursorRow(source=self._name, seq=seq, read_at=now))
        else:
            cursor.seq, cursor.read_at = max(cursor.seq, seq), now


def _external(member: str) -> bool:
    """External contacts and robots of WeCom have ids of their own."""
    return member.startswith(("wm", "wo", "wb"))
