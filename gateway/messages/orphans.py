"""Ends what is queued for a channel that this deployment has no more: nobody would ever take it."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import select

from core.clock import Clock
from core.db import Database
from core.outbox import Outbox
from gateway.messages.books import MessageBooks, Said
from gateway.messages.machine import Cause, Limits, Lost, NotTaken, Try
from gateway.messages.model import ChannelKind, MessageState
from gateway.messages.models import MessageRow
from gateway.messages.rulefile import DeliveryPolicy

SWEEP = 100


class Orphans:
    """A chore of the relay process. As long as a message may still be tried, the channel may come back."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        books: MessageBooks,
        outbox: Outbox,
        delivery: DeliveryPolicy,
        channels: Collection[ChannelKind],
    ) -> None:
        self._db = database
        self._clock = clock
        self._books = books
        self._outbox = outbox
        self._give_up = timedelta(seconds=delivery.give_up_after_s)
        self._channels = frozenset(channels)

    async def sweep(self) -> int:
        """Fail up to `SWEEP` of them; give how many."""
        now = self._clock.now()
        limits = Limits((), 0.0, dedupes=False, receipts=False)
        async with self._db.begin() as session:
            query = (
                select(MessageRow)
                .where(
                    MessageRow.state == MessageState.QUEUED,
                    MessageRow.channel.not_in(sorted(self._channels)),
                    MessageRow.next_try_at < now - self._give_up,
                )
                .order_by(MessageRow.id)
                .limit(SWEEP)
                .with_for_update(skip_locked=True)
            )
            rows = list(await session.scalars(query))
            for row in rows:
                outbox_id = row.outbox_id
                if row.in_flight:  # whether the provider has it nobody knows any more
                    await self._books.step(session, row, Lost(now), limits, Said("lost"))
                else:
                    await self._books.step(session, row, Try(now), limits, Said("try"))
                    gone = NotTaken(now, permanent=True, cause=Cause.CHANNEL_GONE)
                    await self._books.step(session, row, gone, limits, Said("channel-gone"))
                if outbox_id is not None:
                    await self._outbox.ack(session, outbox_id)
            return len(rows)
