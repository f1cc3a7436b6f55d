"""Inspects one call: transcribe, apply the rules, score, report, alert. Exactly once a contact."""

import asyncio
import time
from collections.abc import Mapping

from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.logging import get_logger
from core.outbox import Outbox
from qa.alert_rules import scopes
from qa.alerts import AlertService
from qa.inspection.books import InspectionBooks
from qa.inspection.report import build_report
from qa.inspection.repository import Outcome
from qa.inspection.rulebook import Chats
from qa.inspection.rules import Inspector
from qa.inspection.scoring import score
from qa.inspection.sealing import Sealer
from qa.inspection.segmenter import Topics, own_topics
from qa.ports import ContactFacts, ContactSource, Segmenter, StereoAudio, Transcriber
from qa.speech.engine import Transcript

KEYWORDS = 12
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
        self._books = InspectionBooks(
            database=database,
            clock=clock,
            outbox=outbox,
            bus=bus,
            ledger=ledger,
            sealer=sealer,
            alerts=alerts,
        )
        self._contacts = contacts
        self._transcriber = transcriber
        self._segmenter = segmenter
        self._inspector = inspector
        self._topics = topics or own_topics()

    async def inspect(self, contact_id: str, *, outbox_id: str | None = None, attempt: int = 1) -> str:
        """Inspect a contact and give the inspection's id; a contact that is done already is left alone.

        `outbox_id` is acknowledged with the result. The caller keeps the message's lease alive.

        Raises:
            Unavailable, or what a part raised: the inspection is `failed`, the message comes again.
            NotFound: there is no such contact.
        """
        facts = await self._contacts.facts(contact_id)
        row, open_still = await self._books.begin(facts, outbox_id)
        if not open_still:
            return row.id
        try:
            outcome = await self._examine(facts)
            await self._books.finish(row.id, lambda _: outcome, outbox_id)
        except Exception as error:
            if await self._books.fail(row.id, error, outbox_id, attempt=attempt):
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
        return await asyncio.to_thread(self._judge, facts, transcript, await scopes(self._books.database))

    def _read(self, audio: StereoAudio) -> Transcript:
        return self._transcriber.transcribe(audio.samples, audio.sample_rate)

    def _judge(self, facts: ContactFacts, transcript: Transcript, chosen: Mapping[str, Chats]) -> Outcome:
        rulebook = self._inspector.rulebook
        findings = self._inspector.inspect(
            transcript.sentences, purpose=facts.purpose, direction=facts.direction, scopes=chosen
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
