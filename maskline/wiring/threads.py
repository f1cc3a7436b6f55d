"""The gateway's messages, voices and behaviours as quality assurance sees them (`qa.ports`)."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import NotFound
from core.vault import SubjectKeys
from gateway.customers.models import CustomerRow
from gateway.customers.sealing import CustomerSealing
from gateway.messages import rulefile
from gateway.messages.attachments import Attachments
from gateway.messages.model import BodyKind, MessageRole
from gateway.messages.models import ConductRow
from gateway.messages.ports import NullImageText
from gateway.messages.spoken import SpokenFile, SpokenMessage, SpokenMessages, ThreadDay
from gateway.messages.voices import VoiceMessages
from maskline.ground import Ground
from qa.ports import (
    ConductFacts,
    MaskedCustomer,
    MessageText,
    ThreadDayFacts,
    ThreadTexts,
    VoiceFile,
    VoiceText,
)
from qa.speech.engine import Role
from qa.threads.voices import UNREADABLE

_ROLES = {MessageRole.STAFF: Role.STAFF, MessageRole.CUSTOMER: Role.CUSTOMER}


class GatewayThreads:
    """Threads (`qa.ports.ThreadSource`). What the house itself answers is nobody's wording to inspect."""

    def __init__(self, spoken: SpokenMessages) -> None:
        self._spoken = spoken

    async def day(self, thread_day_id: str) -> ThreadDayFacts:
        day = await self._spoken.day(thread_day_id)
        return _facts(day, day.contacts)

    async def day_of_message(self, message_id: str) -> ThreadDayFacts:
        day, contact_id = await self._spoken.day_of(message_id)
        return _facts(day, () if contact_id is None else (contact_id,))

    async def texts_of_day(self, thread_day_id: str) -> ThreadTexts:
        return _texts(await self._spoken.messages(thread_day_id))

    async def texts_of_message(self, message_id: str) -> ThreadTexts:
        return _texts([await self._spoken.message(message_id)])


class GatewayVoices:
    """Voice messages (`qa.ports.VoiceSource`)."""

    def __init__(self, voices: VoiceMessages) -> None:
        self._voices = voices

    async def open(self, attachment_id: str) -> VoiceFile | None:
        found = await self._voices.open(attachment_id)
        if found is None:
            return None
        role = _ROLES.get(found.role, Role.STAFF)
        return VoiceFile(found.attachment_id, found.message_id, role, found.media_type, found.content)

    async def keep(self, session: AsyncSession, attachment_id: str, found: VoiceText) -> None:
        await self._voices.keep(
            session,
            attachment_id,
            result=found.result,
            text=found.text,
            confidence=found.confidence,
            hidden=found.hidden,
        )


class GatewayConduct:
    """Behaviours (`qa.ports.ConductSource`)."""

    def __init__(self, ground: Ground) -> None:
        self._database = ground.database

    async def conduct(self, conduct_id: str) -> ConductFacts:
        async with self._database.read() as session:
            row = await session.get(ConductRow, conduct_id)
        if row is None:
            raise NotFound
        return ConductFacts(
            conduct_id=row.id,
            kind=row.kind,
            employee_id=row.employee_id,
            department_id=row.department_id,
            subject_id=row.customer_id,
            thread_id=row.thread_id,
            message_id=row.message_id,
            at=row.at,
        )


class GatewayCustomers:
    """Customers, masked (`qa.ports.CustomerMasks`)."""

    def __init__(self, subject_keys: SubjectKeys, sealing: CustomerSealing) -> None:
        self._keys = subject_keys
        self._sealing = sealing

    async def masked(
        self, session: AsyncSession, subject_ids: Collection[str]
    ) -> Mapping[str, MaskedCustomer]:
        ciphers = await self._keys.ciphers(session, subject_ids)
        rows = await session.scalars(select(CustomerRow).where(CustomerRow.id.in_(ciphers)))
        views = [self._sealing.view(row, ciphers[row.id], ()) for row in rows]
        return {view.id: MaskedCustomer(view.name_masked, view.phone_masked) for view in views}


def spoken_messages(ground: Ground) -> SpokenMessages:
    """Build what reads days whole."""
    return SpokenMessages(
        database=ground.database, subject_keys=ground.subject_keys, sealing=CustomerSealing(ground.vault)
    )


def voice_messages(ground: Ground) -> VoiceMessages:
    """Build what opens voice messages."""
    attachments = Attachments(
        database=ground.database,
        clock=ground.clock,
        subject_keys=ground.subject_keys,
        blobs=ground.blobs,
        ledger=ground.ledger,
        image_text=NullImageText(),  # nothing is taken in here
        max_bytes=rulefile.delivery_policy().max_attachment_bytes,
    )
    return VoiceMessages(
        database=ground.database,
        clock=ground.clock,
        subject_keys=ground.subject_keys,
        attachments=attachments,
        ledger=ground.ledger,
    )


def _facts(day: ThreadDay, contacts: tuple[str, ...]) -> ThreadDayFacts:
    return ThreadDayFacts(
        thread_day_id=day.thread_day_id,
        thread_id=day.thread_id,
        day=day.day,
        subject_id=day.customer_id,
        employee_id=day.employee_id,
        department_id=day.department_id,
        purpose=day.purpose,
        started_at=day.opened_at,
        contacts=contacts,
    )


def _texts(messages: Sequence[SpokenMessage]) -> ThreadTexts:
    ours = [message for message in messages if message.role in _ROLES]
    voices = [file for message in ours for file in message.files if file.kind is BodyKind.VOICE]
    return ThreadTexts(
        texts=tuple(text for message in ours for text in _of_message(message)),
        messages=len(ours),
        stopped=sum(not message.said for message in ours),
        recalled=sum(message.recalled_at is not None for message in ours),
        waiting_voices=tuple(file.attachment_id for file in voices if file.kept and file.result is None),
        unread_voices=sum(not file.kept or file.result == UNREADABLE for file in voices),
    )


def _of_message(message: SpokenMessage) -> list[MessageText]:
    found = [_text(message, None)] if message.text else []
    return found + [_text(message, file) for file in message.files if file.text]


def _text(message: SpokenMessage, file: SpokenFile | None) -> MessageText:
    return MessageText(
        message_id=message.message_id,
        role=_ROLES[message.role],
        at=message.at,
        said=message.said,
        text=message.text if file is None else file.text,
        hidden=message.hidden if file is None else file.hidden,
        attachment_id=None if file is None else file.attachment_id,
        confidence=1.0 if file is None or file.confidence is None else file.confidence,
        in_group=message.in_group,
    )
