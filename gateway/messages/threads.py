"""Threads and their days: found or opened in the caller's transaction, the customer being locked."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import new_id
from gateway.messages.model import ChannelKind
from gateway.messages.models import ThreadDayRow, ThreadRow
from gateway.numbers.models import BindingRow

# Made once: a statement costs more to build than to run.
_THREAD = (
    select(ThreadRow)
    .where(ThreadRow.binding_id == bindparam("binding"), ThreadRow.channel == bindparam("channel"))
    .with_for_update()
)
_DAY = (
    select(ThreadDayRow)
    .where(
        ThreadDayRow.thread_id == bindparam("thread"),
        ThreadDayRow.day == bindparam("day"),
        ThreadDayRow.employee_id == bindparam("employee"),
    )
    .with_for_update()
)


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
    row: ThreadRow | None = await session.scalar(_THREAD, {"binding": binding.id, "channel": channel})
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
    session: AsyncSession,
    thread: ThreadRow,
    calendar: Calendar,
    now: datetime,
    *,
    unread: bool = False,
    employee_id: str | None = None,
) -> ThreadDayRow:
    """Count one more message in a thread; give the open day it belongs to, making it if need be.

    `employee_id`: whose it is, if not of whoever has the thread now.
    """
    day, whose = now.astimezone(calendar.zone).date(), employee_id or thread.employee_id
    sought = {"thread": thread.id, "day": day, "employee": whose}
    row: ThreadDayRow | None = await session.scalar(_DAY, sought)
    if row is None:
        row = ThreadDayRow(
            id=new_id(),
            thread_id=thread.id,
            employee_id=whose,
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
