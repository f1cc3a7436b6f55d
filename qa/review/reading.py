"""Reads reviews for people: the queue, one inspection's decisions and appeals, and how much is done."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.clock import Clock
from core.db import Database
from qa.inspection.errors import InspectionUnknown
from qa.inspection.models import FindingRow, InspectionRow
from qa.inspection.sealing import Opener, Sealer
from qa.inspection.views import InspectionSummary
from qa.lexicon.model import Severity
from qa.permissions import FINDING_APPEAL, FINDING_REVIEW, TRANSCRIPT_READ
from qa.review import queue
from qa.review.appeals import appeal_until
from qa.review.book import is_claimed, reviewable
from qa.review.errors import FindingUnknown
from qa.review.model import AppealState, Priority, ReviewState, Ruling, Step
from qa.review.models import AppealRow, DecisionRow, ReviewRow, RulingRow
from qa.review.policy import ReviewPolicy
from qa.review.queue import ReviewFilter
from qa.review.sealing import comment_field, reason_field
from qa.review.views import (
    AppealView,
    Coverage,
    DecisionView,
    FindingReview,
    InspectionReview,
    QueueItem,
    ReviewSummary,
)
from qa.speech.digits import mask_digits

_SUMMARY = tuple(item.name for item in fields(InspectionSummary))
_PRIORITIES = tuple(Priority)


@dataclass(frozen=True, slots=True)
class _Desk:
    """One reader in one transaction: what opens the texts (None: not for this reader), and people's names."""

    principal: Principal
    opener: Opener | None
    names: Mapping[str, str]
    may_review: bool


