"""Voice messages: handed to a machine that reads them, and what it read kept, sealed with the message."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.ledger import Ledger
from core.vault import SubjectKeys
from gateway.messages import sealing
from gateway.messages.attachments import Attachments
from gateway.messages.errors import AttachmentUnknown
from gateway.messages.model import MessageRole
from gateway.messages.models import AttachmentRow, MessageRow


@dataclass(frozen=True, slots=True)
class VoiceMessage:
    """A voice message whole."""

    attachment_id: str
    message_id: str
    role: MessageRole
    media_type: str
    content: bytes = field(repr=False)


class VoiceMessages:
    """Opens what nobody has read yet, and keeps one reading of each."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        subject_keys: SubjectKeys,
        attachments: Attachments,
        ledger: Ledger,
    ) -> None:
        self._db = database
        self._clock = clock
        self._keys = subject_keys
        self._attachments = attachments
        self._ledger = ledger

    async def open(self, attachment_id: str) -> VoiceMessage | None:
        """Give the file; None if it was tried already. Raises `AttachmentUnknown`, `SubjectErased`."""
        async with self._db.read() as session:
            row = await session.get(AttachmentRow, attachment_id)
            message = await session.get(MessageRow, row.message_id) if row else None
            if row is None or message is None:
                raise AttachmentUnknown
            if row.read_result is not None:
                return None
            content = await self._attachments.content(session, row)
            return VoiceMessage(row.id, message.id, message.role, row.media_type, content)

    async def keep(
        self,
        session: AsyncSession,
        attachment_id: str,
        *,
        result: str,
        text: str,
        confidence: float,
        hidden: Sequence[Sequence[int]] = (),
    ) -> None:
        """Seal what was read, once. It clears nothing: a machine that mishears may miss a number.

        Raises: AttachmentUnknown, SubjectErased.
        """
        row = await session.get(AttachmentRow, attachment_id, with_for_update=True, populate_existing=True)
        if row is None:
            raise AttachmentUnknown
        if row.read_result is not None:
            return
        cipher = await self._keys.cipher(session, row.customer_id)
        sealing.put_read_text(row, cipher, text)
        row.read_result, row.read_confidence, row.read_at = result, confidence, self._clock.now()
        row.read_hidden = [list(span) for span in hidden]
        await session.flush()
        await self._ledger.append(
            session,
            "message.voice-read",
            {
                "attachment": row.id,
                "message": row.message_id,
                "result": result,
                "text_hmac": sealing.mac(cipher, "voice", text),
            },
        )
