"""The list of inspections: which finding is next. Filters in the address, the most urgent first."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from pydantic import Field

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import IdStr
from dashboard.call_filters import Slug
from dashboard.day import Calendar
from dashboard.filters import PeriodQuery
from dashboard.forms import DoneQuery, failure
from dashboard.pages.preferences import Seen
from dashboard.parts import DashboardParts
from dashboard.people import Directory
from dashboard.render import Renderer
from qa.inspection.model import Band
from qa.lexicon.model import Severity
from qa.permissions import FINDING_REVIEW, INSPECTION_READ
from qa.review.model import Priority
from qa.review.queue import Pile, ReviewFilter
from qa.review.views import QueueItem

LIMIT = 50
Score = Annotated[int, Field(ge=0, le=100)]
ALWAYS_SHOWN = ("state", "employee", "department", "severity", "category", "band")


class ReviewChannel(StrEnum):
    """What was inspected."""

    CALL = "call"
    MESSAGE = "message"


class InspectionsQuery(DoneQuery, PeriodQuery):
    """The address of the list: every filter has its name here. `until` is the last day that counts."""

    page_path: ClassVar[str] = "/inspections"
    unsaid: ClassVar[Mapping[str, str]] = {"state": Pile.DUE}

    state: Pile = Pile.DUE
    priority: Priority | None = None
    employee: IdStr | None = None
    department: IdStr | None = None
    severity: Severity | None = None
    category: Slug | None = None
    band: Band | None = None
    channel: ReviewChannel | None = None
    score_from: Score | None = None
    score_to: Score | None = None

    def queue(self) -> str:
        """Write the filters for the address of one inspection, so that `next` stays in this list."""
        return urlencode({"state": self.state.value, **self.given()})


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the item, its department's name, and where it opens."""

    item: QueueItem
    department: str
    address: str


CHOICES = {
    "state": tuple(Pile),
    "severity": tuple(Severity),
    "band": tuple(Band),
    "channel": tuple(ReviewChannel),
    "priority": tuple(Priority),
}


def review_filter(query: InspectionsQuery, *, calendar: Calendar, directory: Directory) -> ReviewFilter:
    """Translate the address into what quality assurance is asked."""
    path = None
    if query.department is not None:
        path = directory.path_of(query.department) or "/unknown/"
    return ReviewFilter(
        pile=query.state,
        priority=query.priority,
        employee_id=query.employee,
        department_path=path,
        channel=query.channel,
        severity=query.severity,
        category=query.category,
        band=query.band,
        score_from=query.score_from,
        score_to=query.score_to,
        since=calendar.begin(query.since) if query.since else None,
        until=calendar.end(query.until) if query.until else None,
    )


def inspection_address(inspection_id: str, queue: str) -> str:
    """Give the address of one inspection as part of a queue."""
    return f"/inspections/{inspection_id}?{urlencode({'queue': queue})}"


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/inspections",
        permission=INSPECTION_READ,
        summary_zh="质检列表页",
        summary_en="Page of inspections",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: InspectionsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        directory = await parts.people.directory(principal)
        wanted = review_filter(query, calendar=parts.calendar, directory=directory)
        reader = parts.reviews.reader
        (items, following), coverage = await asyncio.gather(
            reader.find(principal, wanted, cursor=query.cursor, limit=LIMIT),
            reader.coverage(principal, wanted),
        )
        given = query.given()
        return Html(
            renderer.page(
                "inspections.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=query.address(),
                query=query,
                given=given,
                more_given=sorted(set(given) - set(ALWAYS_SHOWN)),
                choices=CHOICES,
                categories=parts.rulebook.categories,
                directory=directory,
                coverage=coverage,
                policy=reader.policy,
                lines=_lines(items, directory, query.queue()),
                next_address=query.address(cursor=following) if following else None,
                may_review=principal.allows(FINDING_REVIEW),
                failed=failure(query.failed, context.language),
            )
        )

    return [show]


def _lines(items: tuple[QueueItem, ...], directory: Directory, queue: str) -> list[Line]:
    return [
        Line(
            item,
            directory.department(item.inspection.department_id),
            inspection_address(item.inspection.id, queue),
        )
        for item in items
    ]
