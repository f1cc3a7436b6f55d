"""What a provider says later about what it took: matched to a part, or kept until there is one."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from gateway.messages.books import MessageBooks, Said, limits_of
from gateway.messages.machine import Arrived, Limits, NoReceipt, NotArrived
from gateway.messages.model import MessageState, Receipt, ReceiptState, Traits
from gateway.messages.models import EarlyReceiptRow, MessagePartRow, MessageRow
from gateway.messages.rulefile import DeliveryPolicy

SWEEP = 200


class Receipts:
    """Takes receipts; each counts once, however often it comes."""

    def __init__(
        self, *, database: Database, clock: Clock, books: MessageBooks, delivery: DeliveryPolicy
    ) -> None:
        self._db = database
        self._clock = clock
        self._books = books
        self._delivery = delivery

    async def take(self, receipt: Receipt, traits: Traits) -> None:
        """Write a receipt down."""
        if receipt.state is ReceiptState.ACCEPTED:
            return
        limits = limits_of(self._delivery, traits)
        now = self._clock.now()
        async with self._db.begin() as session:
            part = await self._part(session, receipt)
            message_id = part.message_id if part is not None else await self._by_reference(session, receipt)
            if message_id is None:
                await self._keep(session, receipt, now)
                return
            row = await session.get(MessageRow, message_id, with_for_update=True, populate_existing=True)
            if row is not None:
                await receive_receipt(
                    session, self._books, row, part, receipt.state, receipt.code, limits, now
                )

    async def give_up(self, now: datetime, before: datetime) -> int:
        """Finish messages sent before `before` of which no receipt came; give how many."""
        del now
        limits = Limits((), 0.0, dedupes=False, receipts=True)
        async with self._db.begin() as session:
            query = (
                select(MessageRow)
                .where(
                    MessageRow.state == MessageState.SENT,
                    MessageRow.finished_at.is_(None),
                    MessageRow.sent_at < before,
                )
                .order_by(MessageRow.id)
                .limit(SWEEP)
                .with_for_update(skip_locked=True)
            )
            rows = list(await session.scalars(query))
            for row in rows:
                await self._books.step(session, row, NoReceipt(), limits, Said("no-receipt"))
            return len(rows)

    async def _part(self, session: AsyncSession, receipt: Receipt) -> MessagePartRow | None:
        if not receipt.provider_reference:
            return None
        query = select(MessagePartRow).where(
            MessagePartRow.channel == receipt.channel,
            MessagePartRow.provider_reference == receipt.provider_reference,
        )
        found: MessagePartRow | None = await session.scalar(query)
        return found

    async def _by_reference(self, session: AsyncSession, receipt: Receipt) -> str | None:
        if not receipt.reference:
            return None
        query = select(MessageRow.id).where(
            MessageRow.channel == receipt.channel, MessageRow.reference == receipt.reference
        )
        found: str | None = await session.scalar(query)
        return found

    async def _keep(self, session: AsyncSession, receipt: Receipt, now: datetime) -> None:
        key = (receipt.channel, receipt.provider_reference)
        if receipt.provider_reference and await session.get(EarlyReceiptRow, key) is None:
            session.add(
                EarlyReceiptRow(
                    channel=receipt.channel,
                    provider_reference=receipt.provider_reference,
                    state=receipt.state,
                    code=receipt.code[:64],
                    at=now,
                )
            )


async def receive_receipt(
    session: AsyncSession,
    books: MessageBooks,
    row: MessageRow,
    part: MessagePartRow | None,
    state: ReceiptState,
    code: str,
    limits: Limits,
    now: datetime,
) -> None:
    """Apply one receipt to a locked message, once a part."""
    if part is not None:
        if part.receipt in {ReceiptState.DELIVERED, ReceiptState.FAILED}:
            return
        part.receipt, part.receipt_at = state, now
    arrived = state is ReceiptState.DELIVERED
    if not arrived:
        row.provider_code = code[:64] or None
    event = Arrived() if arrived else NotArrived()
    await books.step(session, row, event, limits, Said("receipt", code[:64] or None))
