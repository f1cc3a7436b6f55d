"""Threads and their days: found or opened in the caller's transaction, the customer being locked."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import new_id
from gateway.messages.model import ChannelKind
from gateway.messages.models import ThreadDayRow, ThreadRow
from gateway.numbers.models import BindingRow


@dataclass(frozen=True, slots=True)
class Calendar:
    """The institution's days, and how long after midnight a day's thread closes."""

    zone: ZoneInfo
    grace_s: float

    def due(self, moment: datetime) -> datetime:
        """Give when the local day of `moment` is to be closed."""
        day = moment.astimezone(self.zone).date() + timedelta(days=1)
        midnight = datetime.combine(day, time.min, tzinfo=self.zone).astimezone(UTC)
        return midnight + timedelta(seconds=self.grace_s)


async def open_thread(
    session: AsyncSession, binding: BindingRow, channel: ChannelKind, now: datetime
) -> ThreadRow:
    """Give the thread of a binding and a channel, making it if there is none."""
    query = select(ThreadRow).where(ThreadRow.binding_id == binding.id, ThreadRow.channel == channel)
    row = await session.scalar(query.with_for_update())
    if row is None:
        row = ThreadRow(
            id=new_id(),
            binding_id=binding.id,
            line_id=binding.line_id,
            employee_id=binding.employee_id,
            department_id=binding.department_id,
            customer_id=binding.customer_id,
            purpose=binding.purpose,
            channel=channel,
            created_at=now,
            last_at=now,
            messages=0,
            unread=0,
        )
        session.add(row)
        await session.flush()
    return row


async def count_message(
    session: AsyncSession, thread: ThreadRow, calendar: Calendar, now: datetime, *, unread: bool = False
) -> ThreadDayRow:
    """Count one more message in a thread; give the open day it belongs to, making it if need be."""
    day = now.astimezone(calendar.zone).date()
    query = select(ThreadDayRow).where(
        ThreadDayRow.thread_id == thread.id,
        ThreadDayRow.day == day,
        ThreadDayRow.employee_id == thread.employee_id,
    )
    row = await session.scalar(query.with_for_update())
    if row is None:
        row = ThreadDayRow(
            id=new_id(),
            thread_id=thread.id,
            employee_id=thread.employee_id,
            department_id=thread.department_id,
            day=day,
            opened_at=now,
            due_at=calendar.due(now),
            messages=0,
        )
        session.add(row)
    row.messages += 1
    thread.messages += 1
    thread.unread += unread
    thread.last_at = now
    await session.flush()
    return row
