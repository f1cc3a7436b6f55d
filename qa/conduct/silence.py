"""Tells supervisors of phones that fell silent, and takes it away when they are back. Joins a transaction."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from core.ledger import Ledger
from qa.alerts import AlertService
from qa.conduct.catalogue import ConductCatalogue, own_catalogue
from qa.conduct.service import LEDGER_KIND
from qa.inspection.models import ConductFindingRow

KIND = "phone_silent"


@dataclass(frozen=True, slots=True)
class Silence:
    """A phone that has not reported since a moment."""

    device_id: str
    employee_id: str | None
    department_id: str | None
    since: datetime


class PhoneSilences:
    """One finding and one alert for each silence; the caller knows which are new."""

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: Ledger,
        alerts: AlertService,
        catalogue: ConductCatalogue | None = None,
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._alerts = alerts
        self._catalogue = catalogue or own_catalogue()

    async def began(self, session: AsyncSession, silences: Sequence[Silence]) -> None:
        """Write the findings with their alerts."""
        now = self._clock.now()
        for silence in silences:
            row = ConductFindingRow(
                id=new_id(),
                kind=KIND,
                severity=self._catalogue.entry(KIND).severity,
                catalogue_version=self._catalogue.version,
                employee_id=silence.employee_id,
                department_id=silence.department_id,
                at=silence.since,
                found_at=now,
            )
            session.add(row)
            await session.flush()
            await self._alerts.raise_conduct(session, row, now, device_id=silence.device_id)
            body = {
                "conduct_id": row.id,
                "conduct": row.kind,
                "severity": row.severity,
                "catalogue_version": row.catalogue_version,
                "device": silence.device_id,
            }
            row.ledger_seq = (await self._ledger.append(session, LEDGER_KIND, body)).seq

    async def ended(self, session: AsyncSession, device_ids: Collection[str]) -> int:
        """Close the alerts of phones that are back, or are none of ours any more."""
        return await self._alerts.close_over(session, device_ids)
