"""Makes alerts of phones that are silent, and closes them when the phones are back. A chore of the relay.

It compares the register with the alerts, so that a restart, or a phone that left in the meantime, leaves no
alert behind and none out.
"""

from sqlalchemy import and_, func, or_, select

from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow
from maskline.ground import Ground
from qa.alerts import AlertService
from qa.conduct.silence import PhoneSilences, Silence
from qa.inspection.model import AlertState
from qa.inspection.models import AlertRow
from qa.inspection.sealing import Sealer

BATCH = 100
_SILENT = and_(DeviceRow.trust == Trust.TRUSTED, DeviceRow.offline)
_SINCE = func.coalesce(DeviceRow.last_report_at, DeviceRow.trusted_at, DeviceRow.enrolled_at)
_TOLD = select(AlertRow.id).where(AlertRow.device_id == DeviceRow.id, AlertRow.created_at > _SINCE).exists()
_NEW = (
    select(DeviceRow.id, DeviceRow.employee_id, DeviceRow.department_id, _SINCE.label("since"))
    .where(_SILENT, ~_TOLD)
    .order_by(DeviceRow.id)
    .limit(BATCH)
)
_OVER = (
    select(AlertRow.device_id)
    .outerjoin(DeviceRow, DeviceRow.id == AlertRow.device_id)
    .where(
        AlertRow.device_id.is_not(None),
        AlertRow.state != AlertState.CLOSED,
        or_(DeviceRow.id.is_(None), ~_SILENT),
    )
    .limit(BATCH)
)


class SilenceWatch:
    """One alert for each silence: a silence lasts from a phone's last report to its next."""

    def __init__(self, ground: Ground) -> None:
        self._database = ground.database
        self._silences = PhoneSilences(
            clock=ground.clock,
            ledger=ground.ledger,
            alerts=AlertService(
                database=ground.database,
                clock=ground.clock,
                bus=ground.bus,
                ledger=ground.ledger,
                sealer=Sealer(ground.vault, ground.subject_keys),
            ),
        )

    async def __call__(self) -> None:
        """Bring alerts in line with the register."""
        while await self._some():
            pass

    async def _some(self) -> bool:
        """Do a few; tell whether there may be more. Without anything to do it writes nothing."""
        async with self._database.read() as session:
            new = (await session.execute(_NEW)).all()
            over = [one for one in await session.scalars(_OVER) if one is not None]
        if not new and not over:
            return False
        async with self._database.begin() as session:
            await self._silences.ended(session, [*over, *(row.id for row in new)])
            told = [Silence(row.id, row.employee_id, row.department_id, row.since) for row in new]
            await self._silences.began(session, told)
        return True
