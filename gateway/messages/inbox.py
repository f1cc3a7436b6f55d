"""Keeps what customers write: once, sealed, with its files; an opt-out word ends contacts at once."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.sealed import Field
from core.vault import SubjectErased, SubjectKeys, Vault
from gateway.contact.gather import lock_customer
from gateway.contact.model import Channel, ContactRequest, Direction
from gateway.messages import machine, sealing
from gateway.messages.attachments import Attachments, Kept
from gateway.messages.books import MessageBooks, Said
from gateway.messages.events import MessageArrived, OptedOut
from gateway.messages.model import BodyKind, ChannelKind, MessageRole, MessageState, Received
from gateway.messages.models import MessageRow, OptOutRow, StrayRow, ThreadRow
from gateway.messages.optout import OptOut, find_opt_out
from gateway.messages.ports import Contacts, Refusals
from gateway.messages.rulefile import OptOutWords
from gateway.messages.screening.model import Action
from gateway.messages.senders import Sender, Senders
from gateway.messages.service import House
from gateway.messages.threads import Calendar, count_message, open_thread
from gateway.numbers.models import BindingRow

STRAYS = "gw_stray_messages"


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """What became of something received. `new` is False when it was here before."""

    message_id: str | None
    stray_id: str | None
    new: bool


class Inbox:
    """Takes messages from channels. When it returns the message is on disk."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        contacts: Contacts,
        refusals: Refusals,
        subject_keys: SubjectKeys,
        vault: Vault,
        senders: Senders,
        books: MessageBooks,
        attachments: Attachments,
        bus: EventBus,
        words: OptOutWords,
        calendar: Calendar,
        house: House,
    ) -> None:
        self._db = database
        self._clock = clock
        self._contacts = contacts
        self._refusals = refusals
        self._keys = subject_keys
        self._vault = vault
        self._senders = senders
        self._books = books
        self._attachments = attachments
        self._bus = bus
        self._words = words
        self._calendar = calendar
        self._house = house

    async def keep(self, received: Received) -> KeptMessage:
        """Write a message down, once for each provider's reference. Raises what the verdict raises."""
        async with self._db.read() as session:
            known = await self._known(session, received)
            sender = await self._senders.find(session, received)
        if known is not None:
            return known
        if sender.customer_id is None or sender.binding is None:
            return await self._stray(received, sender)
        try:
            files = [
                await self._attachments.keep_or_note(sender.customer_id, media.content, media.file_name)
                for media in received.media
            ]
            return await self._write(received, sender.binding, files)
        except SubjectErased:
            return await self._stray(received, Sender())

    async def _known(self, session: AsyncSession, received: Received) -> KeptMessage | None:
        message_id = await session.scalar(
            select(MessageRow.id).where(
                MessageRow.channel == received.channel, MessageRow.provider_reference == received.reference
            )
        )
        if message_id is not None:
            return KeptMessage(message_id, None, new=False)
        stray_id = await session.scalar(
            select(StrayRow.id).where(
                StrayRow.channel == received.channel, StrayRow.provider_reference == received.reference
            )
        )
        return None if stray_id is None else KeptMessage(None, stray_id, new=False)

    async def _write(self, received: Received, binding: BindingRow, files: list[Kept]) -> KeptMessage:
        now = self._clock.now()
        async with self._db.begin() as session:
            await lock_customer(session, binding.id)
            known = await self._known(session, received)
            if known is not None:
                return known
            request = ContactRequest(
                binding.employee_id, binding.id, Channel.MESSAGE, Direction.INBOUND, binding.purpose
            )
            verdict = await self._contacts.judge(session, request)
            if verdict.contact_id is None:
                raise LookupError("a verdict without a contact")
            thread = await open_thread(session, binding, received.channel, now)
            day = await count_message(session, thread, self._calendar, now, unread=True)
            cipher = await self._keys.cipher(session, binding.customer_id)
            row = MessageRow(
                id=new_id(),
                thread_id=thread.id,
                thread_day_id=day.id,
                contact_id=verdict.contact_id,
                employee_id=thread.employee_id,
                department_id=thread.department_id,
                customer_id=thread.customer_id,
                channel=received.channel,
                direction=Direction.INBOUND,
                role=MessageRole.CUSTOMER,
                kind=files[0].type.kind if files else BodyKind.TEXT,
                in_group=received.in_group,
                findings=[],
                reason_zh="",
                reason_en="",
                state=MessageState.RECEIVED,
                reference=new_id(),
                provider_reference=received.reference,
                created_at=now,
                written_at=received.sent_at,
            )
            sealing.put_body(row, cipher, received.text)
            word = find_opt_out(received.text, self._words)
            await self._books.receive(session, row, close=word is None or not verdict.allowed)
            for kept in files:
                await self._books.attach(session, self._attachments.row(kept, row, cipher))
            if word is not None:
                await self._opt_out(session, row, thread, word, confirm=verdict.allowed)
            await self._bus.publish(
                session, MessageArrived(row.id, thread.id, thread.employee_id, thread.department_id, now)
            )
            return KeptMessage(row.id, None, new=True)

    async def _opt_out(
        self, session: AsyncSession, row: MessageRow, thread: ThreadRow, word: OptOut, *, confirm: bool
    ) -> None:
        """End contacts in this transaction; confirm once, and only if there was anything to end."""
        effect = self._words.effect[thread.purpose]
        first = await session.scalar(
            select(OptOutRow.id).where(OptOutRow.customer_id == row.customer_id).limit(1)
        )
        block_id = await self._refusals.refuse(
            session,
            row.customer_id,
            purpose=None if effect.purposes == "all" else thread.purpose,
            channel=None if effect.channels == "all" else Channel.MESSAGE,
            withdraw=thread.purpose if effect.withdraw_consent else None,
            note=f"{word.rules_version} {word.word} {row.id}",
        )
        confirmation = await self._confirm(session, row, thread) if confirm and first is None else None
        if confirm and confirmation is None:
            # Nothing will be answered: the contact that was left open for it is closed now.
            await self._books.answered(session, row)
        session.add(
            OptOutRow(
                id=new_id(),
                customer_id=row.customer_id,
                message_id=row.id,
                employee_id=row.employee_id,
                department_id=row.department_id,
                channel=row.channel,
                purpose=None if effect.purposes == "all" else thread.purpose,
                word=word.word,
                rules_version=word.rules_version,
                block_id=block_id,
                confirmation_id=confirmation,
                at=self._clock.now(),
            )
        )
        await session.flush()
        await self._bus.publish(
            session, OptedOut(row.customer_id, row.employee_id, thread.id, self._clock.now())
        )
        await self._books.note(
            session,
            "opt-out.received",
            {
                "message": row.id,
                "customer": row.customer_id,
                "block": block_id,
                "word": word.word,
                "rules": word.rules_version,
                "confirmation": confirmation,
            },
        )

    async def _confirm(self, session: AsyncSession, row: MessageRow, thread: ThreadRow) -> str | None:
        """Queue the one confirmation: an answer within the customer's own contact, no contact of ours."""
        if row.channel is ChannelKind.WECOM:
            return None
        now = self._clock.now()
        text = self._words.confirmation
        sentence = text.zh if self._house.language == "zh" else text.en
        day = await count_message(session, thread, self._calendar, now)
        answer = MessageRow(
            id=new_id(),
            thread_id=thread.id,
            thread_day_id=day.id,
            contact_id=row.contact_id,
            employee_id=row.employee_id,
            department_id=row.department_id,
            customer_id=row.customer_id,
            channel=row.channel,
            direction=Direction.OUTBOUND,
            role=MessageRole.HOUSE,
            kind=BodyKind.TEXT,
            action=Action.DELIVER,
            findings=[],
            reason_zh="",
            reason_en="",
            policy_version=self._words.label,
            reference=new_id(),
            created_at=now,
        )
        cipher = await self._keys.cipher(session, row.customer_id)
        sealing.put_body(answer, cipher, sentence.format(institution=self._house.institution))
        await self._books.open(
            session, answer, machine.begin(Action.DELIVER, allowed=True), Said("confirmation")
        )
        return answer.id

    async def _stray(self, received: Received, sender: Sender) -> KeptMessage:
        """Keep what belongs to no thread; a known customer's refusal counts all the same."""
        async with self._db.begin() as session:
            known = await self._known(session, received)
            if known is not None:
                return known
            cipher = self._vault.cipher()
            row = StrayRow(
                id=new_id(),
                channel=received.channel,
                provider_reference=received.reference,
                line_number=await self._senders.line(session, received.line_number),
                customer_id=sender.customer_id,
                media=len(received.media),
                received_at=self._clock.now(),
            )
            row.body = cipher.seal(Field(STRAYS, "body", row.id), received.text)
            if received.sender is not None:
                row.sender = cipher.seal(Field(STRAYS, "sender", row.id), received.sender.e164)
            session.add(row)
            await session.flush()
            word = find_opt_out(received.text, self._words)
            if word is not None and sender.customer_id is not None:
                note = f"{word.rules_version} {word.word} {row.id}"
                await self._refusals.refuse(
                    session, sender.customer_id, purpose=None, channel=None, withdraw=None, note=note
                )
            await self._books.note(session, "message.stray", {"stray": row.id, "channel": row.channel.value})
            return KeptMessage(None, row.id, new=True)
