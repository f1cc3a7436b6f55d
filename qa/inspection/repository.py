"""Writes inspections: opens the one row of a call or of a day, and stores a finished one with its parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Base
from core.ids import new_id
from core.vault import Cipher
from qa.inspection.model import Score, Scored, State
from qa.inspection.models import CoveredContactRow, FindingRow, InspectionRow, SentenceRow
from qa.inspection.report import Report
from qa.inspection.sealing import finding_field, join_words, keywords_field, sentence_field
from qa.ports import ContactFacts, MessageText, ThreadDayFacts
from qa.speech.engine import Sentence

MESSAGE, BOTH = "message", "both"
"""Channel and direction of a thread's day."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that an inspection found, ready to be stored.

    Of a thread, `messages` are what the sentences stand in, one for one, and `known` the rows of findings
    that were written before, by their place in the score's findings.
    """

    sentences: tuple[Sentence, ...]
    score: Score
    report: Report
    keywords: tuple[str, ...]
    rules_version: str
    lexicon_version: str
    engine: str | None
    messages: tuple[MessageText, ...] = ()
    known: Mapping[int, FindingRow] = field(default_factory=dict)


async def open_inspection(
    session: AsyncSession, facts: ContactFacts | ThreadDayFacts, now: datetime
) -> InspectionRow:
    """Give the one inspection of a call or of a thread's day, locked; make it if there is none.

    Two at once get the same one.
    """
    about: dict[str, object]
    if isinstance(facts, ThreadDayFacts):
        key = InspectionRow.thread_day_id == facts.thread_day_id
        about = {
            "thread_day_id": facts.thread_day_id,
            "thread_id": facts.thread_id,
            "day": facts.day,
            "channel": MESSAGE,
            "direction": BOTH,
        }
    else:
        key = InspectionRow.contact_id == facts.contact_id
        about = {"contact_id": facts.contact_id, "channel": facts.channel, "direction": facts.direction}
    await _insert_once(
        session,
        InspectionRow,
        id=new_id(),
        subject_id=facts.subject_id,
        employee_id=facts.employee_id,
        department_id=facts.department_id,
        purpose=facts.purpose,
        contact_started_at=facts.started_at,
        state=State.WAITING,
        retryable=False,
        attempts=0,
        fatal=False,
        finding_count=0,
        severe_count=0,
        suspected_count=0,
        created_at=now,
        **about,
    )
    return await _locked(session, key)


async def cover_contacts(
    session: AsyncSession, row: InspectionRow, facts: ContactFacts | ThreadDayFacts
) -> None:
    """Write down whose inspection this is: every contact by message has that of its day."""
    if isinstance(facts, ThreadDayFacts):
        for contact_id in facts.contacts:
            await _insert_once(session, CoveredContactRow, contact_id=contact_id, inspection_id=row.id)


async def lock_inspection(session: AsyncSession, inspection_id: str) -> InspectionRow:
    """Read an inspection for update."""
    return await _locked(session, InspectionRow.id == inspection_id)


async def findings_of(session: AsyncSession, inspection_id: str) -> Sequence[FindingRow]:
    """Give what was found already, in the order in which it was found."""
    return (
        await session.scalars(
            select(FindingRow).where(FindingRow.inspection_id == inspection_id).order_by(FindingRow.idx)
        )
    ).all()


async def _locked(session: AsyncSession, which: ColumnElement[bool]) -> InspectionRow:
    return (
        await session.execute(
            select(InspectionRow).where(which).with_for_update().execution_options(populate_existing=True)
        )
    ).scalar_one()


async def _insert_once(session: AsyncSession, table: type[Base], **values: object) -> None:
    dialect = session.get_bind().dialect.name
    statement = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    await session.execute(statement.values(**values).on_conflict_do_nothing())


def store_outcome(
    session: AsyncSession, row: InspectionRow, outcome: Outcome, cipher: Cipher
) -> list[tuple[FindingRow, Scored]]:
    """Put score, sentences and findings into the session, texts sealed; gives the finding rows."""
    findings = [item.finding for item in outcome.score.findings]
    row.score, row.band, row.fatal = outcome.score.value, outcome.score.band, outcome.score.fatal
    row.finding_count = len(findings)
    row.severe_count = sum(item.severity == "severe" and not item.suspected for item in findings)
    row.suspected_count = sum(item.suspected for item in findings)
    row.rules_version, row.lexicon_version = outcome.rules_version, outcome.lexicon_version
    row.engine = outcome.engine
    row.report = outcome.report.model_dump(mode="json")
    if outcome.keywords:
        row.keywords = cipher.seal(keywords_field(row.id), join_words(outcome.keywords))
    session.add_all(_sentences(row.id, outcome, cipher))
    stored, idx = [], 1 + max((known.idx for known in outcome.known.values()), default=-1)
    for place, item in enumerate(outcome.score.findings):
        finding = outcome.known.get(place)
        if finding is None:
            finding = finding_row(row.id, idx, item, cipher)
            idx += 1
            session.add(finding)
        finding.sentence_index = item.finding.sentence_index
        finding.begin_ms, finding.end_ms = item.finding.begin_ms, item.finding.end_ms
        finding.deduction = item.deduction
        if outcome.messages and finding.sentence_index is not None:
            message = outcome.messages[finding.sentence_index]
            finding.message_id, finding.attachment_id = message.message_id, message.attachment_id
        stored.append((finding, item))
    return stored


def _sentences(inspection_id: str, outcome: Outcome, cipher: Cipher) -> list[SentenceRow]:
    rows = []
    messages = outcome.messages or (None,) * len(outcome.sentences)
    for index, (sentence, message) in enumerate(zip(outcome.sentences, messages, strict=True)):
        row_id = new_id()
        row = SentenceRow(
            id=row_id,
            inspection_id=inspection_id,
            idx=index,
            role=sentence.role,
            begin_ms=sentence.begin_ms,
            end_ms=sentence.end_ms,
            confidence=sentence.confidence,
            text=cipher.seal(sentence_field(row_id), sentence.text),
        )
        if message is not None:
            row.message_id, row.attachment_id = message.message_id, message.attachment_id
            row.at, row.hidden = message.at, [list(span) for span in message.hidden]
        rows.append(row)
    return rows


def finding_row(inspection_id: str, index: int, item: Scored, cipher: Cipher) -> FindingRow:
    """Make the row of a finding, its words sealed."""
    finding, row_id = item.finding, new_id()
    return FindingRow(
        id=row_id,
        inspection_id=inspection_id,
        idx=index,
        rule_id=finding.rule_id,
        rule_version=finding.rule_version,
        term_id=finding.term_id,
        category=finding.category,
        severity=finding.severity,
        role=finding.role,
        sentence_index=finding.sentence_index,
        begin_ms=finding.begin_ms,
        end_ms=finding.end_ms,
        char_begin=finding.char_begin,
        char_end=finding.char_end,
        matched_by=finding.matched_by,
        confidence=finding.confidence,
        suspected=finding.suspected,
        fatal=finding.fatal,
        deduction=item.deduction,
        text=cipher.seal(finding_field(row_id), finding.text) if finding.text else None,
    )
