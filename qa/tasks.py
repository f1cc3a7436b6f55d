"""Handlers of outbox messages for the worker process."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from core.outbox import Message
from qa.conduct.service import ConductService
from qa.inspection.service import InspectionService
from qa.threads.service import ThreadInspections
from qa.threads.voices import VoiceReading

CALL_ENDED = "call.ended"
DAY_CLOSED = "thread.day_closed"
MESSAGE_FINISHED = "message.finished"
VOICE_RECEIVED = "message.voice"
CONDUCT_SEEN = "message.conduct"
Handler = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class MessageWork:
    """What the worker does about messages."""

    threads: ThreadInspections
    voices: VoiceReading
    conduct: ConductService


def handlers(inspections: InspectionService, messages: MessageWork | None = None) -> Mapping[str, Handler]:
    """Give topic -> handler. The deliverer claims, keeps the lease and gives back on an error."""

    async def call_ended(message: Message) -> None:
        """Inspect the contact of a call; payload: call_id, contact_id."""
        await inspections.inspect(
            str(message.payload["contact_id"]), outbox_id=message.outbox_id, attempt=message.attempts
        )

    calls = {CALL_ENDED: call_ended}
    return calls if messages is None else {**calls, **_of_messages(messages)}


def _of_messages(work: MessageWork) -> dict[str, Handler]:
    async def day_closed(message: Message) -> None:
        """Inspect a day of a thread; payload: thread_day_id, thread_id, day."""
        await work.threads.inspect_day(
            str(message.payload["thread_day_id"]), outbox_id=message.outbox_id, attempt=message.attempts
        )

    async def finished(message: Message) -> None:
        """Screen a message that was sent or received; payload: message_id, contact_id, thread_id."""
        await work.threads.screen(str(message.payload["message_id"]), outbox_id=message.outbox_id)

    async def voice(message: Message) -> None:
        """Read a voice message and screen what it says; payload: attachment_id, message_id.

        Acknowledged with the screening: a process that dies in between finds the reading kept.
        """
        await work.voices.read(str(message.payload["attachment_id"]))
        await work.threads.screen(str(message.payload["message_id"]), outbox_id=message.outbox_id)

    async def conduct(message: Message) -> None:
        """Judge a sensitive behaviour; payload: conduct_id, kind."""
        await work.conduct.judge(str(message.payload["conduct_id"]), outbox_id=message.outbox_id)

    return {DAY_CLOSED: day_closed, MESSAGE_FINISHED: finished, VOICE_RECEIVED: voice, CONDUCT_SEEN: conduct}
