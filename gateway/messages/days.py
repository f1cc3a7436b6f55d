"""Closes each thread's day after its midnight: the day is then inspected like a call."""

import hashlib
from datetime import timedelta

from sqlalchemy import select

from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.outbox import Outbox
from gateway.messages.events import DAY_CLOSED, ThreadDayClosed
from gateway.messages.models import MessageRow, ThreadDayRow, ThreadRow
from gateway.messages.receipts import Receipts
from gateway.messages.rulefile import DeliveryPolicy

SWEEP = 100


class ThreadDays:
    """A chore of the relay process."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        ledger: Ledger,
        outbox: Outbox,
        bus: EventBus,
        receipts: Receipts,
        delivery: DeliveryPolicy,
    ) -> None:
        self._db = database
        self._clock = clock
        self._ledger = ledger
        self._outbox = outbox
        self._bus = bus
        self._receipts = receipts
        self._wait = timedelta(seconds=delivery.receipt_wait_s)

    async def sweep(self) -> None:
        """Close what is due and give up waiting for receipts that are overdue."""
        now = self._clock.now()
        while await self._receipts.give_up(now, now - self._wait):
            pass
        while await self.close_due():
            pass

    async def close_due(self, *, limit: int = SWEEP) -> int:
        """Close up to `limit` days whose time has come; give how many."""
        now = self._clock.now()
        async with self._db.begin() as session:
            query = (
                select(ThreadDayRow, ThreadRow)
                .join(ThreadRow, ThreadRow.id == ThreadDayRow.thread_id)
                .where(ThreadDayRow.closed_at.is_(None), ThreadDayRow.due_at <= now)
                .order_by(ThreadDayRow.id)
                .limit(limit)
                .with_for_update(of=ThreadDayRow, skip_locked=True)
            )
            found = list(await session.execute(query))
            for day, thread in found:
                day.closed_at = now
                macs = await session.scalars(
                    select(MessageRow.body_mac)
                    .where(MessageRow.thread_day_id == day.id)
                    .order_by(MessageRow.id)
                )
                digest = hashlib.sha256("".join(macs).encode()).hexdigest()
                await session.flush()
                payload = {"thread_day_id": day.id, "thread_id": thread.id, "day": day.day.isoformat()}
                await self._outbox.put(session, DAY_CLOSED, payload, key=day.id)
                await self._bus.publish(
                    session,
                    ThreadDayClosed(
                        day.id,
                        thread.id,
                        day.day,
                        day.employee_id,
                        day.department_id,
                        thread.customer_id,
                        now,
                    ),
                )
                entry = await self._ledger.append(
                    session, DAY_CLOSED, {**payload, "messages": day.messages, "bodies_sha256": digest}
                )
                day.ledger_seq = entry.seq
            return len(found)
