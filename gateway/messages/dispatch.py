"""Sends what is queued: claims its outbox message, judges again, submits, and writes what came of it.

What is due is claimed together. Then three transactions a try: *begin* (verdict again, in flight, number
out), *each part* that the provider took, *end* (state and acknowledgement together). If this process dies
between begin and end, the next one finds the message in flight: where the provider knows our reference it is
tried again, where not it has failed.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.logging import get_logger
from core.outbox import LEASE_S, Message, Outbox, OutboxRow
from core.tasks import spawn
from core.vault import SubjectKeys
from gateway.customers.phone import PhoneNumber
from gateway.messages import sealing
from gateway.messages.attachments import Attachments
from gateway.messages.attempt import Attempt, TakenNote, done_parts, early_receipts, lock_to_send, locked
from gateway.messages.books import MessageBooks, Said, limits_of, write_refusal
from gateway.messages.errors import (
    ChannelRefused,
    ChannelThrottled,
    ChannelUnavailable,
    OutcomeUnknown,
)
from gateway.messages.machine import Cause, Lost, NotTaken, Refused, Taken, Try
from gateway.messages.model import (
    BodyKind,
    ChannelKind,
    Media,
    MessageRole,
    MessageState,
    Outgoing,
    Submitted,
)
from gateway.messages.models import (
    AttachmentRow,
    MessagePartRow,
    MessageRow,
)
from gateway.messages.ports import ChatLinks, Contacts, MessageChannel
from gateway.messages.receipts import receive_receipt
from gateway.messages.rulefile import DeliveryPolicy
from gateway.messages.service import CHAT_LINK

SUBMIT_TIMEOUT_S = LEASE_S * 0.66
IDLE_S = 0.25
WINDOW = 32
REFILL = WINDOW // 2
"""So many tries under way are enough to leave the next look at what is due for later."""
WRITERS = 4
"""How many transactions of this process are open at once; on SQLite one: others could only wait for it."""
_log = get_logger(__name__)


class Dispatcher:
    """Works for the channels that this process holds."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        contacts: Contacts,
        subject_keys: SubjectKeys,
        books: MessageBooks,
        attachments: Attachments,
        outbox: Outbox,
        delivery: DeliveryPolicy,
        channels: Mapping[ChannelKind, MessageChannel],
        worker: str,
        links: ChatLinks | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._db = database
        self._clock = clock
        self._contacts = contacts
        self._keys = subject_keys
        self._books = books
        self._attachments = attachments
        self._outbox = outbox
        self._delivery = delivery
        self._channels = channels
        self._worker = worker
        self._links = links
        self._chance = chance or random.SystemRandom()
        self._busy: dict[str, asyncio.Task[bool]] = {}
        self._turns = asyncio.Semaphore(1 if database.is_sqlite else WRITERS)

    async def run(self) -> None:
        """Send what is due until cancelled; several processes may."""
        while True:
            try:
                started = await self.pump()
            except Exception as error:  # noqa: BLE001 - a database that is away comes back
                _log.warning("message.pump", error_type=type(error).__name__)
                started = 0
            if not started:
                await asyncio.sleep(IDLE_S)

    async def pump(self) -> int:
        """Start a try for everything that is due, within the window; give how many were started."""
        due = await self._due(WINDOW - len(self._busy)) if len(self._busy) < WINDOW else []
        for message_id, message in await self._claim(due):
            task = spawn(self._deliver(message), name=f"send-{message_id}")
            self._busy[message_id] = task
            task.add_done_callback(partial(self._forget, message_id))
        return await self._settle() if self._busy else 0

    def _forget(self, message_id: str, _task: "asyncio.Task[bool]") -> None:
        self._busy.pop(message_id, None)

    async def _settle(self) -> int:
        """Wait until there is room for more, or a moment: one that hangs keeps nobody else waiting."""
        enough = asyncio.get_running_loop().time() + IDLE_S
        while self._busy and (left := enough - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._busy.values(), return_when=asyncio.FIRST_COMPLETED, timeout=left)
            if len(self._busy) <= REFILL:
                break
        return 1

    async def drain(self) -> int:
        """Send everything that is due now and wait for it: for tests and for a short-lived process."""
        done = 0
        while due := await self._due(WINDOW):
            results = [await self._deliver(message) for _, message in await self._claim(due)]
            done += sum(results)
            if not any(results):
                break
        return done

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncSession]:
        """Open a write transaction when it is our turn."""
        async with self._turns, self._db.begin() as session:
            yield session

    async def _claim(self, due: Sequence[tuple[str, str]]) -> list[tuple[str, Message]]:
        """Lease the outbox messages of (message, outbox message) that are not in other hands."""
        if not due:
            return []
        async with self._writing() as session:
            found = await self._outbox.claim_many(session, [outbox_id for _, outbox_id in due], self._worker)
        claimed = {message.outbox_id: message for message in found}
        for _, outbox_id in due:
            if outbox_id not in claimed:
                await self._bury(outbox_id)
        return [(mine, claimed[outbox_id]) for mine, outbox_id in due if outbox_id in claimed]

    async def _deliver(self, message: Message) -> bool:
        """Handle a claimed outbox message; False if that broke."""
        try:
            await self.handle(message)
        except Exception as error:  # noqa: BLE001 - kept with the message, tried again
            outbox_id = message.outbox_id
            _log.error("message.send_failed", outbox_id=outbox_id, error_type=type(error).__name__)
            await self._put_off(message, error)
            return False
        return True

    async def _put_off(self, message: Message, error: Exception) -> None:
        """Give a message back after a fault of ours. Its own time counts: the relay moves the outbox's."""
        pauses = self._delivery.retry_pauses_s
        pause = pauses[min(message.attempts - 1, len(pauses) - 1)]
        async with self._writing() as session:
            await self._outbox.fail(session, message.outbox_id, error)
            row = await locked(session, str(message.payload["message_id"]))
            if row is not None and row.state is MessageState.QUEUED:
                row.next_try_at = self._clock.now() + timedelta(seconds=pause)

    async def handle(self, message: Message) -> None:
        """Make one try; acknowledge in the transaction that writes its result."""
        attempt = await self._begin(message)
        if attempt is None:
            return
        result: Submitted | Exception
        try:
            async with asyncio.timeout(SUBMIT_TIMEOUT_S):
                result = await attempt.channel.submit(attempt.outgoing, self._taken(attempt))
        except TimeoutError:
            result = OutcomeUnknown()
        except (ChannelRefused, ChannelUnavailable, OutcomeUnknown) as error:
            result = error
        await self._end(message, attempt, result)

    async def _due(self, limit: int) -> list[tuple[str, str]]:
        now = self._clock.now()
        query = (
            select(MessageRow.id, MessageRow.outbox_id)
            .join(OutboxRow, OutboxRow.id == MessageRow.outbox_id)
            .where(
                MessageRow.state == MessageState.QUEUED,
                MessageRow.channel.in_(list(self._channels)),
                MessageRow.next_try_at <= now,
                or_(OutboxRow.leased_until.is_(None), OutboxRow.leased_until < now),
            )
            .order_by(MessageRow.next_try_at)
            .limit(limit)
        )
        async with self._db.read() as session:
            rows = (await session.execute(query)).all()
        # One of ours whose lease ran out is still ours.
        return [(row.id, row.outbox_id) for row in rows if row.id not in self._busy]

    async def _begin(self, message: Message) -> Attempt | None:
        """Judge again and write that a try begins; None if there is nothing to submit (then acknowledged)."""
        async with self._writing() as session:
            message_id = str(message.payload["message_id"])
            row, line_number = await lock_to_send(session, message_id)
            if row is None or row.state is not MessageState.QUEUED or row.outbox_id != message.outbox_id:
                await self._outbox.ack(session, message.outbox_id)
                return None
            channel = self._channels[row.channel]
            limits = limits_of(self._delivery, channel.traits)
            now = self._clock.now()
            if row.in_flight:
                await self._books.step(session, row, Lost(now), limits, Said("lost"))
                await self._outbox.ack(session, message.outbox_id)
                return None
            contact_id = row.contact_id
            if contact_id is None:
                raise LookupError("a message to send has a contact")
            if row.role is MessageRole.STAFF:
                verdict = await self._contacts.recheck(session, contact_id)
                if not verdict.allowed:
                    write_refusal(row, verdict)
                    said = Said("refused", verdict.reason_code)
                    await self._books.step(session, row, Refused(), limits, said)
                    await self._outbox.ack(session, message.outbox_id)
                    return None
            number = None
            if channel.traits.needs_number:
                number = await self._contacts.reveal_for_message(session, contact_id)
            outgoing = await self._outgoing(session, row, line_number, number)
            await self._books.step(session, row, Try(now), limits, Said("try"))
            return Attempt(outgoing, channel)

    async def _outgoing(
        self, session: AsyncSession, row: MessageRow, line_number: str, number: PhoneNumber | None
    ) -> Outgoing:
        cipher = await self._keys.cipher(session, row.customer_id)
        text = sealing.sent_body_of(row, cipher)
        if self._links is not None and row.template_version_id is not None and CHAT_LINK in text:
            # Only now, and only in a template: no employee ever sees the customer's link.
            text = text.replace(CHAT_LINK, await self._links.make(session, row))
        return Outgoing(
            message_id=row.id,
            thread_id=row.thread_id,
            reference=row.reference,
            line_number=line_number,
            text=text,
            to=number,
            media=await self._media(session, row),
            done_parts=await done_parts(session, row),
        )

    async def _media(self, session: AsyncSession, row: MessageRow) -> tuple[Media, ...]:
        if row.kind is BodyKind.TEXT:
            return ()
        files = await session.scalars(select(AttachmentRow).where(AttachmentRow.message_id == row.id))
        return tuple(
            [
                Media(file.id, file.kind, file.media_type, await self._attachments.content(session, file))
                for file in files
            ]
        )

    def _taken(self, attempt: Attempt) -> TakenNote:
        return TakenNote(self._writing, self._clock, attempt.outgoing.message_id, attempt.channel.kind)

    async def _end(self, message: Message, attempt: Attempt, result: Submitted | Exception) -> None:
        now = self._clock.now()
        limits = limits_of(self._delivery, attempt.channel.traits)
        async with self._writing() as session:
            row = await locked(session, attempt.outgoing.message_id)
            if row is None or not row.in_flight or row.outbox_id != message.outbox_id:
                return
            if isinstance(result, Submitted):
                await self._books.step(session, row, Taken(result.parts), limits, Said("taken"))
                await self._use_early(session, row, result.references)
            elif isinstance(result, OutcomeUnknown):
                await self._books.step(session, row, Lost(now), limits, Said("lost"))
            else:
                code = str(getattr(result, "provider_code", ""))[:64] or None
                row.provider_code = code
                await self._books.step(session, row, self._not_taken(result), limits, Said("not-taken", code))
            await self._outbox.ack(session, message.outbox_id)

    def _not_taken(self, error: Exception) -> NotTaken:
        return NotTaken(
            self._clock.now(),
            permanent=isinstance(error, ChannelRefused),
            retry_after_s=float(getattr(error, "retry_after_s", 0.0)),
            jitter=self._chance.random() * self._delivery.jitter,
            counts=not isinstance(error, ChannelThrottled),
        )

    async def _use_early(self, session: AsyncSession, row: MessageRow, references: tuple[str, ...]) -> None:
        """Apply receipts that were here before the answer to the submission."""
        if not self._channels[row.channel].traits.receipts:
            return
        traits = self._channels[row.channel].traits
        for early in await early_receipts(session, row, references):
            part = await session.scalar(
                select(MessagePartRow).where(
                    MessagePartRow.message_id == row.id,
                    MessagePartRow.provider_reference == early.provider_reference,
                )
            )
            limits = limits_of(self._delivery, traits)
            await receive_receipt(session, self._books, row, part, early.state, early.code, limits, early.at)
            await session.delete(early)
        await session.flush()

    async def _bury(self, outbox_id: str) -> None:
        """Fail a message whose outbox message is dead: its tries broke on our side, again and again."""
        async with self._writing() as session:
            dead = await session.get(OutboxRow, outbox_id)
            row = await session.scalar(
                select(MessageRow).where(MessageRow.outbox_id == outbox_id).with_for_update()
            )
            if dead is None or dead.dead_at is None or row is None or row.state is not MessageState.QUEUED:
                return
            limits = limits_of(self._delivery, self._channels[row.channel].traits)
            now = self._clock.now()
            if not row.in_flight:
                await self._books.step(session, row, Try(now), limits, Said("try"))
            gone = NotTaken(now, permanent=True, cause=Cause.UNREACHABLE)
            await self._books.step(session, row, gone, limits, Said("buried"))
