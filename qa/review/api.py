"""HTTP endpoints of reviews and appeals."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page, PageQuery
from core.web.schema import ApiModel, IdStr
from qa.inspection.errors import InspectionUnknown
from qa.inspection.model import Band
from qa.lexicon.model import Severity
from qa.permissions import FINDING_APPEAL, FINDING_REVIEW, INSPECTION_READ
from qa.review.appeals import AppealService
from qa.review.errors import (
    AppealLate,
    AppealNotYours,
    AppealPointless,
    AppealTwice,
    AppealUnderWay,
    CommentMissing,
    FindingUnknown,
    NothingToUndo,
    NotInspected,
    ReviewIncomplete,
    ReviewOutdated,
    ReviewTaken,
)
from qa.review.model import AppealState, Priority, ReviewState, Ruling, Step
from qa.review.queue import Pile, ReviewFilter
from qa.review.reading import ReviewReader
from qa.review.service import ReviewService
from qa.review.views import InspectionReview, QueueItem

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,63}$")]
Comment = Annotated[str, Field(max_length=2000)]
_TAGS = ("reviews",)
_GONE = (InspectionUnknown, NotInspected)


class ReviewItem(ApiModel):
    """Where the review of one inspection stands; score and band are by the findings that stand."""

    inspection_id: str
    state: ReviewState
    priority: Priority
    held_by: str | None
    held_by_name: str | None
    reviewed_by: str | None
    reviewed_by_name: str | None
    reviewed_at: datetime | None
    score: int | None
    band: Band | None
    fatal: bool
    confirmed_count: int
    overturned_count: int
    open_appeals: int


class ReviewLine(ApiModel):
    """One line of the queue, with the score that the machine gave."""

    review: ReviewItem
    employee_id: str
    employee_name: str
    channel: str
    contact_id: str | None
    thread_id: str | None
    day: date | None
    contact_started_at: datetime
    machine_score: int | None
    machine_band: Band | None
    finding_count: int
    categories: list[str]


class DecisionItem(ApiModel):
    """One entry of a finding's history."""

    id: str
    revision: int
    step: Step
    by: str
    by_name: str
    at: datetime
    is_undone: bool
    settles_appeal: bool
    score_before: int | None
    score_after: int | None
    ledger_seq: int | None
    comment: str | None


class AppealItem(ApiModel):
    """An objection to a finding."""

    id: str
    finding_id: str
    inspection_id: str
    employee_id: str
    employee_name: str
    state: AppealState
    raised_at: datetime
    settled_by: str | None
    settled_by_name: str | None
    settled_at: datetime | None
    reason: str | None


class FindingReviewItem(ApiModel):
    """Where one finding stands, and what the caller may do about it."""

    finding_id: str
    ruling: Ruling | None
    revision: int
    history: list[DecisionItem]
    appeal: AppealItem | None
    may_decide: bool
    must_be_another: bool
    may_undo: bool
    may_appeal: bool
    appeal_until: datetime


class ReviewBody(ApiModel):
    """The review of one inspection with all its findings."""

    summary: ReviewItem
    findings: list[FindingReviewItem]
    may_review: bool
    is_own: bool


class CoverageBody(ApiModel):
    """How much was reviewed."""

    inspected: int
    reviewed: int
    in_review: int
    due: int
    appeals: int


class CoverageQuery(ApiModel):
    """Whose work, and when; times are of the contact."""

    employee_id: IdStr | None = None
    channel: Slug | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class ReviewQuery(PageQuery):
    """Filters of the queue; times are of the contact."""

    pile: Pile = Pile.DUE
    priority: Priority | None = None
    employee_id: IdStr | None = None
    channel: Slug | None = None
    severity: Severity | None = None
    category: Slug | None = None
    band: Band | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class DecisionBody(ApiModel):
    """A ruling; `revision` is the length of the history that the reviewer saw."""

    ruling: Ruling
    comment: Comment = ""
    revision: Annotated[int, Field(ge=0)]


class UndoBody(ApiModel):
    revision: Annotated[int, Field(ge=0)]


class AppealBody(ApiModel):
    """Why the finding is wrong."""

    reason: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


class InspectionPath(ApiModel):
    inspection_id: IdStr


class FindingPath(ApiModel):
    finding_id: IdStr


def endpoints(reader: ReviewReader, service: ReviewService, appeals: AppealService) -> list[Endpoint]:
    """Give the endpoints of this slice."""
    return [*_reading(reader), *_inspections(reader, service), *_findings(reader, service, appeals)]


def _reading(reader: ReviewReader) -> list[Endpoint]:
    @endpoint("GET", "/reviews", permission=INSPECTION_READ, tags=_TAGS,
              summary_zh="复核队列", summary_en="List reviews, the most urgent first")  # fmt: skip
    async def listing(*, principal: Principal, query: ReviewQuery) -> Page[ReviewLine]:
        wanted = ReviewFilter(**query.model_dump(exclude={"cursor", "limit"}))
        items, following = await reader.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page[ReviewLine](items=[_line(item) for item in items], next_cursor=following)

    @endpoint("GET", "/reviews/coverage", permission=INSPECTION_READ, tags=_TAGS,
              summary_zh="复核覆盖", summary_en="Count what was reviewed")  # fmt: skip
    async def coverage(*, principal: Principal, query: CoverageQuery) -> CoverageBody:
        counted = await reader.coverage(principal, ReviewFilter(**query.model_dump()))
        return CoverageBody.model_validate(counted)

    @endpoint("GET", "/inspections/{inspection_id}/review", permission=INSPECTION_READ, tags=_TAGS,
              errors=(InspectionUnknown,), summary_zh="某次质检的复核",
              summary_en="Show the review of an inspection")  # fmt: skip
    async def one(*, principal: Principal, path: InspectionPath) -> ReviewBody:
        return _body(await reader.of_inspection(principal, path.inspection_id))

    return [listing, coverage, one]


