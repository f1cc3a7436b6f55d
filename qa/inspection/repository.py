"""Writes inspections: opens the one row of a contact, and stores a finished inspection with its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import new_id
from core.vault import Cipher
from qa.inspection.model import Score, Scored, State
from qa.inspection.models import FindingRow, InspectionRow, SentenceRow
from qa.inspection.report import Report
from qa.inspection.sealing import finding_field, join_words, keywords_field, sentence_field
from qa.ports import ContactFacts
from qa.speech.engine import Sentence


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that an inspection found, ready to be stored."""

    sentences: tuple[Sentence, ...]
    score: Score
    report: Report
    keywords: tuple[str, ...]
    rules_version: str
    lexicon_version: str
    engine: str


async def open_inspection(session: AsyncSession, facts: ContactFacts, now: datetime) -> InspectionRow:
    """Give the contact's inspection, locked; make it if there is none. Two at once get the same one."""
    dialect = session.get_bind().dialect.name
    statement = (postgresql if dialect == "postgresql" else sqlite).insert(InspectionRow)
    await session.execute(
        statement.values(
            id=new_id(),
            contact_id=facts.contact_id,
            subject_id=facts.subject_id,
            employee_id=facts.employee_id,
            department_id=facts.department_id,
            channel=facts.channel,
            direction=facts.direction,
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
        ).on_conflict_do_nothing(index_elements=["contact_id"])
    )
    return await lock_inspection(session, facts.contact_id)


async def lock_inspection(session: AsyncSession, contact_id: str) -> InspectionRow:
    """Read a contact's inspection for update."""
    return (
        await session.execute(
            select(InspectionRow)
            .where(InspectionRow.contact_id == contact_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).scalar_one()


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
    session.add_all(_sentences(row.id, outcome.sentences, cipher))
    stored = [
        (_finding(row.id, index, item, cipher), item) for index, item in enumerate(outcome.score.findings)
    ]
    session.add_all(finding for finding, _ in stored)
    return stored


def _sentences(inspection_id: str, sentences: Sequence[Sentence], cipher: Cipher) -> list[SentenceRow]:
    rows = []
    for index, sentence in enumerate(sentences):
        row_id = new_id()
        rows.append(
            SentenceRow(
                id=row_id,
                inspection_id=inspection_id,
                idx=index,
                role=sentence.role,
                begin_ms=sentence.begin_ms,
                end_ms=sentence.end_ms,
                confidence=sentence.confidence,
                text=cipher.seal(sentence_field(row_id), sentence.text),
            )
        )
    return rows


def _finding(inspection_id: str, index: int, item: Scored, cipher: Cipher) -> FindingRow:
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
