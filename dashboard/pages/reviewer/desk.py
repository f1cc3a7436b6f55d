"""What a page needs to review an inspection on it: where each finding stands, and what comes next."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from pydantic import Field, ValidationError

from core.access.model import Principal
from dashboard.forms import DoneQuery, Failure, failure
from dashboard.pages.reviewer.inspections import InspectionsQuery, inspection_address, review_filter
from dashboard.parts import DashboardParts
from qa.inspection.errors import InspectionUnknown
from qa.inspection.views import InspectionDetail
from qa.permissions import FINDING_REVIEW
from qa.review.views import InspectionReview


class InspectionQuery(DoneQuery):
    """The address of one inspection; `queue` holds the filters of the list that it was opened from."""

    queue: Annotated[str, Field(max_length=1000)] | None = None


@dataclass(frozen=True, slots=True)
class Reviewing:
    """`here`: this page's own address, to come back to. `next_address`: None at the end of the queue."""

    review: InspectionReview | None
    here: str
    list_address: str
    next_address: str | None
    done: str | None
    failed: Failure | None


async def reviewing(
    parts: DashboardParts,
    principal: Principal,
    query: InspectionQuery,
    inspection: InspectionDetail | None,
    *,
    path: str,
    language: str,
) -> Reviewing:
    """Gather it. A bad `queue` counts as none: it only says what comes next."""
    review = None
    if inspection is not None:
        try:
            review = await parts.reviews.reader.of_inspection(principal, inspection.summary.id)
        except InspectionUnknown:
            review = None
    listed = _listed(query.queue)
    next_address = None
    if review is not None and (query.queue is not None or principal.allows(FINDING_REVIEW)):
        next_address = await _following(parts, principal, listed, review.summary.inspection_id)
    here = path if query.queue is None else f"{path}?{urlencode({'queue': query.queue})}"
    return Reviewing(
        review=review,
        here=here,
        list_address=listed.address(),
        next_address=next_address,
        done=query.done,
        failed=failure(query.failed, language),
    )


def _listed(queue: str | None) -> InspectionsQuery:
    try:
        return InspectionsQuery.model_validate(dict(parse_qsl(queue or "")))
    except ValidationError:
        return InspectionsQuery()


async def _following(
    parts: DashboardParts, principal: Principal, listed: InspectionsQuery, inspection_id: str
) -> str | None:
    """Find what comes next in the list that the page was opened from."""
    directory = await parts.people.departments(principal)
    wanted = review_filter(listed, calendar=parts.calendar, directory=directory)
    following = await parts.reviews.reader.following(principal, wanted, inspection_id)
    return inspection_address(following, listed.queue()) if following else None
