"""Reports that say something new, as they come after a push: many are judged in one transaction.

Each is judged as if it had come alone: its phone locked, every setting computed anew, kept as proof, told in
the ledger. What needs more than that goes the long way, see `Reports.take`: the report of a phone that was
silent, or that somebody else has locked, or whose wish must be computed first; one of a version that nobody
made; while a roll-out runs, each.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.policies.ports import RolloutWatch
from devicepolicy.sync.desired import current_of
from devicepolicy.sync.model import PhoneReport
from devicepolicy.sync.models import DesiredRow
from devicepolicy.sync.proofs import Proofs
from devicepolicy.sync.standing import Settled, Standings
from devicepolicy.sync.told import Stands, Told, note

AT_MOST = 100
"""Reports of one transaction: others that write wait for it."""
# In the order of their ids, as everybody locks phones who locks several.
_FREE = (
    select(DeviceRow)
    .where(
        DeviceRow.id.in_(bindparam("ids", expanding=True)),
        DeviceRow.trust == Trust.TRUSTED,
        DeviceRow.offline.is_(False),
        DeviceRow.desired_stale.is_(False),
    )
    .order_by(DeviceRow.id)
    .with_for_update(skip_locked=True, of=DeviceRow)
)


class JudgedReports:
    """Made to be called for many reports at once."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        standings: Standings,
        proofs: Proofs,
        watch: RolloutWatch,
    ) -> None:
        self._db = database
        self._clock = clock
        self._watch = watch
        self._standings = standings
        self._proofs = proofs

    async def __call__(self, told: Sequence[Told]) -> list[Stands | None]:
        """Judge reports; None where one must go the long way: nothing of it is written."""
        first = {one.device_id: one for one in reversed(told)}  # of two of one phone, the other has to wait
        stands: Mapping[str, Stands] = {}
        async with self._db.begin() as session:
            if not await self._watch.running(session):
                stands = await self._write(session, first)
        return [stands.get(one.device_id) if first[one.device_id] is one else None for one in told]

    async def _write(self, session: AsyncSession, told: Mapping[str, Told]) -> Mapping[str, Stands]:
        """Judge the phones that may be judged here, and write all of it; give how each stands."""
        rows = (await session.scalars(_FREE, {"ids": sorted(told)})).all()
        wanted = await current_of(session, rows)
        judged: list[tuple[DeviceRow, Told]] = []
        settled: list[Settled] = []
        with session.no_autoflush:
            for row in rows:
                one, desired = told[row.id], wanted.get(row.id)
                if desired is None or not _is_plain(row, desired, one.report):
                    continue
                note(row, one, self._clock.now())
                settled.append(self._standings.settle(session, row, desired, one.report.reported, one.mark))
                judged.append((row, one))
        if judged:
            await session.flush()
            for standing in settled:
                await standing.tell(session)
            await self._proofs.keep(session, judged)
        return {row.id: Stands.of(row, wanted[row.id]) for row, _ in judged}


def _is_plain(row: DeviceRow, desired: DesiredRow, report: PhoneReport) -> bool:
    """Whether it is a later report than the last, of a version that was made here."""
    return report.seq > row.report_seq and (report.reported.version or 0) <= desired.version
