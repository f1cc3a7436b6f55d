"""Reads inspections and alerts for people: scoped, numbers masked, erased texts marked."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.db import Database
from core.web.paging import paginate
from qa.alerts import reach
from qa.inspection.errors import AlertUnknown, InspectionUnknown
from qa.inspection.models import AlertRow, FindingRow, InspectionRow, SentenceRow
from qa.inspection.report import Report
from qa.inspection.rulebook import Rulebook
from qa.inspection.sealing import Opener, Sealer, finding_field, keywords_field, note_field, sentence_field
from qa.inspection.views import AlertView, FindingView, InspectionDetail, InspectionSummary, SentenceView
from qa.permissions import ALERT_READ, INSPECTION_READ, TRANSCRIPT_NUMBERS, TRANSCRIPT_READ
from qa.speech.digits import mask_digits


@dataclass(frozen=True, slots=True)
class InspectionFilter:
    """Which inspections are wanted; None means any."""

    contact_id: str | None = None
    employee_id: str | None = None
    state: str | None = None
    band: str | None = None
    category: str | None = None
    severity: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class InspectionReader:
    """Queries. It changes nothing."""

    def __init__(self, *, database: Database, sealer: Sealer, rulebook: Rulebook) -> None:
        self._database = database
        self._sealer = sealer
        self._rulebook = rulebook

    async def find(
        self, principal: Principal, wanted: InspectionFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[InspectionSummary, ...], str | None]:
        """List inspections, the newest first, with the next cursor."""
        query = _filtered(select(InspectionRow).where(_inspections(principal, INSPECTION_READ)), wanted)
        async with self._database.read() as session:
            rows, following = await paginate(session, query, key=InspectionRow.id, cursor=cursor, limit=limit)
        return tuple(map(_summary, rows)), following

    async def get(self, principal: Principal, inspection_id: str) -> InspectionDetail:
        """Show one inspection; raise `InspectionUnknown`."""
        return await self._detail(principal, InspectionRow.id == inspection_id)

    async def of_contact(self, principal: Principal, contact_id: str) -> InspectionDetail:
        """Show the inspection of a contact; raise `InspectionUnknown`."""
        return await self._detail(principal, InspectionRow.contact_id == contact_id)

    async def alerts(
        self, principal: Principal, *, state: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[AlertView, ...], str | None]:
        """List alerts, the newest first, with the next cursor."""
        query = select(AlertRow).where(reach(principal, ALERT_READ))
        if state is not None:
            query = query.where(AlertRow.state == state)
        async with self._database.read() as session:
            rows, following = await paginate(session, query, key=AlertRow.id, cursor=cursor, limit=limit)
            return tuple([await self._alert(session, row) for row in rows]), following

    async def alert(self, principal: Principal, alert_id: str) -> AlertView:
        """Show one alert; raise `AlertUnknown`."""
        async with self._database.read() as session:
            row = await session.scalar(
                select(AlertRow).where(AlertRow.id == alert_id, reach(principal, ALERT_READ))
            )
            if row is None:
                raise AlertUnknown
            return await self._alert(session, row)

    async def _detail(self, principal: Principal, which: ColumnElement[bool]) -> InspectionDetail:
        async with self._database.read() as session:
            row = await session.scalar(
                select(InspectionRow).where(which, _inspections(principal, INSPECTION_READ))
            )
            if row is None:
                raise InspectionUnknown
            opener = await self._sealer.opener(session, row.subject_id)
            readable = await _reaches(session, principal, TRANSCRIPT_READ, row.id)
            masked = not await _reaches(session, principal, TRANSCRIPT_NUMBERS, row.id)
            sentences = await _sentences(session, row.id, opener, masked=masked) if readable else None
            rows = await session.scalars(
                select(FindingRow).where(FindingRow.inspection_id == row.id).order_by(FindingRow.idx)
            )
            return InspectionDetail(
                summary=_summary(row),
                erased=opener.erased,
                transcript=sentences,
                findings=tuple(self._finding(item, opener, sentences) for item in rows),
                keywords=_keywords(row, opener, masked=masked) if readable else (),
                report=None if row.report is None else Report.model_validate(row.report),
                rules_version=row.rules_version,
                lexicon_version=row.lexicon_version,
                engine=row.engine,
                transcript_hash=row.transcript_hash,
                findings_hash=row.findings_hash,
                ledger_seq=row.ledger_seq,
            )

    def _finding(
        self, row: FindingRow, opener: Opener, sentences: Sequence[SentenceView] | None
    ) -> FindingView:
        rule = self._rulebook.rule(row.rule_id)
        return FindingView(
            **{
                item.name: getattr(row, item.name)
                for item in fields(FindingView)
                if item.name not in {"rule_title_zh", "rule_title_en", "text"}
            },
            rule_title_zh=rule.title.zh if rule else row.rule_id,
            rule_title_en=rule.title.en if rule else row.rule_id,
            text=_evidence(row, opener, sentences),
        )

    async def _alert(self, session: AsyncSession, row: AlertRow) -> AlertView:
        title = self._rulebook.category(row.category)
        note = None
        if row.note is not None:
            subject_id = await session.scalar(
                select(InspectionRow.subject_id).where(InspectionRow.id == row.inspection_id)
            )
            opener = await self._sealer.opener(session, subject_id)
            note = mask_digits(opener.text(note_field(row.id), row.note))
        return AlertView(
            **{
                item.name: getattr(row, item.name)
                for item in fields(AlertView)
                if item.name not in {"category_zh", "category_en", "note"}
            },
            category_zh=title.zh,
            category_en=title.en,
            note=note,
        )


def _inspections(principal: Principal, permission: str) -> ColumnElement[bool]:
    return scope_clause(
        principal, permission, owner=InspectionRow.employee_id, department=InspectionRow.department_id
    )


async def _reaches(session: AsyncSession, principal: Principal, permission: str, inspection_id: str) -> bool:
    if not principal.allows(permission):
        return False
    found = await session.scalar(
        select(InspectionRow.id).where(InspectionRow.id == inspection_id, _inspections(principal, permission))
    )
    return found is not None


def _filtered(query: Select[Any], wanted: InspectionFilter) -> Select[Any]:
    for name in ("contact_id", "employee_id", "state", "band"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(getattr(InspectionRow, name) == value)
    if wanted.category is not None or wanted.severity is not None:
        hit = exists().where(FindingRow.inspection_id == InspectionRow.id)
        if wanted.category is not None:
            hit = hit.where(FindingRow.category == wanted.category)
        if wanted.severity is not None:
            hit = hit.where(FindingRow.severity == wanted.severity)
        query = query.where(hit)
    if wanted.since is not None:
        query = query.where(InspectionRow.contact_started_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(InspectionRow.contact_started_at < wanted.until)
    return query


def _summary(row: InspectionRow) -> InspectionSummary:
    return InspectionSummary(**{item.name: getattr(row, item.name) for item in fields(InspectionSummary)})


async def _sentences(
    session: AsyncSession, inspection_id: str, opener: Opener, *, masked: bool
) -> tuple[SentenceView, ...]:
    rows = (
        await session.scalars(
            select(SentenceRow).where(SentenceRow.inspection_id == inspection_id).order_by(SentenceRow.idx)
        )
    ).all()
    texts = [opener.text(sentence_field(row.id), row.text) for row in rows]
    if masked:
        texts = mask_numbers([row.role for row in rows], texts)
    return tuple(
        SentenceView(row.idx, row.role, row.begin_ms, row.end_ms, row.confidence, text)
        for row, text in zip(rows, texts, strict=True)
    )


def mask_numbers(roles: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Mask runs of digits, also one that a speaker dictates over several sentences; lengths stay."""
    masked = list(texts)
    for role in set(roles):
        own = [index for index, speaker in enumerate(roles) if speaker == role]
        joined = mask_digits(" ".join(texts[index] for index in own))
        begin = 0
        for index in own:
            masked[index] = joined[begin : begin + len(texts[index])]
            begin += len(texts[index]) + 1
    return masked


def _evidence(row: FindingRow, opener: Opener, sentences: Sequence[SentenceView] | None) -> str | None:
    """Give the words of a finding as the reader sees them in the transcript."""
    if sentences is None:
        return None
    if row.text is None or opener.erased or row.sentence_index is None:
        return opener.text(finding_field(row.id), row.text)
    return sentences[row.sentence_index].text[row.char_begin : row.char_end]


def _keywords(row: InspectionRow, opener: Opener, *, masked: bool) -> tuple[str, ...]:
    words = opener.words(keywords_field(row.id), row.keywords)
    return tuple(mask_digits(word) for word in words) if masked else words
