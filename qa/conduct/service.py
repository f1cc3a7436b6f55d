"""Judges a sensitive behaviour the moment it is known: one finding, one alert, one entry in the ledger."""

from core.clock import Clock
from core.db import Database
from core.ledger import Ledger
from core.logging import get_logger
from core.outbox import Outbox
from qa.alerts import AlertService
from qa.conduct.catalogue import ConductCatalogue, own_catalogue
from qa.inspection.models import ConductFindingRow
from qa.ports import ConductSource

LEDGER_KIND = "conduct.found"
_log = get_logger(__name__)


class ConductService:
    """The use case. A behaviour costs no points: a person decides what it was."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        outbox: Outbox,
        ledger: Ledger,
        alerts: AlertService,
        source: ConductSource,
        catalogue: ConductCatalogue | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._outbox = outbox
        self._ledger = ledger
        self._alerts = alerts
        self._source = source
        self._catalogue = catalogue or own_catalogue()

    async def judge(self, conduct_id: str, *, outbox_id: str | None = None) -> None:
        """Write the finding and its alert, once; raise `NotFound` if there is no such behaviour."""
        facts = await self._source.conduct(conduct_id)
        entry = self._catalogue.entry(facts.kind)
        now = self._clock.now()
        async with self._database.begin() as session:
            if outbox_id is not None:
                # The message is locked by this: of two workers the second one finds the row.
                await self._outbox.ack(session, outbox_id)
            if await session.get(ConductFindingRow, conduct_id) is not None:
                return
            row = ConductFindingRow(
                id=conduct_id,
                kind=facts.kind,
                severity=entry.severity,
                catalogue_version=self._catalogue.version,
                employee_id=facts.employee_id,
                department_id=facts.department_id,
                subject_id=facts.subject_id,
                thread_id=facts.thread_id,
                message_id=facts.message_id,
                at=facts.at,
                found_at=now,
            )
            session.add(row)
            await session.flush()
            await self._alerts.raise_conduct(session, row, now)
            body = {
                "conduct_id": row.id,
                "conduct": row.kind,
                "severity": row.severity,
                "catalogue_version": row.catalogue_version,
                "message_id": row.message_id,
            }
            row.ledger_seq = (await self._ledger.append(session, LEDGER_KIND, body)).seq
        _log.info("conduct.found", conduct_id=conduct_id, kind=facts.kind)
