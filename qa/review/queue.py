"""The reviewers' queue: which inspections are wanted, which is first, which is next, how much is done."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select

from core.access.model import Principal
from core.access.scope import departments_below, scope_clause
from core.web.paging import CursorInvalid, decode_cursor, encode_cursor
from qa.inspection.model import State
from qa.inspection.models import FindingRow, InspectionRow
from qa.permissions import INSPECTION_READ
from qa.review.model import Priority, ReviewState
from qa.review.models import ReviewRow

Rows: TypeAlias = Select[*tuple[Any, ...]]


class Pile(StrEnum):
    """Which inspections: `due` are those that the policy puts before a person, and open appeals."""

    DUE = "due"
    UNREVIEWED = "unreviewed"
    IN_REVIEW = "in_review"
    REVIEWED = "reviewed"
    ALL = "all"

    @property
    def is_queue(self) -> bool:
        """Whether it is worked off from the most urgent and oldest; else it is read from the newest."""
        return self in {Pile.DUE, Pile.UNREVIEWED, Pile.IN_REVIEW}


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    """Which inspections are wanted; None means any. Times are of the contact, `until` is exclusive.

    `band` and the score (both ends included) are those of the findings that stand; `department_path` reaches
    all below it.
    """

    pile: Pile = Pile.DUE
    priority: Priority | None = None
    employee_id: str | None = None
    department_path: str | None = None
    channel: str | None = None
    severity: str | None = None
    category: str | None = None
    band: str | None = None
    score_from: int | None = None
    score_to: int | None = None
    since: datetime | None = None
    until: datetime | None = None


_state = func.coalesce(ReviewRow.state, ReviewState.UNREVIEWED.value)
band_in_force = func.coalesce(ReviewRow.band, InspectionRow.band)
score_in_force = func.coalesce(ReviewRow.score, InspectionRow.score)
rank: ColumnElement[int] = case(
    (ReviewRow.open_appeals > 0, Priority.APPEAL.rank),
    (InspectionRow.severe_count > 0, Priority.SEVERE.rank),
    (InspectionRow.suspected_count > 0, Priority.SUSPECTED.rank),
    (InspectionRow.finding_count > 0, Priority.FOUND.rank),
    (ReviewRow.sampled, Priority.SAMPLE.rank),
    else_=Priority.REST.rank,
)


def reviews(principal: Principal) -> Rows:
    """Select what the principal may see: (inspection, its review or None, rank)."""
    return (
        select(InspectionRow, ReviewRow, rank)
        .outerjoin(ReviewRow, ReviewRow.inspection_id == InspectionRow.id)
        .where(InspectionRow.state == State.DONE, InspectionRow.nothing.is_(None))
        .where(reached(principal, INSPECTION_READ))
    )


def narrowed(query: Rows, wanted: ReviewFilter) -> Rows:
    """Apply the filters."""
    query = scoped(query, wanted).where(*_of_pile(wanted.pile))
    if wanted.priority is not None:
        query = query.where(rank == wanted.priority.rank)
    if wanted.severity is not None or wanted.category is not None:
        hit = exists().where(FindingRow.inspection_id == InspectionRow.id)
        if wanted.severity is not None:
            hit = hit.where(FindingRow.severity == wanted.severity)
        if wanted.category is not None:
            hit = hit.where(FindingRow.category == wanted.category)
        query = query.where(hit)
    if wanted.band is not None:
        query = query.where(band_in_force == wanted.band)
    if wanted.score_from is not None:
        query = query.where(score_in_force >= wanted.score_from)
    if wanted.score_to is not None:
        query = query.where(score_in_force <= wanted.score_to)
    return query


def scoped(query: Rows, wanted: ReviewFilter) -> Rows:
    """Apply those filters that say whose work it is and when: coverage is counted within them."""
    if wanted.employee_id is not None:
        query = query.where(InspectionRow.employee_id == wanted.employee_id)
    if wanted.department_path is not None:
        query = query.where(InspectionRow.department_id.in_(departments_below(wanted.department_path)))
    if wanted.channel is not None:
        query = query.where(InspectionRow.channel == wanted.channel)
    if wanted.since is not None:
        query = query.where(InspectionRow.contact_started_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(InspectionRow.contact_started_at < wanted.until)
    return query


def counts(query: Rows) -> Rows:
    """Count what `query` selects: inspected, reviewed, in review, due, with an open appeal."""
    return query.with_only_columns(
        func.count(),
        func.count().filter(_state == ReviewState.REVIEWED),
        func.count().filter(_state == ReviewState.IN_REVIEW),
        func.count().filter(*_of_pile(Pile.DUE)),
        func.count().filter(ReviewRow.open_appeals > 0),
    )


def ordered(query: Rows, pile: Pile) -> Rows:
    """Bring into the pile's order."""
    if pile.is_queue:
        return query.order_by(rank, InspectionRow.id)
    return query.order_by(InspectionRow.id.desc())


def places(query: Rows, pile: Pile, limit: int) -> Rows:
    """Give only the places (inspection id, rank) of what comes first: whole rows are heavy to sort."""
    return ordered(query.with_only_columns(InspectionRow.id, rank), pile).limit(limit)


def after(query: Rows, pile: Pile, place: tuple[int, str]) -> Rows:
    """Leave what comes after a place (rank, inspection id) in the pile's order."""
    at, inspection_id = place
    if not pile.is_queue:
        return query.where(InspectionRow.id < inspection_id)
    return query.where(or_(rank > at, and_(rank == at, InspectionRow.id > inspection_id)))


def cursor_of(place: tuple[int, str]) -> str:
    """Write a place into an address."""
    return encode_cursor(str(place[0]), place[1])


def place_of(cursor: str) -> tuple[int, str]:
    """Read it back; raise `CursorInvalid`."""
    at, inspection_id = decode_cursor(cursor, 2)
    if not at.isdigit() or len(at) > 1:
        raise CursorInvalid
    return int(at), inspection_id


def _of_pile(pile: Pile) -> list[ColumnElement[bool]]:
    if pile is Pile.ALL:
        return []
    if pile is not Pile.DUE:
        return [_state == pile.value]
    waiting = and_(_state != ReviewState.REVIEWED, rank < Priority.REST.rank)
    return [or_(waiting, func.coalesce(ReviewRow.open_appeals, 0) > 0)]


def reached(principal: Principal, permission: str) -> ColumnElement[bool]:
    """Give the inspections that a permission reaches."""
    return scope_clause(
        principal, permission, owner=InspectionRow.employee_id, department=InspectionRow.department_id
    )