class ReviewReader:
    """Queries. It changes nothing."""

    def __init__(self, *, database: Database, clock: Clock, sealer: Sealer, policy: ReviewPolicy) -> None:
        self._database = database
        self._clock = clock
        self._sealer = sealer
        self._policy = policy

    @property
    def policy(self) -> ReviewPolicy:
        return self._policy

    async def find(
        self, principal: Principal, wanted: ReviewFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[QueueItem, ...], str | None]:
        """List inspections with their reviews in the pile's order, with the next cursor."""
        query = queue.narrowed(queue.reviews(principal), wanted)
        if cursor is not None:
            query = queue.after(query, wanted.pile, queue.place_of(cursor))
        async with self._database.read() as session:
            places = (await session.execute(queue.places(query, wanted.pile, limit + 1))).all()
            shown = queue.reviews(principal).where(InspectionRow.id.in_([row[0] for row in places[:limit]]))
            rows = (await session.execute(queue.ordered(shown, wanted.pile))).all()
            items = await self._items(session, rows)
        following = None
        if len(places) > limit:
            last_id, at = places[limit - 1]
            following = queue.cursor_of((at, last_id))
        return items, following

    async def coverage(self, principal: Principal, wanted: ReviewFilter) -> Coverage:
        """Count within the filter's employee, department, channel and period."""
        query = queue.counts(queue.scoped(queue.reviews(principal), wanted))
        async with self._database.read() as session:
            return Coverage(*(await session.execute(query)).one())

    async def following(self, principal: Principal, wanted: ReviewFilter, inspection_id: str) -> str | None:
        """Give the inspection after this one in the pile's order, else the first other one; None without."""
        base = queue.narrowed(queue.reviews(principal), wanted).where(InspectionRow.id != inspection_id)
        if wanted.pile.is_queue and principal.allows(FINDING_REVIEW):
            base = base.where(InspectionRow.employee_id != principal.employee_id)
        here = queue.reviews(principal).where(InspectionRow.id == inspection_id)
        async with self._database.read() as session:
            place = (await session.execute(here)).one_or_none()
            wishes = [base] if place is None else [
                queue.after(base, wanted.pile, (place[2], inspection_id)), base,
            ]  # fmt: skip
            for query in wishes:
                found = (await session.execute(queue.places(query, wanted.pile, 1))).first()
                if found is not None:
                    return str(found[0])
        return None

    async def summaries(
        self, principal: Principal, inspection_ids: Collection[str]
    ) -> dict[str, ReviewSummary]:
        """Give the reviews of these inspections, for lists of others."""
        query = queue.reviews(principal).where(InspectionRow.id.in_(inspection_ids))
        async with self._database.read() as session:
            items = await self._items(session, (await session.execute(query)).all())
        return {item.inspection.id: item.review for item in items}

    async def of_inspection(self, principal: Principal, inspection_id: str) -> InspectionReview:
        """Show one inspection's review; raise `InspectionUnknown` (also while there is nothing to review)."""
        query = queue.reviews(principal).where(InspectionRow.id == inspection_id)
        async with self._database.read() as session:
            found = (await session.execute(query)).one_or_none()
            if found is None:
                raise InspectionUnknown
            (item,) = await self._items(session, [found])
            inspection: InspectionRow = found[0]
            rows = await _parts(session, inspection_id)
            desk = _Desk(
                principal,
                await self._opener(session, principal, inspection),
                await _names(session, rows.people()),
                await _reviews_it(session, principal, inspection_id),
            )
        held_by = item.review.held_by
        may_review = desk.may_review and held_by in {None, principal.employee_id}
        return InspectionReview(
            item.review,
            {row.id: self._finding(desk, inspection, row, rows) for row in rows.findings},
            may_review,
            inspection.employee_id == principal.employee_id,
        )

    async def of_finding(self, principal: Principal, finding_id: str) -> FindingReview:
        """Show one finding's review; raise `FindingUnknown`."""
        async with self._database.read() as session:
            inspection_id = await session.scalar(
                select(FindingRow.inspection_id).where(FindingRow.id == finding_id)
            )
        try:
            review = await self.of_inspection(principal, inspection_id or "")
        except InspectionUnknown:
            raise FindingUnknown from None
        return review.findings[finding_id]

    # --- inside a transaction -----------------------------------------------------------------------

    async def _opener(
        self, session: AsyncSession, principal: Principal, inspection: InspectionRow
    ) -> Opener | None:
        """Comments may quote what was said: who may not read that reads no comment either."""
        if not principal.allows(TRANSCRIPT_READ):
            return None
        reach = queue.reached(principal, TRANSCRIPT_READ)
        query = select(InspectionRow.id).where(InspectionRow.id == inspection.id, reach)
        if await session.scalar(query) is None:
            return None
        return await self._sealer.opener(session, inspection.subject_id)

    def _finding(
        self, desk: _Desk, inspection: InspectionRow, finding: FindingRow, rows: "_Parts"
    ) -> FindingReview:
        row = rows.rulings.get(finding.id)
        history = rows.history.get(finding.id, ())
        appeal = rows.appeals.get(finding.id)
        is_open = appeal is not None and appeal.state == AppealState.OPEN
        me = desk.principal.employee_id
        ruling = Ruling(row.ruling) if row and row.ruling else None
        last = next((entry for entry in history if row and entry.id == row.decision_id), None)
        until = appeal_until(self._policy, inspection, history, last.id if last else None)
        another = bool(
            is_open and appeal and any(entry.decided_by == me for entry in history[: appeal.after])
        )
        undone = {entry.undoes for entry in history if entry.undoes}
        return FindingReview(
            finding_id=finding.id,
            ruling=ruling,
            revision=row.revision if row else 0,
            history=tuple(_decision(desk, entry, undone) for entry in history),
            appeal=_appeal(desk, appeal) if appeal else None,
            may_decide=desk.may_review and not another,
            must_be_another=desk.may_review and another,
            may_undo=desk.may_review and last is not None and last.decided_by == me and not is_open,
            may_appeal=appeal is None
            and inspection.employee_id == me
            and desk.principal.allows(FINDING_APPEAL)
            and ruling is not Ruling.OVERTURN
            and self._clock.now() <= until,
            appeal_until=until,
        )

    async def _items(self, session: AsyncSession, rows: Sequence[Any]) -> tuple[QueueItem, ...]:
        now = self._clock.now()
        people = {row[0].employee_id for row in rows}
        people |= {person for row in rows if row[1] for person in (row[1].reviewer_id, row[1].reviewed_by)}
        names = await _names(session, {person for person in people if person})
        categories = await _categories(session, [row[0].id for row in rows])
        items = []
        for inspection, review, rank in rows:
            items.append(
                QueueItem(
                    InspectionSummary(**{name: getattr(inspection, name) for name in _SUMMARY}),
                    names.get(inspection.employee_id, ""),
                    self._summary(inspection, review, _PRIORITIES[rank], names, now),
                    categories.get(inspection.id, ()),
                )
            )
        return tuple(items)

    def _summary(
        self,
        inspection: InspectionRow,
        review: ReviewRow | None,
        priority: Priority,
        names: Mapping[str, str],
        now: Any,
    ) -> ReviewSummary:
        if review is None:
            return ReviewSummary(
                inspection.id, ReviewState.UNREVIEWED, priority, None, None, None, None, None,
                inspection.score, inspection.band, inspection.fatal, 0, 0, 0,
            )  # fmt: skip
        held_by = review.reviewer_id if is_claimed(review, self._policy, now) else None
        return ReviewSummary(
            inspection_id=inspection.id,
            state=ReviewState(review.state),
            priority=priority,
            held_by=held_by,
            held_by_name=names.get(held_by or ""),
            reviewed_by=review.reviewed_by,
            reviewed_by_name=names.get(review.reviewed_by or ""),
            reviewed_at=review.reviewed_at,
            score=review.score,
            band=review.band,
            fatal=review.fatal,
            confirmed_count=review.confirmed_count,
            overturned_count=review.overturned_count,
            open_appeals=review.open_appeals,
        )


