"""One try to send a message: what is read for it, and the parts that a provider took, written at once."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from gateway.messages.model import ChannelKind, Outgoing
from gateway.messages.models import EarlyReceiptRow, MessagePartRow, MessageRow, ThreadRow
from gateway.messages.ports import MessageChannel
from gateway.numbers.models import LineRow

# Made once: a statement costs more to build than to run.
_TO_SEND = (
    select(MessageRow, LineRow.number)
    .join(ThreadRow, ThreadRow.id == MessageRow.thread_id)
    .join(LineRow, LineRow.id == ThreadRow.line_id)
    .where(MessageRow.id == bindparam("message_id"))
    .with_for_update(of=MessageRow)
    .execution_options(populate_existing=True)
)
_ADD_PART = {
    name: insert(cast("Table", MessagePartRow.__table__)).on_conflict_do_nothing(
        index_elements=["message_id", "part"]
    )
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}
_MESSAGE = (
    select(MessageRow)
    .where(MessageRow.id == bindparam("message_id"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_EARLY = select(EarlyReceiptRow).where(
    EarlyReceiptRow.channel == bindparam("channel"),
    EarlyReceiptRow.provider_reference.in_(bindparam("references", expanding=True)),
)
_DONE_PARTS = (
    select(MessagePartRow.part, MessagePartRow.provider_reference)
    .where(MessagePartRow.message_id == bindparam("message_id"))
    .order_by(MessagePartRow.part)
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that was begun."""

    outgoing: Outgoing
    channel: MessageChannel


@dataclass(frozen=True, slots=True)
class TakenNote:
    """Writes down a part at once: what is written is never submitted again."""

    writing: Callable[[], AbstractAsyncContextManager[AsyncSession]]
    clock: Clock
    message_id: str
    channel: ChannelKind

    async def __call__(self, part: int, reference: str) -> None:
        values = {
            "message_id": self.message_id,
            "part": part,
            "channel": self.channel,
            "provider_reference": reference,
            "taken_at": self.clock.now(),
        }
        async with self.writing() as session:
            await session.execute(_ADD_PART[session.get_bind().dialect.name], values)


async def lock_to_send(session: AsyncSession, message_id: str) -> tuple[MessageRow | None, str]:
    """Lock a message; give it with the number of its line."""
    found = (await session.execute(_TO_SEND, {"message_id": message_id})).one_or_none()
    return (None, "") if found is None else (found[0], found[1])


async def locked(session: AsyncSession, message_id: str) -> MessageRow | None:
    """Lock a message."""
    row: MessageRow | None = await session.scalar(_MESSAGE, {"message_id": message_id})
    return row


async def early_receipts(
    session: AsyncSession, row: MessageRow, references: Sequence[str]
) -> list[EarlyReceiptRow]:
    """Give the receipts that were here before the answer to the submission."""
    sought = {"channel": row.channel, "references": list(references)}
    return list(await session.scalars(_EARLY, sought))


async def done_parts(session: AsyncSession, row: MessageRow) -> tuple[tuple[int, str], ...]:
    """Give the parts that the provider took in former tries."""
    if row.first_try_at is None:
        return ()
    parts = await session.execute(_DONE_PARTS, {"message_id": row.id})
    return tuple((part, reference) for part, reference in parts)
