"""How many phones a change for all sends on their way at a time: as many as are served meanwhile.

A phone is woken when what is wanted of it was computed. It then asks, applies and proves it; until then it
counts as under way. Were all woken at once, each would wait for all, and ask again because nobody answered.
"""

from datetime import timedelta

from sqlalchemy import exists, func, select

from core.clock import Clock
from core.db import Database
from devicepolicy.devices.model import ComplianceState, Trust
from devicepolicy.devices.models import DeviceRow

PATIENCE = timedelta(seconds=5)
"""A phone that has proved nothing for so long sleeps, or cannot: others need not wait for it."""
_UNDER_WAY = (ComplianceState.PENDING, ComplianceState.UNKNOWN)


class Pace:
    """Counts phones under way in the books: they may be connected to any process, by any way."""

    def __init__(self, database: Database, clock: Clock, at_once: int) -> None:
        self._db = database
        self._clock = clock
        self._at_once = at_once

    async def room(self) -> int:
        """Say for how many more phones what is wanted may be computed now; 0 also if nothing is marked."""
        under_way = select(func.count()).where(
            DeviceRow.trust == Trust.TRUSTED,
            DeviceRow.compliance.in_(_UNDER_WAY),
            DeviceRow.compliance_since > self._clock.now() - PATIENCE,
        )
        marked = exists().where(DeviceRow.desired_stale)
        rows = await self._db.run(select(under_way.scalar_subquery()).where(marked))
        return max(0, self._at_once - rows[0][0]) if rows else 0