@dataclass(frozen=True, slots=True)
class _Parts:
    """Everything that hangs on one review."""

    findings: Sequence[FindingRow]
    rulings: Mapping[str, RulingRow]
    history: Mapping[str, tuple[DecisionRow, ...]]
    appeals: Mapping[str, AppealRow]

    def people(self) -> set[str]:
        """Give everybody who is named in it."""
        found = {entry.decided_by for entries in self.history.values() for entry in entries}
        for appeal in self.appeals.values():
            found |= {appeal.employee_id, appeal.settled_by or appeal.employee_id}
        return found


async def _parts(session: AsyncSession, inspection_id: str) -> _Parts:
    findings = await session.scalars(
        select(FindingRow).where(FindingRow.inspection_id == inspection_id).order_by(FindingRow.idx)
    )
    rulings = await session.scalars(select(RulingRow).where(RulingRow.inspection_id == inspection_id))
    entries = await session.scalars(
        select(DecisionRow).where(DecisionRow.inspection_id == inspection_id).order_by(DecisionRow.revision)
    )
    history: dict[str, tuple[DecisionRow, ...]] = {}
    for entry in entries:
        history[entry.finding_id] = (*history.get(entry.finding_id, ()), entry)
    appeals = await session.scalars(select(AppealRow).where(AppealRow.inspection_id == inspection_id))
    return _Parts(
        findings.all(),
        {row.finding_id: row for row in rulings},
        history,
        {row.finding_id: row for row in appeals},
    )


async def _names(session: AsyncSession, ids: Collection[str]) -> dict[str, str]:
    rows = await session.execute(select(Employee.id, Employee.display_name).where(Employee.id.in_(ids)))
    return dict(rows.all())


async def _categories(session: AsyncSession, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Give the categories that were found in each inspection, the most severe first."""
    rows = await session.execute(
        select(FindingRow.inspection_id, FindingRow.category, FindingRow.severity)
        .where(FindingRow.inspection_id.in_(ids))
        .distinct()
    )
    worst: dict[str, dict[str, int]] = {}
    for inspection_id, category, severity in rows:
        ranks = worst.setdefault(inspection_id, {})
        ranks[category] = max(ranks.get(category, 0), Severity(severity).rank)
    return {
        inspection_id: tuple(sorted(ranks, key=lambda name: (-ranks[name], name)))
        for inspection_id, ranks in worst.items()
    }


async def _reviews_it(session: AsyncSession, principal: Principal, inspection_id: str) -> bool:
    if not principal.allows(FINDING_REVIEW):
        return False
    query = select(InspectionRow.id).where(InspectionRow.id == inspection_id, reviewable(principal))
    return await session.scalar(query) is not None


def _decision(desk: _Desk, row: DecisionRow, undone: Collection[str]) -> DecisionView:
    return DecisionView(
        id=row.id,
        revision=row.revision,
        step=Step(row.step),
        by=row.decided_by,
        by_name=desk.names.get(row.decided_by, ""),
        at=row.decided_at,
        is_undone=row.id in undone,
        settles_appeal=row.appeal_id is not None and row.step != Step.UNDO,
        score_before=row.score_before,
        score_after=row.score_after,
        ledger_seq=row.ledger_seq,
        comment=mask_digits(desk.opener.text(comment_field(row.id), row.comment)) if desk.opener else None,
    )


def _appeal(desk: _Desk, row: AppealRow) -> AppealView:
    return AppealView(
        id=row.id,
        finding_id=row.finding_id,
        inspection_id=row.inspection_id,
        employee_id=row.employee_id,
        employee_name=desk.names.get(row.employee_id, ""),
        state=AppealState(row.state),
        raised_at=row.raised_at,
        settled_by=row.settled_by,
        settled_by_name=desk.names.get(row.settled_by or ""),
        settled_at=row.settled_at,
        reason=mask_digits(desk.opener.text(reason_field(row.id), row.reason)) if desk.opener else None,
    )