def _inspections(reader: ReviewReader, service: ReviewService) -> list[Endpoint]:
    async def shown(principal: Principal, path: InspectionPath) -> ReviewBody:
        return _body(await reader.of_inspection(principal, path.inspection_id))

    @endpoint("POST", "/inspections/{inspection_id}/review/claim", permission=FINDING_REVIEW, tags=_TAGS,
              errors=(*_GONE, ReviewTaken), summary_zh="领取复核",
              summary_en="Take an inspection for review")  # fmt: skip
    async def claim(*, principal: Principal, path: InspectionPath) -> ReviewBody:
        await service.claim(principal, path.inspection_id)
        return await shown(principal, path)

    @endpoint("POST", "/inspections/{inspection_id}/review/release", permission=FINDING_REVIEW, tags=_TAGS,
              errors=_GONE, summary_zh="退回复核", summary_en="Give an inspection back")  # fmt: skip
    async def release(*, principal: Principal, path: InspectionPath) -> ReviewBody:
        await service.release(principal, path.inspection_id)
        return await shown(principal, path)

    @endpoint("POST", "/inspections/{inspection_id}/review/finish", permission=FINDING_REVIEW, tags=_TAGS,
              errors=(*_GONE, ReviewTaken, ReviewIncomplete), summary_zh="完成复核",
              summary_en="Call an inspection reviewed")  # fmt: skip
    async def finish(*, principal: Principal, path: InspectionPath) -> ReviewBody:
        await service.finish(principal, path.inspection_id)
        return await shown(principal, path)

    @endpoint("POST", "/inspections/{inspection_id}/review/reopen", permission=FINDING_REVIEW, tags=_TAGS,
              errors=(*_GONE, NothingToUndo), summary_zh="撤回完成",
              summary_en="Take one's own completion back")  # fmt: skip
    async def reopen(*, principal: Principal, path: InspectionPath) -> ReviewBody:
        await service.reopen(principal, path.inspection_id)
        return await shown(principal, path)

    return [claim, release, finish, reopen]


def _findings(reader: ReviewReader, service: ReviewService, appeals: AppealService) -> list[Endpoint]:
    async def shown(principal: Principal, path: FindingPath) -> FindingReviewItem:
        return FindingReviewItem.model_validate(await reader.of_finding(principal, path.finding_id))

    @endpoint("POST", "/findings/{finding_id}/decisions", permission=FINDING_REVIEW, tags=_TAGS,
              errors=(FindingUnknown, NotInspected, ReviewOutdated, ReviewTaken, CommentMissing,
                      AppealNotYours),
              summary_zh="确认或推翻命中", summary_en="Confirm or overturn a finding")  # fmt: skip
    async def decide(*, principal: Principal, path: FindingPath, body: DecisionBody) -> FindingReviewItem:
        await service.decide(
            principal, path.finding_id, body.ruling, comment=body.comment, revision=body.revision
        )
        return await shown(principal, path)

    @endpoint("POST", "/findings/{finding_id}/decisions/undo", permission=FINDING_REVIEW, tags=_TAGS,
              errors=(FindingUnknown, NotInspected, ReviewOutdated, ReviewTaken, NothingToUndo,
                      AppealUnderWay),
              summary_zh="撤回自己的结论", summary_en="Take one's own decision back")  # fmt: skip
    async def undo(*, principal: Principal, path: FindingPath, body: UndoBody) -> FindingReviewItem:
        await service.undo(principal, path.finding_id, revision=body.revision)
        return await shown(principal, path)

    @endpoint("POST", "/findings/{finding_id}/appeal", permission=FINDING_APPEAL, tags=_TAGS,
              errors=(FindingUnknown, NotInspected, AppealTwice, AppealLate, AppealPointless),
              summary_zh="对命中申诉", summary_en="Object to a finding")  # fmt: skip
    async def appeal(*, principal: Principal, path: FindingPath, body: AppealBody) -> FindingReviewItem:
        await appeals.appeal(principal, path.finding_id, body.reason)
        return await shown(principal, path)

    return [decide, undo, appeal]


def _line(item: QueueItem) -> ReviewLine:
    inspection = item.inspection
    return ReviewLine(
        review=ReviewItem.model_validate(item.review),
        employee_id=inspection.employee_id,
        employee_name=item.employee_name,
        channel=inspection.channel,
        contact_id=inspection.contact_id,
        thread_id=inspection.thread_id,
        day=inspection.day,
        contact_started_at=inspection.contact_started_at,
        machine_score=inspection.score,
        machine_band=Band(inspection.band) if inspection.band else None,
        finding_count=inspection.finding_count,
        categories=list(item.categories),
    )


def _body(shown: InspectionReview) -> ReviewBody:
    return ReviewBody(
        summary=ReviewItem.model_validate(shown.summary),
        findings=[FindingReviewItem.model_validate(found) for found in shown.findings.values()],
        may_review=shown.may_review,
        is_own=shown.is_own,
    )
