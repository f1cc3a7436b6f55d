"""The log of wakes: written with the reason, read by whoever keeps phones connected, in any process."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from devicepolicy.wake.look import Look
from devicepolicy.wake.models import WakeCursorRow, WakeRow

KEEP = timedelta(days=1)
LAG_S = 30.0
BATCH = 5000
MOST_MISSING = 500


@dataclass(frozen=True, slots=True)
class Wake:
    """One entry; `device_id` None means all phones."""

    device_id: str | None
    look: Look


async def write(session: AsyncSession, at: datetime, *wakes: Wake) -> None:
    """Write wakes in the caller's transaction."""
    rows = [
        {"device_id": wake.device_id, "place": wake.look.place, "version": wake.look.version, "at": at}
        for wake in wakes
    ]
    if rows:
        await session.execute(insert(WakeRow), rows)


async def purge(database: Database, clock: Clock) -> None:
    """Forget what everybody has read long ago."""
    async with database.begin() as session:
        newest = select(func.max(WakeRow.id)).scalar_subquery()
        await session.execute(delete(WakeRow).where(WakeRow.at < clock.now() - KEEP, WakeRow.id < newest))


class Tail:
    """Reads what is new in the log, each entry once.

    Numbers are given at the insert and seen at the commit, so a lower one may appear after a higher one. A
    number that is missing is therefore looked for again for `lag_s` seconds; a roll-back leaves one for good.
    """

    def __init__(
        self,
        database: Database,
        *,
        lag_s: float = LAG_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._lag_s = lag_s
        self._monotonic = monotonic
        self._top: int | None = None
        self._missing: dict[int, float] = {}

    @property
    def started(self) -> bool:
        return self._top is not None

    @property
    def floor(self) -> int:
        """Everything up to here has been read for good."""
        return min(self._missing, default=(self._top or 0) + 1) - 1

    async def start(self, at: int | None = None) -> None:
        """Begin after entry `at`, or with what comes from now on."""
        if at is None:
            async with self._database.read() as session:
                at = await session.scalar(select(func.max(WakeRow.id))) or 0
        self._top = at
        self._missing.clear()

    async def read(self) -> list[Wake]:
        """Give what is new, oldest first, at most `BATCH` at once."""
        if self._top is None:
            await self.start()
        new = WakeRow.id > self._top
        async with self._database.read() as session:
            rows = await session.execute(
                select(WakeRow.id, WakeRow.device_id, WakeRow.place, WakeRow.version)
                .where(or_(new, WakeRow.id.in_(self._missing)) if self._missing else new)
                .order_by(WakeRow.id)
                .limit(BATCH)
            )
            found = rows.all()
        self._note([row.id for row in found])
        return [Wake(row.device_id, Look(row.place, row.version)) for row in found]

    def _note(self, numbers: list[int]) -> None:
        now, top = self._monotonic(), self._top or 0
        self._missing = {
            number: since
            for number, since in self._missing.items()
            if number not in numbers and now - since < self._lag_s
        }
        for number in numbers:
            if number > top:
                self._missing.update((gap, now) for gap in range(max(top + 1, number - MOST_MISSING), number))
                top = number
        self._top = top


async def cursor(session: AsyncSession, reader: str) -> int | None:
    """Give how far `reader` has read; None if it never did."""
    return await session.scalar(select(WakeCursorRow.wake_id).where(WakeCursorRow.reader == reader))


async def move_cursor(session: AsyncSession, reader: str, wake_id: int) -> None:
    """Remember how far `reader` has read."""
    row = await session.get(WakeCursorRow, reader, with_for_update=True)
    if row is None:
        session.add(WakeCursorRow(reader=reader, wake_id=wake_id))
    else:
        row.wake_id = max(row.wake_id, wake_id)
