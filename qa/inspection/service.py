"""Inspects one contact: transcribe, apply the rules, score, report, alert. Exactly once a contact.

Long work holds no transaction. Everything an inspection leaves (state, sentences, findings, alerts, ledger
entry, events, the message's acknowledgement) is written in one transaction at the end, so a process may
die at any moment: either all of it is there, or the message comes again and the work is done anew.
"""

import asyncio
import time
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.errors import Invalid, NotFound, Unavailable
from core.events import EventBus
from core.ledger import Ledger
from core.logging import get_logger
from core.outbox import MAX_ATTEMPTS, Outbox
from core.vault import SubjectErased, SubjectUnknown
from qa.alerts import AlertService
from qa.inspection.digest import findings_hash, transcript_hash
from qa.inspection.events import InspectionDone
from qa.inspection.model import State
from qa.inspection.models import InspectionRow
from qa.inspection.report import build_report, empty_report
from qa.inspection.repository import Outcome, lock_inspection, open_inspection, store_outcome
from qa.inspection.rules import Inspector
from qa.inspection.scoring import score
from qa.inspection.sealing import Sealer
from qa.inspection.segmenter import Topics, own_topics
from qa.ports import ContactFacts, ContactSource, Segmenter, StereoAudio, Transcriber
from qa.speech.engine import Transcript

KEYWORDS = 12
LEDGER_KIND = "inspection.done"
_FINAL_ERRORS = (NotFound, Invalid)
_log = get_logger(__name__)


class InspectionService:
    """The use case. Its collaborators are handed in; it keeps no state of its own."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        outbox: Outbox,
        bus: EventBus,
        ledger: Ledger,
        sealer: Sealer,
        contacts: ContactSource,
        transcriber: Transcriber,
        segmenter: Segmenter,
        inspector: Inspector,
        alerts: AlertService,
        topics: Topics | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._outbox = outbox
        self._bus = bus
        self._ledger = ledger
        self._sealer = sealer
        self._contacts = contacts
        self._transcriber = transcriber
        self._segmenter = segmenter
        self._inspector = inspector
        self._alerts = alerts
        self._topics = topics or own_topics()

    async def inspect(self, contact_id: str, *, outbox_id: str | None = None, attempt: int = 1) -> str:
        """Inspect a contact and give the inspection's id; a contact that is done already is left alone.

        `outbox_id` is acknowledged with the result. The caller keeps the message's lease alive.

        Raises:
            Unavailable, or what a part raised: the inspection is `failed`, the message comes again.
            NotFound: there is no such contact.
        """
        facts = await self._contacts.facts(contact_id)
        async with self._database.begin() as session:
            row = await open_inspection(session, facts, self._clock.now())
            if row.state == State.DONE:
                await self._acknowledge(session, outbox_id)
                return row.id
            row.state, row.reason, row.retryable = State.RUNNING, None, False
            row.attempts += 1
            row.started_at = self._clock.now()
        try:
            outcome = await self._examine(facts)
            await self._finish(facts, outcome, outbox_id)
        except Exception as error:
            final = isinstance(error, _FINAL_ERRORS)
            await self._fail(contact_id, error, outbox_id if final else None,
                             retryable=not final and attempt < MAX_ATTEMPTS)  # fmt: skip
            if not final:
                raise
        return row.id

    async def _examine(self, facts: ContactFacts) -> "Outcome | str":
        """Do the long work; gives a word where there is nothing to inspect."""
        audio = await self._contacts.audio(facts.contact_id) if facts.has_recording else None
        if audio is None:
            return "no-recording"
        begun = time.monotonic()
        transcript = await asyncio.to_thread(self._read, audio)
        _log.info("transcript.ready", contact_id=facts.contact_id, count=len(transcript.sentences),
                  engine=transcript.engine.name, elapsed_s=round(time.monotonic() - begun, 2))  # fmt: skip
        if not transcript.sentences:
            return "no-speech"
        return await asyncio.to_thread(self._judge, facts, transcript)

    def _read(self, audio: StereoAudio) -> Transcript:
        return self._transcriber.transcribe(audio.samples, audio.sample_rate)

    def _judge(self, facts: ContactFacts, transcript: Transcript) -> Outcome:
        rulebook = self._inspector.rulebook
        findings = self._inspector.inspect(
            transcript.sentences, purpose=facts.purpose, direction=facts.direction
        )
        result = score(findings, rulebook.scoring)
        text = "\n".join(sentence.text for sentence in transcript.sentences)
        engine = transcript.engine
        return Outcome(
            sentences=transcript.sentences,
            score=result,
            report=build_report(result, transcript, rulebook, self._topics),
            keywords=self._segmenter.keywords(text, KEYWORDS),
            rules_version=rulebook.version,
            lexicon_version=self._inspector.lexicon.version,
            engine=f"{engine.name}/{engine.version} {engine.model} {engine.fingerprint[:16]}".strip(),
        )

    async def _finish(self, facts: ContactFacts, outcome: "Outcome | str", outbox_id: str | None) -> None:
        """Write everything in one transaction."""
        now = self._clock.now()
        async with self._database.begin() as session:
            row = await lock_inspection(session, facts.contact_id)
            if row.state == State.DONE:  # another worker was faster
                await self._acknowledge(session, outbox_id)
                return
            row.state, row.finished_at, row.reason, row.retryable = State.DONE, now, None, False
            if isinstance(outcome, str):
                row.nothing = outcome
                row.report = empty_report(outcome).model_dump(mode="json")
            else:
                await self._store(session, row, outcome, now)
            await self._bus.publish(
                session, InspectionDone(row.id, row.contact_id, row.employee_id, row.score, row.band)
            )
            await self._acknowledge(session, outbox_id)
            await session.flush()
            row.ledger_seq = await self._record(session, row)
        _log.info("inspection.done", contact_id=facts.contact_id, inspection_id=row.id)

    async def _store(
        self, session: AsyncSession, row: InspectionRow, outcome: Outcome, now: datetime
    ) -> None:
        cipher = await self._sealer.cipher(session, row.subject_id)
        row.transcript_hash = transcript_hash(cipher, outcome.sentences)
        row.findings_hash = findings_hash(outcome.score.findings)
        findings = store_outcome(session, row, outcome, cipher)
        await session.flush()
        await self._alerts.raise_for(session, row, findings, now)

    async def _record(self, session: AsyncSession, row: InspectionRow) -> int:
        """Put the result into the ledger: hashes, counts and versions, no word of what was said."""
        entry = await self._ledger.append(
            session,
            LEDGER_KIND,
            {
                "inspection_id": row.id,
                "contact_id": row.contact_id,
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
            },
        )
        return entry.seq

    async def _acknowledge(self, session: AsyncSession, outbox_id: str | None) -> None:
        if outbox_id is not None:
            await self._outbox.ack(session, outbox_id)

    async def _fail(
        self, contact_id: str, error: Exception, outbox_id: str | None, *, retryable: bool
    ) -> None:
        """Note that it did not work; the reason is the error's code, never its text."""
        async with self._database.begin() as session:
            row = await lock_inspection(session, contact_id)
            if row.state == State.DONE:
                return
            row.state, row.reason, row.retryable = State.FAILED, _reason(error), retryable
            await self._acknowledge(session, outbox_id)
        _log.warning("inspection.failed", contact_id=contact_id, reason=_reason(error), attempt=row.attempts)


def _reason(error: Exception) -> str:
    if isinstance(error, SubjectErased | SubjectUnknown | NotFound | Invalid | Unavailable):
        return error.code
    return "error-" + type(error).__name__.lower()[:50]
