"""Reads inspections and alerts for people: scoped, numbers masked, erased texts marked."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.audit import AccessNotes, NoNotes, Seen
from core.audit.unusual import Finding, findings_of, own_rules, tell
from core.audit.unusual import Rulebook as AccessRules
from core.db import Database
from core.web.paging import paginate
from qa.alerts import reach, subjects_of
from qa.conduct.catalogue import ConductCatalogue, own_catalogue
from qa.inspection.errors import AlertUnknown, InspectionUnknown
from qa.inspection.model import AlertState
from qa.inspection.models import (
    AlertRow,
    ConductFindingRow,
    CoveredContactRow,
    FindingRow,
    InspectionRow,
)
from qa.inspection.report import Report
from qa.inspection.rulebook import Rulebook
from qa.inspection.sealing import Sealer, note_field
from qa.inspection.texts import evidence, in_order, keywords, opened, read_sentences
from qa.inspection.views import (
    AlertView,
    ConductView,
    FindingView,
    InspectionDetail,
    InspectionSummary,
    ThreadFindings,
)
from qa.lexicon.model import Severity
from qa.permissions import ALERT_READ, INSPECTION_READ, TRANSCRIPT_NUMBERS, TRANSCRIPT_READ
from qa.ports import CustomerMasks, MaskedCustomer
from qa.speech.digits import mask_digits


@dataclass(frozen=True, slots=True)
class InspectionFilter:
    """Which inspections are wanted; None means any."""

    contact_id: str | None = None
    thread_id: str | None = None
    channel: str | None = None
    employee_id: str | None = None
    state: str | None = None
    band: str | None = None
    category: str | None = None
    severity: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class InspectionReader:
    """Queries. It changes nothing."""

    def __init__(
        self,
        *,
        database: Database,
        sealer: Sealer,
        rulebook: Rulebook,
        catalogue: ConductCatalogue | None = None,
        customers: CustomerMasks | None = None,
        notes: AccessNotes | None = None,
        rules: AccessRules | None = None,
    ) -> None:
        """`customers`: who masks the names of customers; without it alerts name none.

        `rules`: those of unusual access.
        """
        self._database = database
        self._sealer = sealer
        self._rulebook = rulebook
        self._catalogue = catalogue or own_catalogue()
        self._customers = customers
        self._notes = notes or NoNotes()
        self._rules = rules or own_rules()

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
        """Show the inspection of a contact: a message's is its day's. Raise `InspectionUnknown`."""
        return await self._detail(principal, of_contact(contact_id))

    async def of_thread_day(self, principal: Principal, thread_day_id: str) -> InspectionDetail:
        """Show the inspection of one day of a thread; raise `InspectionUnknown`."""
        return await self._detail(principal, InspectionRow.thread_day_id == thread_day_id)

    async def of_thread(
        self, principal: Principal, thread_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[InspectionSummary, ...], str | None]:
        """List the days of a thread, the newest first, with the next cursor."""
        return await self.find(principal, InspectionFilter(thread_id=thread_id), cursor=cursor, limit=limit)

    async def thread_findings(
        self, principal: Principal, thread_id: str, message_ids: Collection[str] | None = None
    ) -> ThreadFindings:
        """Give what was found in a thread so far, by message; empty where the reader may see none.

        `message_ids` narrows both findings and behaviours to these messages.
        """
        async with self._database.read() as session:
            query = select(InspectionRow).where(
                InspectionRow.thread_id == thread_id, _inspections(principal, INSPECTION_READ)
            )
            days = {row.id: row for row in await session.scalars(query)}
            subject_id = next((row.subject_id for row in days.values()), None)
            opener = await self._sealer.opener(session, subject_id)
            found: dict[str, tuple[FindingView, ...]] = {}
            if days:
                readable = await _reaches(session, principal, TRANSCRIPT_READ, next(iter(days)))
                hits = select(FindingRow).where(
                    FindingRow.inspection_id.in_(days), FindingRow.message_id.is_not(None)
                )
                if message_ids is not None:
                    hits = hits.where(FindingRow.message_id.in_(message_ids))
                for row in await session.scalars(hits.order_by(FindingRow.char_begin, FindingRow.id)):
                    view = self._finding(row, opened(row, opener) if readable else None)
                    found[str(row.message_id)] = (*found.get(str(row.message_id), ()), view)
            conduct = await self._conducts(session, principal, thread_id, message_ids)
        if any(view.text for views in found.values() for view in views) and not opener.erased:
            await self._notes.note(principal, Seen.THREAD, thread_id, customer_id=subject_id)
        return ThreadFindings(found, conduct, opener.erased)

    async def alerts(
        self, principal: Principal, *, state: str | None = None, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[AlertView, ...], str | None]:
        """List alerts, the newest first, with the next cursor."""
        query = select(AlertRow).where(reach(principal, ALERT_READ))
        if state is not None:
            query = query.where(AlertRow.state == state)
        async with self._database.read() as session:
            rows, following = await paginate(session, query, key=AlertRow.id, cursor=cursor, limit=limit)
            return await self.alert_views(session, rows), following

    async def most_severe_alerts(self, principal: Principal, *, limit: int) -> tuple[AlertView, ...]:
        """List alerts that nobody has closed: the most severe first, of these the newest."""
        ranks = case({severity.value: severity.rank for severity in Severity}, value=AlertRow.severity)
        query = (
            select(AlertRow)
            .where(reach(principal, ALERT_READ), AlertRow.state.in_([AlertState.OPEN, AlertState.TAKEN]))
            .where(~AlertRow.gathered)
            .order_by(ranks.desc(), AlertRow.created_at.desc(), AlertRow.id.desc())
            .limit(limit)
        )
        async with self._database.read() as session:
            return await self.alert_views(session, (await session.scalars(query)).all())

    async def alert(self, principal: Principal, alert_id: str) -> AlertView:
        """Show one alert; raise `AlertUnknown`."""
        async with self._database.read() as session:
            row = await session.scalar(
                select(AlertRow).where(AlertRow.id == alert_id, reach(principal, ALERT_READ))
            )
            if row is None:
                raise AlertUnknown
            (view,) = await self.alert_views(session, [row])
            return view

    async def _detail(self, principal: Principal, which: ColumnElement[bool]) -> InspectionDetail:
        """Read an inspection; who gets words to see is noted before they get them."""
        detail, subject_id = await self._read(principal, which)
        if detail.transcript and not detail.erased:
            seen = detail.summary
            await self._notes.note(
                principal, Seen.TRANSCRIPT, seen.id, contact_id=seen.contact_id, customer_id=subject_id
            )
        return detail

    async def _read(
        self, principal: Principal, which: ColumnElement[bool]
    ) -> tuple[InspectionDetail, str | None]:
        async with self._database.read() as session:
            row = await session.scalar(
                select(InspectionRow).where(which, _inspections(principal, INSPECTION_READ))
            )
            if row is None:
                raise InspectionUnknown
            opener = await self._sealer.opener(session, row.subject_id)
            readable = await _reaches(session, principal, TRANSCRIPT_READ, row.id)
            masked = not await _reaches(session, principal, TRANSCRIPT_NUMBERS, row.id)
            sentences = await read_sentences(session, row.id, opener, masked=masked) if readable else None
            rows = await session.scalars(
                select(FindingRow).where(FindingRow.inspection_id == row.id).order_by(FindingRow.idx)
            )
            detail = InspectionDetail(
                summary=_summary(row),
                erased=opener.erased,
                transcript=sentences,
                findings=tuple(
                    self._finding(item, evidence(item, opener, sentences)) for item in in_order(row, rows)
                ),
                keywords=keywords(row, opener, masked=masked) if readable else (),
                report=None if row.report is None else Report.model_validate(row.report),
                rules_version=row.rules_version,
                lexicon_version=row.lexicon_version,
                engine=row.engine,
                transcript_hash=row.transcript_hash,
                findings_hash=row.findings_hash,
                ledger_seq=row.ledger_seq,
            )
            return detail, row.subject_id

    def _finding(self, row: FindingRow, text: str | None) -> FindingView:
        rule = self._rulebook.rule(row.rule_id)
        return FindingView(
            **{
                item.name: getattr(row, item.name)
                for item in fields(FindingView)
                if item.name not in {"rule_title_zh", "rule_title_en", "text"}
            },
            rule_title_zh=rule.title.zh if rule else row.rule_id,
            rule_title_en=rule.title.en if rule else row.rule_id,
            text=text,
        )

    async def _conducts(
        self,
        session: AsyncSession,
        principal: Principal,
        thread_id: str,
        message_ids: Collection[str] | None,
    ) -> tuple[ConductView, ...]:
        row = ConductFindingRow
        query = select(row).where(
            row.thread_id == thread_id,
            scope_clause(principal, INSPECTION_READ, owner=row.employee_id, department=row.department_id),
        )
        if message_ids is not None:
            query = query.where(row.message_id.in_(message_ids))
        found = await session.scalars(query.order_by(row.at.desc(), row.id.desc()))
        return tuple(self._conduct(item) for item in found)

    def _conduct(self, row: ConductFindingRow) -> ConductView:
        entry = self._catalogue.entry(row.kind)
        return ConductView(
            id=row.id,
            kind=row.kind,
            title_zh=entry.title.zh,
            title_en=entry.title.en,
            advice_zh=entry.advice.zh,
            advice_en=entry.advice.en,
            source=entry.source,
            severity=row.severity,
            employee_id=row.employee_id,
            customer_id=row.subject_id,
            thread_id=row.thread_id,
            message_id=row.message_id,
            at=row.at,
        )

    async def alert_views(self, session: AsyncSession, rows: Sequence[AlertRow]) -> tuple[AlertView, ...]:
        """Show alerts that the caller selected within its reader's reach."""
        subjects = await subjects_of(session, rows)
        conduct_ids = [row.conduct_id for row in rows if row.conduct_id is not None]
        known = await session.execute(
            select(ConductFindingRow.id, ConductFindingRow.kind).where(ConductFindingRow.id.in_(conduct_ids))
        )
        kinds: dict[str, str] = dict(known.all())
        unusual = await findings_of(session, conduct_ids)
        customers: Mapping[str, MaskedCustomer] = {}
        if self._customers is not None:
            wanted = {subject for subject in subjects.values() if subject is not None}
            customers = await self._customers.masked(session, wanted)
        return tuple(
            [
                await self._alert(
                    session,
                    row,
                    subjects[row.id],
                    self._told(row, kinds.get(row.conduct_id or ""), unusual.get(row.conduct_id or "")),
                    customers,
                )
                for row in rows
            ]
        )

    def _told(self, row: AlertRow, kind: str | None, finding: Finding | None) -> dict[str, Any]:
        """Say what an alert is about: a category, a behaviour, or unusual access with its figures."""
        if finding is not None:
            told = tell(finding, self._rules.rule(finding.rule_id))
            return {
                "conduct": kind,
                "category_zh": told.title_zh,
                "category_en": told.title_en,
                "said_zh": told.said_zh,
                "said_en": told.said_en,
                "advice_zh": told.advice_zh,
                "advice_en": told.advice_en,
                "seen_since": finding.since,
                "seen_until": finding.until,
            }
        title = self._rulebook.category(row.category) if kind is None else self._catalogue.entry(kind).title
        return {
            **dict.fromkeys(_OF_FINDINGS),
            "conduct": kind,
            "category_zh": title.zh,
            "category_en": title.en,
        }

    async def _alert(
        self,
        session: AsyncSession,
        row: AlertRow,
        subject_id: str | None,
        told: Mapping[str, Any],
        customers: Mapping[str, MaskedCustomer],
    ) -> AlertView:
        note = None
        if row.note is not None:
            opener = await self._sealer.opener(session, subject_id)
            note = mask_digits(opener.text(note_field(row.id), row.note))
        customer = customers.get(subject_id or "", MaskedCustomer("", ""))
        return AlertView(
            **{name: getattr(row, name) for name in _ALERT_COLUMNS},
            **told,
            customer_id=subject_id,
            customer_name=customer.name,
            customer_phone=customer.phone,
            rules=self._rulebook.titles(row.rules),
            note=note,
        )


_OF_FINDINGS = ("said_zh", "said_en", "advice_zh", "advice_en", "seen_since", "seen_until")
_MADE_UP = frozenset(
    {"conduct", "customer_id", "customer_name", "customer_phone", "category_zh", "category_en", "note"}
    | {*_OF_FINDINGS, "rules"}
)
_ALERT_COLUMNS = tuple(item.name for item in fields(AlertView) if item.name not in _MADE_UP)


def of_contact(contact_id: str) -> ColumnElement[bool]:
    """Select the one inspection of a contact: the call's, or that of the message's day."""
    covered = select(CoveredContactRow.inspection_id).where(CoveredContactRow.contact_id == contact_id)
    return or_(InspectionRow.contact_id == contact_id, InspectionRow.id.in_(covered))


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
    if wanted.contact_id is not None:
        query = query.where(of_contact(wanted.contact_id))
    for name in ("thread_id", "channel", "employee_id", "state", "band"):
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
