"""Handlers of outbox messages for the worker process."""

from collections.abc import Awaitable, Callable, Mapping

from core.outbox import Message
from qa.inspection.service import InspectionService

CALL_ENDED = "call.ended"
Handler = Callable[[Message], Awaitable[None]]


def handlers(inspections: InspectionService) -> Mapping[str, Handler]:
    """Give topic -> handler. The deliverer claims, keeps the lease and gives back on an error."""

    async def call_ended(message: Message) -> None:
        """Inspect the contact of a call; payload: call_id, contact_id."""
        await inspections.inspect(
            str(message.payload["contact_id"]), outbox_id=message.outbox_id, attempt=message.attempts
        )

    return {CALL_ENDED: call_ended}
