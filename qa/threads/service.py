"""Inspects messages: what is sent is screened at once, and each day of a thread is inspected once as a whole.

Screening opens the day's inspection and writes its findings there; the end of the day takes them up, so that
a word is found, alerted and counted once, whichever came first.
"""

import asyncio
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from core.logging import get_logger
from core.vault import SubjectErased
from qa.alert_rules import scopes
from qa.inspection.books import InspectionBooks
from qa.inspection.model import Finding, State
from qa.inspection.models import FindingRow, InspectionRow
from qa.inspection.report import ThreadReport, build_thread_report
from qa.inspection.repository import Outcome, cover_contacts, finding_row, findings_of, open_inspection
from qa.inspection.rules import Inspector
from qa.inspection.scoring import score
from qa.inspection.segmenter import Topics, own_topics
from qa.inspection.service import KEYWORDS
from qa.ports import MessageText, Segmenter, ThreadDayFacts, ThreadSource, ThreadTexts
from qa.speech.engine import Role, Sentence
from qa.threads.judging import covered_text, finding_key, join, judge, row_key, sentences_of, unscored
from qa.threads.voices import VoiceReading

NOTHING_SAID = "no-text"
_log = get_logger(__name__)


class ThreadInspections:
    """The use case. Its collaborators are handed in; it keeps no state of its own."""

    def __init__(
        self,
        *,
        books: InspectionBooks,
        threads: ThreadSource,
        voices: VoiceReading,
        segmenter: Segmenter,
        inspector: Inspector,
        topics: Topics | None = None,
    ) -> None:
        self._books = books
        self._threads = threads
        self._voices = voices
        self._segmenter = segmenter
        self._inspector = inspector
        self._topics = topics or own_topics()

    async def inspect_day(self, thread_day_id: str, *, outbox_id: str | None = None, attempt: int = 1) -> str:
        """Inspect a day that is over and give the inspection's id; one that is done already is left alone.

        `outbox_id` is acknowledged with the result.

        Raises:
            Unavailable, or what a part raised: the inspection is `failed`, the message comes again.
            NotFound: there is no such day.
        """
        facts = await self._threads.day(thread_day_id)
        row, open_still = await self._books.begin(facts, outbox_id)
        if not open_still:
            return row.id
        try:
            texts = await self._texts(thread_day_id)
            said = tuple(text for text in texts.texts if text.said and text.text)
            sentences = sentences_of(said, facts.started_at)
            found = await self._judge(facts, said, sentences)
            words = await asyncio.to_thread(self._keywords, said)
            await self._books.finish(
                row.id,
                lambda known: self._conclude(texts, said, sentences, found, words, known),
                outbox_id,
            )
        except Exception as error:
            if await self._books.fail(row.id, error, outbox_id, attempt=attempt):
                raise
        return row.id

    async def screen(self, message_id: str, *, outbox_id: str | None = None) -> None:
        """Find what a message says the moment it is finished, and alert; the same message is screened once.

        Of an erased customer nothing is read; that the contact belongs to its day is written all the same.
        """
        facts = await self._threads.day_of_message(message_id)
        said: tuple[MessageText, ...] = ()
        try:
            texts = (await self._threads.texts_of_message(message_id)).texts
            said = tuple(text for text in texts if text.said and text.text)
        except SubjectErased:
            _log.info("message.erased", message_id=message_id)
        sentences = sentences_of(said, facts.started_at)
        found = await self._judge(facts, said, sentences)
        async with self._books.database.begin() as session:
            row = await open_inspection(session, facts, self._books.clock.now())
            await cover_contacts(session, row, facts)
            if row.state != State.DONE:  # a day that is done has read this message already
                await self._add(session, row, found, said)
            await self._books.acknowledge(session, outbox_id)

    async def _add(
        self,
        session: AsyncSession,
        row: InspectionRow,
        found: Sequence[Finding],
        texts: Sequence[MessageText],
    ) -> None:
        """Write findings that are new into the day's inspection, and alert."""
        known = await findings_of(session, row.id)
        keys = {row_key(finding) for finding in known}
        fresh = [finding for finding in found if finding_key(finding, texts) not in keys]
        if not fresh:
            return
        cipher = await self._books.sealer.cipher(session, row.subject_id)
        following = 1 + max((finding.idx for finding in known), default=-1)
        stored = []
        for idx, (finding, item) in enumerate(zip(fresh, unscored(fresh), strict=True), start=following):
            made = finding_row(row.id, idx, item, cipher)
            text = texts[finding.sentence_index or 0]
            made.message_id, made.attachment_id = text.message_id, text.attachment_id
            session.add(made)
            stored.append((made, item))
        row.finding_count = len(known) + len(fresh)
        row.severe_count += sum(item.severity == "severe" and not item.suspected for item in fresh)
        row.suspected_count += sum(item.suspected for item in fresh)
        await session.flush()
        await self._books.alerts.raise_for(session, row, stored, self._books.clock.now())

    async def _texts(self, thread_day_id: str) -> ThreadTexts:
        """Read the day; a voice message that nobody has read yet is read first."""
        texts = await self._threads.texts_of_day(thread_day_id)
        for attachment_id in texts.waiting_voices:
            await self._voices.read(attachment_id)
        return await self._threads.texts_of_day(thread_day_id) if texts.waiting_voices else texts

    async def _judge(
        self, facts: ThreadDayFacts, said: Sequence[MessageText], sentences: Sequence[Sentence]
    ) -> tuple[Finding, ...]:
        chosen = await scopes(self._books.database)
        return await asyncio.to_thread(judge, self._inspector, said, sentences, facts.purpose, chosen)

    def _keywords(self, said: Sequence[MessageText]) -> tuple[str, ...]:
        return self._segmenter.keywords("\n".join(covered_text(text) for text in said), KEYWORDS)

    def _conclude(
        self,
        texts: ThreadTexts,
        said: tuple[MessageText, ...],
        sentences: tuple[Sentence, ...],
        found: tuple[Finding, ...],
        words: tuple[str, ...],
        known: Sequence[FindingRow],
    ) -> Outcome | str:
        if not said and not known:
            return NOTHING_SAID
        rulebook = self._inspector.rulebook
        joined = join(found, known, said, self._inspector)
        result = score(joined.findings, rulebook.scoring)
        written = {role: sum(text.role is role and not text.attachment_id for text in said) for role in Role}
        figures = ThreadReport(
            messages=texts.messages,
            staff=written[Role.STAFF],
            customer=written[Role.CUSTOMER],
            stopped=texts.stopped,
            recalled=texts.recalled,
            unread_voices=texts.unread_voices,
        )
        covered = "\n".join(covered_text(text) for text in said)
        return Outcome(
            sentences=sentences,
            score=result,
            report=build_thread_report(result, covered, figures, rulebook, self._topics),
            keywords=words,
            rules_version=rulebook.version,
            lexicon_version=self._inspector.lexicon.version,
            engine=None,
            messages=said,
            known=joined.known,
        )
