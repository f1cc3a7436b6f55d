"""The books of messages: every step of the machine written with contact, outbox, events and ledger.

Order of locks: customer, message, contact, then the ledger's head. All methods join the caller's transaction.
"""

from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from core.outbox import Outbox
from gateway.contact.model import Outcome, Verdict
from gateway.messages import machine
from gateway.messages.events import MESSAGE_FINISHED, MESSAGE_SEND, VOICE_RECEIVED, MessageFinished
from gateway.messages.machine import CloseContact, Command, Enqueue, Finish, Limits, Progress, Step
from gateway.messages.model import BodyKind, MessageRole, MessageState, Traits
from gateway.messages.models import AttachmentRow, MessageEventRow, MessageRow
from gateway.messages.ports import Contacts
from gateway.messages.rulefile import DeliveryPolicy

_ADD_EVENT = insert(cast("Table", MessageEventRow.__table__))


@dataclass(frozen=True, slots=True)
class Said:
    """What is written beside a step: its name, a word of a fixed list, and who did it."""

    kind: str
    code: str | None = None
    by: str | None = None


RECEIVED = Said("received")


class MessageBooks:
    """Writes steps; knows no channel and no text."""

    def __init__(
        self, *, clock: Clock, contacts: Contacts, ledger: Ledger, outbox: Outbox, bus: EventBus
    ) -> None:
        self._clock = clock
        self._contacts = contacts
        self._ledger = ledger
        self._outbox = outbox
        self._bus = bus

    async def open(self, session: AsyncSession, row: MessageRow, first: Step, said: Said) -> None:
        """Write a new message of staff or house with its first step."""
        progress, commands = first
        _write(row, progress)
        session.add(row)
        await self._carry_out(session, row, commands, said)

    async def receive(
        self, session: AsyncSession, row: MessageRow, *, close: bool, said: Said = RECEIVED
    ) -> None:
        """Write what was written elsewhere; `close` closes its contact, if it needs no answer."""
        session.add(row)
        row.finished_at = self._clock.now()
        await session.flush()
        await self._note(session, row, said)
        if close:
            await self._close(session, row, Outcome.CONNECTED)
        await self._finish(session, row, "message.received")

    async def step(
        self, session: AsyncSession, row: MessageRow, event: machine.Event, limits: Limits, said: Said
    ) -> tuple[Command, ...]:
        """Feed an event to a locked message; give the commands, () if it changed nothing."""
        before = progress_of(row)
        after, commands = machine.step(before, event, limits)
        if after == before:
            return ()
        _write(row, after)
        if after.state is MessageState.SENT and row.sent_at is None:
            row.sent_at = self._clock.now()
        await self._carry_out(session, row, commands, said)
        return commands

    async def answered(self, session: AsyncSession, row: MessageRow) -> None:
        """Close the contact of a received message that was left open for an answer."""
        await self._close(session, row, Outcome.CONNECTED)

    async def attach(self, session: AsyncSession, file: AttachmentRow) -> None:
        """Write a file of a message; a voice message waits for the machine that reads it."""
        session.add(file)
        await session.flush()
        if file.kind is BodyKind.VOICE and file.blob_id is not None:
            payload = {"attachment_id": file.id, "message_id": file.message_id}
            await self._outbox.put(session, VOICE_RECEIVED, payload, key=file.id)

    async def note(self, session: AsyncSession, kind: str, body: dict[str, JSON]) -> int:
        """Append to the ledger: ids, hashes, counts, words of fixed lists only."""
        return (await self._ledger.append(session, kind, body)).seq

    async def _carry_out(
        self, session: AsyncSession, row: MessageRow, commands: tuple[Command, ...], said: Said
    ) -> None:
        """Write the row once, with all that the commands change in it; then what follows from them."""
        for command in commands:
            if isinstance(command, Enqueue):
                row.next_try_at = row.next_try_at or self._clock.now()
                with session.no_autoflush:
                    row.outbox_id = await self._outbox.put(session, MESSAGE_SEND, {"message_id": row.id})
            elif isinstance(command, Finish):
                row.finished_at = self._clock.now()
        await session.flush()
        await self._note(session, row, said)
        for command in commands:
            if isinstance(command, CloseContact):
                await self._close(session, row, command.outcome)
            elif isinstance(command, Finish):
                await self._finish(session, row, "message.finished")

    async def _close(self, session: AsyncSession, row: MessageRow, outcome: Outcome) -> None:
        if row.contact_id is None:
            return
        if row.role is MessageRole.HOUSE:
            outcome = Outcome.CONNECTED  # the contact is the customer's own message that is answered
        answered_at = self._clock.now() if outcome is Outcome.CONNECTED else None
        await self._contacts.close(session, row.contact_id, outcome, answered_at=answered_at)

    async def _finish(self, session: AsyncSession, row: MessageRow, kind: str) -> None:
        payload = {"message_id": row.id, "contact_id": row.contact_id, "thread_id": row.thread_id}
        await self._outbox.put(session, MESSAGE_FINISHED, payload, key=row.id)
        await self._bus.publish(
            session,
            MessageFinished(
                row.id, row.thread_id, row.contact_id, row.employee_id, row.state, self._clock.now()
            ),
        )
        row.ledger_seq = await self.note(
            session,
            kind,
            {
                "message": row.id,
                "contact": row.contact_id,
                "thread": row.thread_id,
                "day": row.thread_day_id,
                "direction": row.direction.value,
                "role": row.role.value,
                "state": row.state.value,
                "cause": row.cause.value if row.cause else None,
                "body_hmac": row.body_mac,
                "attempts": row.attempts,
                "parts": row.parts,
            },
        )

    async def _note(self, session: AsyncSession, row: MessageRow, said: Said) -> None:
        event = {
            "id": new_id(),
            "message_id": row.id,
            "at": self._clock.now(),
            "kind": said.kind,
            "state": row.state,
            "code": said.code,
            "by": said.by,
        }
        await session.execute(_ADD_EVENT, event)


def progress_of(row: MessageRow) -> Progress:
    """Read the machine's state from its row."""
    return Progress(
        state=row.state,
        attempts=row.attempts,
        in_flight=row.in_flight,
        parts=row.parts,
        arrived=row.arrived,
        next_try_at=row.next_try_at,
        first_try_at=row.first_try_at,
        cause=row.cause,
        finished=row.finished_at is not None,
    )


def limits_of(policy: DeliveryPolicy, traits: Traits) -> Limits:
    """Give the machine what it must know."""
    return Limits(policy.retry_pauses_s, policy.give_up_after_s, traits.dedupes, traits.receipts)


def write_refusal(row: MessageRow, verdict: Verdict) -> None:
    """Write why a rule said no, for the one who wanted to send."""
    row.reason_code = verdict.reason_code
    row.reason_zh, row.reason_en = verdict.reason_zh, verdict.reason_en
    row.rule_id, row.next_allowed_at = verdict.rule_id, verdict.next_allowed_at


def _write(row: MessageRow, progress: Progress) -> None:
    row.state, row.cause = progress.state, progress.cause
    row.attempts, row.in_flight = progress.attempts, progress.in_flight
    row.parts, row.arrived = progress.parts, progress.arrived
    row.first_try_at, row.next_try_at = progress.first_try_at, progress.next_try_at
