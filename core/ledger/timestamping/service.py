"""Has the newest checkpoint stamped from time to time, and finds the stamp that covers an entry."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.ledger.ledger import EntryUnknown
from core.ledger.models import CheckpointRow, TimestampRow
from core.ledger.notes import Checkpoint
from core.ledger.service import LedgerService
from core.ledger.timestamping.authority import Authority
from core.logging import get_logger

CLOCK_TOLERANCE = timedelta(seconds=60)
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stamp:
    """The checkpoint of `size` entries existed at `at`, says `authority`; our clock said `received_at`."""

    size: int
    at: datetime
    authority: str
    received_at: datetime

    @property
    def clock_off(self) -> timedelta:
        """How far our clock was ahead of the authority's; what the answer took is in it."""
        return self.received_at - self.at

    @property
    def clock_differs(self) -> bool:
        return abs(self.clock_off) > CLOCK_TOLERANCE


@dataclass(frozen=True, slots=True)
class Stamped:
    """A checkpoint's note and the TimeStampResp (DER) over it."""

    note: str
    reply: bytes


@dataclass(frozen=True, slots=True)
class StampState:
    """The newest stamp, whether stamping is set up, and whether one is overdue."""

    enabled: bool
    newest: Stamp | None
    late: bool


class Timestamps:
    """Stamps over checkpoints, at most one for each checkpoint. Without an authority it asks nobody."""

    def __init__(
        self,
        database: Database,
        ledger: LedgerService,
        clock: Clock,
        *,
        authority: Authority | None,
        every: timedelta,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._authority = authority
        self._every = every

    async def stamp_due(self) -> Stamp | None:
        """Have the newest checkpoint stamped, if the last stamp is old enough and the ledger grew since.

        Raises:
            TimestampRefused: the authority gave nothing that holds. The next call tries again.
        """
        if self._authority is None:
            return None
        checkpoint, newest = await self._ledger.latest_checkpoint(), await self._newest()
        if checkpoint is None or not self._is_due(checkpoint, newest, self._every):
            return None
        answer = await self._authority.stamp(checkpoint.note.encode())
        stamp = Stamp(checkpoint.size, answer.at, self._authority.name, self._clock.now())
        async with self._database.begin() as session:
            if await session.get(TimestampRow, stamp.size) is not None:  # another process was faster
                return None
            session.add(
                TimestampRow(
                    size=stamp.size,
                    reply=answer.reply,
                    at=stamp.at,
                    authority=stamp.authority,
                    received_at=stamp.received_at,
                )
            )
        if stamp.clock_differs:
            _log.warning("ledger.clock_differs", seconds=round(stamp.clock_off.total_seconds()))
        return stamp

    async def state(self) -> StampState:
        """Tell how it stands. A stamp is late when twice the interval went by."""
        checkpoint, newest = await self._ledger.latest_checkpoint(), await self._newest()
        enabled = self._authority is not None
        late = (
            enabled
            and checkpoint is not None
            and newest is not None
            and self._is_due(checkpoint, newest, 2 * self._every)
        )
        return StampState(enabled, newest, late)

    async def stamped(self, size: int) -> Stamped:
        """Give the token over the checkpoint of `size` entries, with its note; raises `EntryUnknown`."""
        async with self._database.read() as session:
            found = await session.execute(
                select(CheckpointRow.note, TimestampRow.reply)
                .join(TimestampRow, TimestampRow.size == CheckpointRow.size)
                .where(TimestampRow.size == size)
            )
            row = found.one_or_none()
        if row is None:
            raise EntryUnknown("No timestamp covers this checkpoint.", detail_zh="该检查点没有时间戳。")
        return Stamped(*row)

    def _is_due(self, checkpoint: Checkpoint, newest: Stamp | None, after: timedelta) -> bool:
        if newest is None:
            return True
        return checkpoint.size > newest.size and self._clock.now() - newest.received_at >= after

    async def _newest(self) -> Stamp | None:
        async with self._database.read() as session:
            row = await session.scalar(select(TimestampRow).order_by(TimestampRow.size.desc()).limit(1))
        return None if row is None else Stamp(row.size, row.at, row.authority, row.received_at)


async def covering(session: AsyncSession, seqs: Iterable[int], upto: int) -> list[tuple[int, bytes]]:
    """Give for each entry the first stamp over a tree that has it, of trees of at most `upto` entries.

    The first is the strongest: it says the earliest time at which the entry was there for certain.
    """
    found = await session.scalars(
        select(TimestampRow.size).where(TimestampRow.size <= upto).order_by(TimestampRow.size)
    )
    sizes = list(found)
    places = {bisect_right(sizes, seq) for seq in seqs}
    wanted = [sizes[place] for place in sorted(places) if place < len(sizes)]
    return [
        (size, reply)
        for size in wanted
        if (reply := await session.scalar(select(TimestampRow.reply).where(TimestampRow.size == size)))
    ]
