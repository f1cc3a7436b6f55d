"""What readers of reviews get to see. Texts print masked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from qa.inspection.views import InspectionSummary
from qa.review.model import AppealState, Priority, ReviewState, Ruling, Step


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """Where one review stands. `score`, `band` and `fatal` are by the findings that stand.

    `held_by` is the reviewer who is at work on it now. Names are None where nobody is meant.
    """

    inspection_id: str
    state: ReviewState
    priority: Priority
    held_by: str | None
    held_by_name: str | None
    reviewed_by: str | None
    reviewed_by_name: str | None
    reviewed_at: datetime | None
    score: int | None
    band: str | None
    fatal: bool
    confirmed_count: int
    overturned_count: int
    open_appeals: int


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One line of the reviewers' list. `categories`: what was found, the most severe first."""

    inspection: InspectionSummary
    employee_name: str
    review: ReviewSummary
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecisionView:
    """One entry of a finding's history. `comment` is None for who may not read."""

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
    comment: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AppealView:
    """An objection. `reason` is None for who may not read."""

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
    reason: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class FindingReview:
    """Where a finding stands, its history from first to last, and what the reader may do about it.

    `must_be_another`: the reader decided before the appeal, so somebody else must settle it.
    """

    finding_id: str
    ruling: Ruling | None
    revision: int
    history: tuple[DecisionView, ...]
    appeal: AppealView | None
    may_decide: bool
    must_be_another: bool
    may_undo: bool
    may_appeal: bool
    appeal_until: datetime


@dataclass(frozen=True, slots=True)
class InspectionReview:
    """The review of one inspection with all its findings."""

    summary: ReviewSummary
    findings: Mapping[str, FindingReview]
    may_review: bool
    is_own: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much was reviewed. `due`: in the queue now. `inspected` leaves out what had nothing to inspect."""

    inspected: int
    reviewed: int
    in_review: int
    due: int
    appeals: int
