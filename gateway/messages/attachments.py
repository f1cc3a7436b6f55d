"""Files of messages: checked by their bytes, kept in encrypted blobs, read by a port, cleared by a person."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.blobs import BlobStore
from core.blobs.ports import BlobReader
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.vault import Cipher, SubjectKeys
from gateway.messages import permissions, sealing
from gateway.messages.errors import AttachmentNotCleared, AttachmentRefused, AttachmentUnknown
from gateway.messages.filetypes import FileRefused, FileType, identify
from gateway.messages.model import BodyKind
from gateway.messages.models import AttachmentRow, MessageRow, ThreadRow
from gateway.messages.ports import ImageText
from gateway.messages.screening.detect import detect

CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that lies in the blob store, not yet in the books."""

    attachment_id: str
    type: FileType
    size: int
    sha256: str
    blob_id: str | None
    file_name: str = field(repr=False)
    read_text: str | None = field(default=None, repr=False)
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class OpenAttachment:
    """A file to be shown, with what the answer needs. The name tells nothing."""

    source: BlobReader
    media_type: str
    file_name: str
    sha256: str


class Attachments:
    """Keeps and shows files."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        subject_keys: SubjectKeys,
        blobs: BlobStore,
        ledger: Ledger,
        image_text: ImageText,
        max_bytes: int,
    ) -> None:
        self._db = database
        self._clock = clock
        self._keys = subject_keys
        self._blobs = blobs
        self._ledger = ledger
        self._image_text = image_text
        self.max_bytes = max_bytes

    def check(self, content: bytes) -> FileType:
        """Give the type; raise `AttachmentRefused` with a code."""
        if len(content) > self.max_bytes:
            raise AttachmentRefused(cause="too-large", limit_bytes=self.max_bytes)
        try:
            return identify(content)
        except FileRefused as error:
            raise AttachmentRefused(cause=error.code) from None

    async def keep(self, customer_id: str, content: bytes, file_name: str = "") -> Kept:
        """Encrypt a file into a blob of its own and read it; raise `AttachmentRefused`.

        The blob is written before the transaction that knows it: a crash leaves a blob that nobody can open.
        """
        kind = self.check(content)
        attachment_id = new_id()
        async with self._db.read() as session:
            key = sealing.attachment_key(await self._keys.cipher(session, customer_id), attachment_id)
        writer = await self._blobs.create(key, kind.media_type)
        try:
            for start in range(0, len(content), CHUNK):
                writer.append(content[start : start + CHUNK])
            info = await asyncio.to_thread(writer.close)
        except BaseException:
            writer.discard()
            raise
        text = None
        if kind.kind is BodyKind.PICTURE:
            text = await self._image_text.read(content, kind.media_type)
        return Kept(attachment_id, kind, info.size, info.sha256, info.blob_id, file_name, text)

    async def keep_or_note(self, customer_id: str, content: bytes, file_name: str = "") -> Kept:
        """Keep what came in; of a file that is not taken only that it came is kept."""
        try:
            return await self.keep(customer_id, content, file_name)
        except AttachmentRefused as error:
            nothing = FileType(BodyKind.FILE, "application/octet-stream", "")
            code = str(error.facts.get("cause", "refused"))
            return Kept(new_id(), nothing, len(content), "", None, file_name, refused=code)

    def row(self, kept: Kept, message: MessageRow, cipher: Cipher) -> AttachmentRow:
        """Make the row of a kept file."""
        now = self._clock.now()
        row = AttachmentRow(
            id=kept.attachment_id,
            message_id=message.id,
            customer_id=message.customer_id,
            kind=kept.type.kind,
            media_type=kept.type.media_type,
            extension=kept.type.extension,
            size=kept.size,
            sha256=kept.sha256,
            blob_id=kept.blob_id,
            refused=kept.refused,
            created_at=now,
        )
        sealing.put_file_name(row, cipher, kept.file_name)
        if kept.read_text is not None:
            sealing.put_read_text(row, cipher, kept.read_text)
            row.read_at = now
            if not detect(kept.read_text):
                row.cleared_at, row.cleared_by = now, "reader"
        return row

    async def content(self, session: AsyncSession, row: AttachmentRow) -> bytes:
        """Read a whole file, for sending or transcribing it."""
        reader = await self._open(session, row)
        try:
            return await reader.read(0, reader.size)
        finally:
            await reader.aclose()

    async def show(self, principal: Principal, attachment_id: str) -> OpenAttachment:
        """Open a file for a person; who looked is in the ledger.

        What no machine and nobody has read may hold a number: only who may clear it sees it before.
        """
        async with self._db.begin() as session:
            row, message = await self._find(session, principal, permissions.ATTACHMENT_READ, attachment_id)
            own = message.author_id == principal.employee_id
            if row.cleared_at is None and not own and not principal.allows(permissions.ATTACHMENT_CLEAR):
                raise AttachmentNotCleared
            reader = await self._open(session, row)
            body = {
                "attachment": row.id,
                "message": message.id,
                "customer": row.customer_id,
                "by": principal.employee_id,
            }
            await self._ledger.append(session, "message.attachment-shown", body)
            name = f"{row.id}.{row.extension}"
            return OpenAttachment(reader, row.media_type, name, row.sha256)

    async def clear(self, principal: Principal, attachment_id: str) -> datetime:
        """Say that a person looked at a file and that the employee may see it."""
        now = self._clock.now()
        async with self._db.begin() as session:
            row, message = await self._find(session, principal, permissions.ATTACHMENT_CLEAR, attachment_id)
            if row.cleared_at is None:
                row.cleared_at, row.cleared_by = now, principal.employee_id
                body = {"attachment": row.id, "message": message.id, "by": principal.employee_id}
                await self._ledger.append(session, "message.attachment-cleared", body)
            return row.cleared_at

    async def _open(self, session: AsyncSession, row: AttachmentRow) -> BlobReader:
        if row.blob_id is None:
            raise AttachmentUnknown
        cipher = await self._keys.cipher(session, row.customer_id)
        return await self._blobs.open(row.blob_id, sealing.attachment_key(cipher, row.id))

    async def _find(
        self, session: AsyncSession, principal: Principal, permission: str, attachment_id: str
    ) -> tuple[AttachmentRow, MessageRow]:
        scope = scope_clause(
            principal, permission, owner=MessageRow.employee_id, department=MessageRow.department_id
        )
        if permission == permissions.ATTACHMENT_READ:  # who has a thread now reads a predecessor's part too
            own = select(ThreadRow.id).where(ThreadRow.employee_id == principal.employee_id)
            scope = or_(scope, MessageRow.thread_id.in_(own))
        query = (
            select(AttachmentRow, MessageRow)
            .join(MessageRow, MessageRow.id == AttachmentRow.message_id)
            .where(AttachmentRow.id == attachment_id, scope)
        )
        found = (await session.execute(query)).one_or_none()
        if found is None:
            raise AttachmentUnknown
        return found[0], found[1]
