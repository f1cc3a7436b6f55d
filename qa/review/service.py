"""Reviewing: take an inspection, confirm or overturn its findings, take a decision back, finish.

Each decision is one transaction: history, ruling in force, score by the findings that stand, alerts, ledger.
All decisions in one inspection wait for one another at its review's row, so the score is always right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from qa.alerts import AlertService
from qa.inspection.models import FindingRow
from qa.inspection.rulebook import Rulebook
from qa.inspection.sealing import Sealer
from qa.permissions import FINDING_REVIEW
from qa.review.book import Case, FindingCase, ReviewBook, is_claimed, reviewable
from qa.review.errors import (
    AppealNotYours,
    AppealUnderWay,
    CommentMissing,
    NothingToUndo,
    ReviewIncomplete,
    ReviewOutdated,
    ReviewTaken,
)
from qa.review.events import AppealSettled, FindingReviewed
from qa.review.history import in_force
from qa.review.model import AppealState, ReviewState, Ruling, Step
from qa.review.models import AppealRow, DecisionRow, RulingRow
from qa.review.scoring import Standing, Weighed, standing
from qa.review.sealing import comment_field, seal_text


@dataclass(frozen=True, slots=True)
class Change:
    """One new entry of a history, before it is written."""

    step: Step
    by: str
    at: datetime
    comment: str = ""
    undoes: str | None = None
    appeal_id: str | None = None


class ReviewService:
    """The use cases of reviewers. Who writes here has `finding.review`, and never on own inspections."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        bus: EventBus,
        ledger: Ledger,
        sealer: Sealer,
        rulebook: Rulebook,
        alerts: AlertService,
        book: ReviewBook,
    ) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._ledger = ledger
        self._sealer = sealer
        self._rulebook = rulebook
        self._alerts = alerts
        self._book = book

    async def claim(self, principal: Principal, inspection_id: str) -> None:
        """Take an inspection into one's hands; a reviewed one stays as it is.

        Raises:
            ReviewTaken: another reviewer is at work on it. InspectionUnknown, NotInspected.
        """
        principal.require(FINDING_REVIEW)
        async with self._database.begin() as session:
            case = await self._book.lock_inspection(session, principal, inspection_id)
            self._check_free(principal, case)
            if case.review.state != ReviewState.REVIEWED:
                self._hold(principal, case, self._clock.now())

    async def release(self, principal: Principal, inspection_id: str) -> None:
        """Give an inspection back that one has in hand."""
        principal.require(FINDING_REVIEW)
        async with self._database.begin() as session:
            case = await self._book.lock_inspection(session, principal, inspection_id)
            review = case.review
            if review.state == ReviewState.IN_REVIEW and review.reviewer_id == principal.employee_id:
                review.claimed_at = None
                if not review.confirmed_count and not review.overturned_count:
                    review.state, review.reviewer_id = ReviewState.UNREVIEWED, None

    async def finish(self, principal: Principal, inspection_id: str) -> None:
        """Call an inspection reviewed: one without findings, listened to and found right.

        Raises:
            ReviewIncomplete: findings wait for a decision. ReviewTaken, InspectionUnknown, NotInspected.
        """
        principal.require(FINDING_REVIEW)
        async with self._database.begin() as session:
            case = await self._book.lock_inspection(session, principal, inspection_id)
            self._check_free(principal, case)
            decided = case.review.confirmed_count + case.review.overturned_count
            if decided < case.inspection.finding_count:
                raise ReviewIncomplete
            if case.review.state != ReviewState.REVIEWED:
                await self._complete(session, principal, case, self._clock.now())

    async def reopen(self, principal: Principal, inspection_id: str) -> None:
        """Take back one's own `finish`.

        Raises:
            NothingToUndo: somebody else finished it, or it has findings, whose decisions are undone singly.
        """
        principal.require(FINDING_REVIEW)
        async with self._database.begin() as session:
            case = await self._book.lock_inspection(session, principal, inspection_id)
            review = case.review
            if review.reviewed_by != principal.employee_id or case.inspection.finding_count:
                raise NothingToUndo
            self._hold(principal, case, self._clock.now())
            await self._record(session, "inspection.review_reopened", case, by=principal.employee_id)

    async def decide(
        self, principal: Principal, finding_id: str, ruling: Ruling, *, comment: str, revision: int
    ) -> None:
        """Confirm or overturn a finding; with an appeal open, this settles it.

        `revision` is the length of the finding's history as the reviewer saw it.

        Raises:
            ReviewOutdated: somebody decided meanwhile. ReviewTaken: another reviewer is at work on it.
            CommentMissing, AppealNotYours, FindingUnknown, NotInspected.
        """
        principal.require(FINDING_REVIEW)
        comment, now = comment.strip(), self._clock.now()
        async with self._database.begin() as session:
            one = await self._book.lock_finding(session, finding_id, reviewable(principal))
            self._check(principal, one, revision)
            appeal = one.open_appeal
            if appeal is not None:
                earlier = one.history[: appeal.after]
                if any(entry.decided_by == principal.employee_id for entry in earlier):
                    raise AppealNotYours
            if not comment and (ruling is Ruling.OVERTURN or appeal is not None):
                raise CommentMissing
            change = Change(
                Step(ruling), principal.employee_id, now, comment, appeal_id=appeal.id if appeal else None
            )
            if appeal is not None:
                accepted = ruling is Ruling.OVERTURN
                appeal.state = AppealState.ACCEPTED if accepted else AppealState.REJECTED
                appeal.settled_by, appeal.settled_at = principal.employee_id, now
                await self._tell_settled(session, appeal)
            await self._write(session, principal, one, change)

    async def undo(self, principal: Principal, finding_id: str, *, revision: int) -> None:
        """Take one's own last decision on a finding back; the one before it holds again.

        Raises:
            NothingToUndo, AppealUnderWay, ReviewOutdated, ReviewTaken, FindingUnknown.
        """
        principal.require(FINDING_REVIEW)
        async with self._database.begin() as session:
            one = await self._book.lock_finding(session, finding_id, reviewable(principal))
            self._check(principal, one, revision)
            last = next((entry for entry in one.history if entry.id == one.ruling.decision_id), None)
            if last is None or last.decided_by != principal.employee_id:
                raise NothingToUndo
            if one.open_appeal is not None:
                raise AppealUnderWay
            if one.appeal is not None and last.appeal_id == one.appeal.id:
                one.appeal.state = AppealState.OPEN
                one.appeal.settled_by = one.appeal.settled_at = None
            change = Change(Step.UNDO, principal.employee_id, self._clock.now(), undoes=last.id,
                            appeal_id=last.appeal_id)  # fmt: skip
            await self._write(session, principal, one, change)

    # --- inside a transaction -----------------------------------------------------------------------

    def _check(self, principal: Principal, one: FindingCase, revision: int) -> None:
        if one.ruling.revision != revision:
            raise ReviewOutdated
        self._check_free(principal, one.case)

    def _check_free(self, principal: Principal, case: Case) -> None:
        review = case.review
        if review.reviewer_id != principal.employee_id and is_claimed(
            review, self._book.policy, self._clock.now()
        ):
            raise ReviewTaken

    def _hold(self, principal: Principal, case: Case, now: datetime) -> None:
        review = case.review
        review.state, review.reviewer_id, review.claimed_at = (
            ReviewState.IN_REVIEW, principal.employee_id, now,
        )  # fmt: skip
        review.reviewed_by = review.reviewed_at = None

    async def _write(
        self, session: AsyncSession, principal: Principal, one: FindingCase, change: Change
    ) -> None:
        """Enter the change, and bring everything that hangs on it in step."""
        inspection, review = one.case.inspection, one.case.review
        entry = DecisionRow(
            id=new_id(),
            finding_id=one.finding.id,
            inspection_id=inspection.id,
            revision=one.ruling.revision + 1,
            step=change.step,
            undoes=change.undoes,
            appeal_id=change.appeal_id,
            decided_by=change.by,
            decided_at=change.at,
            score_before=review.score,
        )
        entry.comment, comment_hash = await seal_text(
            self._sealer, session, inspection.subject_id, comment_field(entry.id), change.comment
        )
        holding = in_force((*one.history, entry))
        one.ruling.revision = entry.revision
        one.ruling.ruling = holding.ruling if holding else None
        one.ruling.decision_id = holding.decision_id if holding else None
        session.add(entry)
        await session.flush()
        is_complete = await self._settle(session, principal, one.case, change.at)
        entry.score_after = review.score
        recorded = await self._ledger.append(
            session,
            "finding.reviewed",
            {
                "finding_id": one.finding.id,
                "inspection_id": inspection.id,
                "contact_id": inspection.contact_id,
                "rule_id": one.finding.rule_id,
                "revision": entry.revision,
                "step": entry.step,
                "appeal_id": entry.appeal_id,
                "by": change.by,
                "comment_hash": comment_hash,
                "score_before": entry.score_before,
                "score_after": entry.score_after,
                "rules_version": self._rulebook.version,
                "findings_hash": inspection.findings_hash,
            },
        )
        entry.ledger_seq = recorded.seq
        if is_complete:
            await self._complete(session, principal, one.case, change.at)
        told = FindingReviewed(one.finding.id, inspection.id, inspection.employee_id,
                               one.ruling.ruling, review.score, review.band)  # fmt: skip
        await self._bus.publish(session, told)

    async def _settle(self, session: AsyncSession, principal: Principal, case: Case, now: datetime) -> bool:
        """Score anew, count anew, put the alerts right; says whether every finding is decided on."""
        inspection, review = case.inspection, case.review
        findings = (
            await session.scalars(select(FindingRow).where(FindingRow.inspection_id == inspection.id))
        ).all()
        rows = await session.scalars(select(RulingRow).where(RulingRow.inspection_id == inspection.id))
        rulings = {row.finding_id: Ruling(row.ruling) for row in rows if row.ruling is not None}
        original = Standing(inspection.score, inspection.band, inspection.fatal)
        result = standing(original, [_weigh(row) for row in findings], rulings, self._rulebook)
        review.score, review.band, review.fatal = result.score, result.band, result.fatal
        given = list(rulings.values())
        review.confirmed_count, review.overturned_count = (
            given.count(Ruling.CONFIRM), given.count(Ruling.OVERTURN),
        )  # fmt: skip
        review.open_appeals = await session.scalar(
            select(func.count()).where(
                AppealRow.inspection_id == inspection.id, AppealRow.state == AppealState.OPEN
            )
        ) or 0  # fmt: skip
        await self._alerts.settle(session, inspection.id, _standing_rows(findings, rulings), now)
        if len(rulings) == len(findings):
            return True
        if rulings:
            self._hold(principal, case, now)
        else:
            review.state, review.reviewer_id, review.claimed_at = ReviewState.UNREVIEWED, None, None
            review.reviewed_by = review.reviewed_at = None
        return False

    async def _complete(self, session: AsyncSession, principal: Principal, case: Case, now: datetime) -> None:
        review = case.review
        review.state, review.reviewer_id, review.claimed_at = ReviewState.REVIEWED, principal.employee_id, now
        review.reviewed_by, review.reviewed_at = principal.employee_id, now
        await self._record(session, "inspection.reviewed", case, by=principal.employee_id)

    async def _record(self, session: AsyncSession, kind: str, case: Case, *, by: str) -> None:
        inspection, review = case.inspection, case.review
        await self._ledger.append(
            session,
            kind,
            {
                "inspection_id": inspection.id,
                "contact_id": inspection.contact_id,
                "by": by,
                "findings": inspection.finding_count,
                "confirmed": review.confirmed_count,
                "overturned": review.overturned_count,
                "score": review.score,
                "band": review.band,
            },
        )

    async def _tell_settled(self, session: AsyncSession, appeal: AppealRow) -> None:
        await session.flush()
        await self._bus.publish(
            session,
            AppealSettled(
                appeal.id, appeal.finding_id, appeal.inspection_id, appeal.employee_id, appeal.state
            ),
        )


def _weigh(row: FindingRow) -> Weighed:
    return Weighed(row.id, row.rule_id, row.term_id, row.severity, row.suspected, row.fatal, row.deduction)


def _standing_rows(findings: Sequence[FindingRow], rulings: dict[str, Ruling]) -> list[FindingRow]:
    return [row for row in findings if rulings.get(row.id) is not Ruling.OVERTURN]
