"""Finds phones that have been silent for too long. A chore of the relay."""

from datetime import timedelta

from sqlalchemy import select

from core.clock import Clock
from core.db import Database
from core.events import EventBus
from devicepolicy.devices.events import DeviceWentOffline
from devicepolicy.devices.model import SEEN_EVERY, Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.devices.register import Register

BATCH = 500


class OfflineSweep:
    """Marks a phone offline once; it is online again with its next report."""

    def __init__(
        self, database: Database, clock: Clock, *, register: Register, bus: EventBus, offline_s: int
    ) -> None:
        self._db = database
        self._clock = clock
        self._register = register
        self._bus = bus
        self._offline = timedelta(seconds=offline_s)

    async def __call__(self) -> int:
        """Mark whom we have not heard of; give how many: call again while it is not 0."""
        # When it was seen is written that late: who spoke within its time is never called silent.
        before = self._clock.now() - self._offline - SEEN_EVERY
        async with self._db.begin() as session:
            query = (
                select(DeviceRow)
                .where(
                    DeviceRow.trust == Trust.TRUSTED,
                    DeviceRow.offline.is_(False),
                    DeviceRow.last_seen_at < before,
                )
                .order_by(DeviceRow.id)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            )
            rows = list(await session.scalars(query))
            for row in rows:
                row.offline = True
                self._register.remember(session, row.id, "offline")
                await session.flush()
                await self._bus.publish(session, DeviceWentOffline(row.id, row.employee_id))
            return len(rows)
