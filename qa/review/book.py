"""The rows of a review: made when an inspection is done, locked while somebody decides, settled after it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from qa.inspection.errors import InspectionUnknown
from qa.inspection.events import InspectionDone
from qa.inspection.model import State
from qa.inspection.models import FindingRow, InspectionRow
from qa.permissions import FINDING_REVIEW
from qa.review.errors import FindingUnknown, NotInspected
from qa.review.model import AppealState, ReviewState
from qa.review.models import AppealRow, DecisionRow, ReviewRow, RulingRow
from qa.review.policy import ReviewPolicy, Sampler


@dataclass(frozen=True, slots=True)
class Case:
    """One inspection under review, its rows locked."""

    inspection: InspectionRow
    review: ReviewRow


@dataclass(frozen=True, slots=True)
class FindingCase:
    """One finding under review: its history from first to last, and the objection if there is one."""

    case: Case
    finding: FindingRow
    ruling: RulingRow
    history: tuple[DecisionRow, ...]
    appeal: AppealRow | None

    @property
    def open_appeal(self) -> AppealRow | None:
        return self.appeal if self.appeal and self.appeal.state == AppealState.OPEN else None


class ReviewBook:
    """Keeps one row for each inspection and one for each finding that was ever decided on."""

    def __init__(self, policy: ReviewPolicy, sampler: Sampler) -> None:
        self.policy = policy
        self._sampler = sampler

    async def on_inspected(self, session: AsyncSession, event: InspectionDone) -> None:
        """Enter a finished inspection; this is where a clean one falls into the sample or not."""
        inspection = await session.get(InspectionRow, event.inspection_id)
        if inspection is not None and inspection.nothing is None:
            await self._enter(session, inspection)

    async def lock(self, session: AsyncSession, inspection: InspectionRow) -> Case:
        """Lock an inspection's review; all that is decided in it waits for one another here."""
        if inspection.state != State.DONE:
            raise NotInspected
        query = (
            select(ReviewRow)
            .where(ReviewRow.inspection_id == inspection.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        review = await session.scalar(query)
        if review is None:
            await self._enter(session, inspection)
            review = (await session.execute(query)).scalar_one()
        return Case(inspection, review)

    async def lock_inspection(self, session: AsyncSession, principal: Principal, inspection_id: str) -> Case:
        """Lock the review of an inspection that the principal may review; raise `InspectionUnknown`."""
        inspection = await session.scalar(
            select(InspectionRow).where(InspectionRow.id == inspection_id, reviewable(principal))
        )
        if inspection is None:
            raise InspectionUnknown
        return await self.lock(session, inspection)

    async def lock_finding(
        self, session: AsyncSession, finding_id: str, reach: ColumnElement[bool]
    ) -> FindingCase:
        """Lock the review that a finding belongs to; raise `FindingUnknown`."""
        found = (
            await session.execute(
                select(FindingRow, InspectionRow)
                .join(InspectionRow, InspectionRow.id == FindingRow.inspection_id)
                .where(FindingRow.id == finding_id, reach)
            )
        ).one_or_none()
        if found is None:
            raise FindingUnknown
        finding, inspection = found
        case = await self.lock(session, inspection)
        ruling = await session.get(RulingRow, finding_id, populate_existing=True)
        if ruling is None:
            ruling = RulingRow(finding_id=finding_id, inspection_id=inspection.id, revision=0)
            session.add(ruling)
        history = await session.scalars(
            select(DecisionRow).where(DecisionRow.finding_id == finding_id).order_by(DecisionRow.revision)
        )
        appeal = await session.scalar(
            select(AppealRow)
            .where(AppealRow.finding_id == finding_id)
            .execution_options(populate_existing=True)
        )
        return FindingCase(case, finding, ruling, tuple(history), appeal)

    async def _enter(self, session: AsyncSession, inspection: InspectionRow) -> None:
        """Write the row if there is none. Two clean ones of one employee at once may get the same number."""
        number = None
        if not inspection.finding_count:
            last = await session.scalar(
                select(func.max(ReviewRow.number)).where(ReviewRow.employee_id == inspection.employee_id)
            )
            number = 1 + (last or 0)
        dialect = session.get_bind().dialect.name
        insert = (postgresql if dialect == "postgresql" else sqlite).insert(ReviewRow)
        await session.execute(
            insert.values(
                inspection_id=inspection.id,
                employee_id=inspection.employee_id,
                state=ReviewState.UNREVIEWED,
                number=number,
                sampled=number is not None and self._sampler.takes(inspection.employee_id, number),
                policy_version=self.policy.version,
                score=inspection.score,
                band=inspection.band,
                fatal=inspection.fatal,
                confirmed_count=0,
                overturned_count=0,
                open_appeals=0,
            ).on_conflict_do_nothing(index_elements=["inspection_id"])
        )


def reviewable(principal: Principal) -> ColumnElement[bool]:
    """Give the inspections that the principal may review; nobody reviews their own."""
    return (
        scope_clause(
            principal,
            FINDING_REVIEW,
            owner=InspectionRow.employee_id,
            department=InspectionRow.department_id,
        )
        & (InspectionRow.employee_id != principal.employee_id)
    )  # fmt: skip


def is_claimed(review: ReviewRow, policy: ReviewPolicy, now: datetime) -> bool:
    """Whether a reviewer is at work on it at this moment."""
    return (
        review.state == ReviewState.IN_REVIEW
        and review.claimed_at is not None
        and review.claimed_at + policy.claim_span > now
    )
