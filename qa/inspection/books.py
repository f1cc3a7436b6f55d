"""Opens an inspection and writes its end: everything that it leaves, in one transaction, once.

The long work in between is the caller's and holds no transaction, so a process may die at any moment: either
all of it is there, or the message comes again and the work is done anew.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.errors import Invalid, NotFound, Unavailable
from core.events import EventBus
from core.ledger import Ledger
from core.ledger.record import JSON
from core.logging import get_logger
from core.outbox import MAX_ATTEMPTS, Outbox
from core.vault import SubjectErased, SubjectUnknown
from qa.alerts import AlertService
from qa.inspection.digest import findings_hash, transcript_hash
from qa.inspection.events import InspectionDone
from qa.inspection.model import State
from qa.inspection.models import FindingRow, InspectionRow
from qa.inspection.report import empty_report
from qa.inspection.repository import (
    Outcome,
    cover_contacts,
    findings_of,
    lock_inspection,
    open_inspection,
    store_outcome,
)
from qa.inspection.sealing import Sealer
from qa.ports import ContactFacts, ThreadDayFacts

LEDGER_KIND = "inspection.done"
_FINAL_ERRORS = (NotFound, Invalid)
_log = get_logger(__name__)

Conclude = Callable[[Sequence[FindingRow]], Outcome | str]
"""Gives the outcome, knowing what was found already; a word where there is nothing to inspect."""


class InspectionBooks:
    """Writes inspections of calls and of days of threads."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        outbox: Outbox,
        bus: EventBus,
        ledger: Ledger,
        sealer: Sealer,
        alerts: AlertService,
    ) -> None:
        self.database = database
        self.clock = clock
        self.sealer = sealer
        self.alerts = alerts
        self._outbox = outbox
        self._bus = bus
        self._ledger = ledger

    async def begin(
        self, facts: ContactFacts | ThreadDayFacts, outbox_id: str | None
    ) -> tuple[InspectionRow, bool]:
        """Open the one inspection and say that work on it goes on; False if it is done already."""
        async with self.database.begin() as session:
            row = await open_inspection(session, facts, self.clock.now())
            await cover_contacts(session, row, facts)
            if row.state == State.DONE:
                await self.acknowledge(session, outbox_id)
                return row, False
            row.state, row.reason, row.retryable = State.RUNNING, None, False
            row.attempts += 1
            row.started_at = self.clock.now()
            return row, True

    async def finish(self, inspection_id: str, conclude: Conclude, outbox_id: str | None) -> None:
        """Write the end."""
        now = self.clock.now()
        async with self.database.begin() as session:
            row = await lock_inspection(session, inspection_id)
            if row.state == State.DONE:  # another worker was faster
                await self.acknowledge(session, outbox_id)
                return
            outcome = conclude(await findings_of(session, row.id))
            row.state, row.finished_at, row.reason, row.retryable = State.DONE, now, None, False
            if isinstance(outcome, str):
                row.nothing = outcome
                row.report = empty_report(outcome).model_dump(mode="json")
            else:
                await self._store(session, row, outcome, now)
            await self._bus.publish(
                session,
                InspectionDone(row.id, row.contact_id, row.employee_id, row.score, row.band, row.thread_id),
            )
            await self.acknowledge(session, outbox_id)
            await session.flush()
            row.ledger_seq = (await self._ledger.append(session, LEDGER_KIND, _body(row))).seq
        _log.info("inspection.done", contact_id=row.contact_id, inspection_id=row.id)

    async def fail(
        self, inspection_id: str, error: Exception, outbox_id: str | None, *, attempt: int
    ) -> bool:
        """Note that it did not work, by the error's code, never its text; True if it is to be tried again."""
        final = isinstance(error, _FINAL_ERRORS)
        async with self.database.begin() as session:
            row = await lock_inspection(session, inspection_id)
            if row.state == State.DONE:
                return not final
            row.state, row.reason = State.FAILED, _reason(error)
            row.retryable = not final and attempt < MAX_ATTEMPTS
            if final:
                await self.acknowledge(session, outbox_id)
        _log.warning(
            "inspection.failed",
            contact_id=row.contact_id,
            inspection_id=row.id,
            reason=_reason(error),
            attempt=row.attempts,
        )
        return not final

    async def acknowledge(self, session: AsyncSession, outbox_id: str | None) -> None:
        if outbox_id is not None:
            await self._outbox.ack(session, outbox_id)

    async def _store(
        self, session: AsyncSession, row: InspectionRow, outcome: Outcome, now: datetime
    ) -> None:
        cipher = await self.sealer.cipher(session, row.subject_id)
        row.transcript_hash = transcript_hash(cipher, outcome.sentences)
        row.findings_hash = findings_hash(outcome.score.findings)
        findings = store_outcome(session, row, outcome, cipher)
        await session.flush()
        await self.alerts.raise_for(session, row, findings, now)


def _body(row: InspectionRow) -> dict[str, JSON]:
    """Give the ledger's record: hashes, counts and versions, no word of what was said."""
    about: dict[str, JSON] = {"contact_id": row.contact_id}
    if row.thread_day_id is not None:
        about = {"thread_day_id": row.thread_day_id, "thread_id": row.thread_id}
    return {
        "inspection_id": row.id,
        **about,
        "nothing": row.nothing,
        "score": row.score,
        "band": row.band,
        "fatal": row.fatal,
        "findings": row.finding_count,
        "severe": row.severe_count,
        "suspected": row.suspected_count,
        "transcript_hash": row.transcript_hash,
        "findings_hash": row.findings_hash,
        "rules_version": row.rules_version,
        "lexicon_version": row.lexicon_version,
        "engine": row.engine,
    }


def _reason(error: Exception) -> str:
    if isinstance(error, SubjectErased | SubjectUnknown | NotFound | Invalid | Unavailable):
        return error.code
    return "error-" + type(error).__name__.lower()[:50]
