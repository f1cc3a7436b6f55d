"""Time passes: approvals and commands expire, and phones that owe an answer are asked again."""

from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.sql.elements import ColumnElement

from core.clock import Clock
from core.db import Database
from devicepolicy.commands.books import CommandBooks
from devicepolicy.commands.machine import OPEN, Approval, Tick
from devicepolicy.commands.models import CommandRow
from devicepolicy.devices.models import DeviceRow

BATCH = 200


class CommandSweep:
    """Run by the relay."""

    def __init__(self, database: Database, clock: Clock, books: CommandBooks) -> None:
        self._db = database
        self._clock = clock
        self._books = books

    async def __call__(self) -> int:
        """Let time pass for every command that it concerns; gives how many changed."""
        changed = 0
        while done := await self._some():
            changed += done
        return changed

    async def _some(self) -> int:
        now = self._clock.now()
        async with self._db.begin() as session:
            rows = await session.scalars(
                select(CommandRow)
                .join(DeviceRow, DeviceRow.id == CommandRow.device_id)  # locked too: see `hold_phone`
                .where(CommandRow.state.in_(OPEN), _due(now))
                .order_by(CommandRow.id)
                .limit(BATCH)
                .with_for_update(of=[DeviceRow, CommandRow], skip_locked=True)
            )
            return sum([await self._books.apply(session, row, Tick(now)) for row in rows.all()])


def _due(now: datetime) -> ColumnElement[bool]:
    row = CommandRow
    return or_(
        row.ask_at <= now,
        and_(row.expires_at <= now, or_(row.ask_at.is_(None), row.acked_at.is_(None))),
        and_(row.approval == Approval.WAITING, row.approve_by <= now),
    )
