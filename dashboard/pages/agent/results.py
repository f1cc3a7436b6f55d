"""One's own results: contacts, scores and findings over days. Nobody is compared with anybody."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from dashboard.call_filters import CallsQuery
from dashboard.forms import FormModel
from dashboard.pages.preferences import Seen
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from gateway.calls.permissions import CALL_PLACE
from gateway.contact.own import DayOfContacts, own_days
from gateway.permissions import CONTACT_READ
from qa.inspection.model import Band
from qa.inspection.own import DayOfScores, OwnQuality, own_quality
from qa.permissions import INSPECTION_READ

SPANS = ("7", "14", "30")


class ResultsQuery(FormModel):
    """The address: how many days back, today included."""

    days: Literal["7", "14", "30"] = "14"


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the charts; `address` is the list of its calls."""

    day: date
    contacts: DayOfContacts
    scores: DayOfScores | None
    address: str


@dataclass(frozen=True, slots=True)
class CategoryBar:
    """A category, its name, and the list of calls in which it was found."""

    title: str
    findings: int
    contacts: int
    address: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the days. `mean` and `coverage` (percent) are None without anything to divide by."""

    calls: int
    connected: int
    messages: int
    refused: int
    scored: int
    mean: float | None
    coverage: int | None
    bands: dict[Band, int]


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/results",
        permission=CALL_PLACE,
        summary_zh="我的成绩",
        summary_en="My results",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: ResultsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        calendar = parts.calendar
        today = calendar.today(parts.clock.now())
        first = today - timedelta(days=int(query.days) - 1)
        span = calendar.begin(first), calendar.end(today)
        contacts: dict[date, DayOfContacts] = {}
        if principal.allows(CONTACT_READ):
            contacts = await own_days(parts.database, principal, *span, calendar.zone)
        quality = OwnQuality(0, {}, ())
        if principal.allows(INSPECTION_READ):
            quality = await own_quality(parts.database, principal, *span, calendar.zone)
        days = [_day(first + timedelta(days=back), contacts, quality) for back in range(int(query.days))]
        return Html(
            renderer.page(
                "agent/results.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=f"/results?days={query.days}",
                span=query.days,
                spans=SPANS,
                first=first,
                today=today,
                days=days,
                most=max([day.contacts.calls for day in days] + [1]),
                totals=_totals(days, quality),
                categories=[
                    CategoryBar(
                        parts.rulebook.category(count.category).in_language(context.language),
                        count.findings,
                        count.contacts,
                        CallsQuery(since=first, until=today, category=count.category).address(),
                    )
                    for count in quality.categories
                ],
            )
        )

    return [show]


def _day(day: date, contacts: dict[date, DayOfContacts], quality: OwnQuality) -> Day:
    return Day(
        day,
        contacts.get(day, DayOfContacts(day, 0, 0, 0, 0, 0)),
        quality.days.get(day),
        CallsQuery(since=day, until=day).address(),
    )


def _totals(days: list[Day], quality: OwnQuality) -> Totals:
    scored = sum(day.scores.scored for day in days if day.scores)
    points = sum(day.scores.mean * day.scores.scored for day in days if day.scores)
    connected = sum(day.contacts.connected for day in days)
    bands = {band: sum(day.scores.bands[band] for day in days if day.scores) for band in Band}
    return Totals(
        calls=sum(day.contacts.calls for day in days),
        connected=connected,
        messages=sum(day.contacts.messages for day in days),
        refused=sum(day.contacts.refused for day in days),
        scored=scored,
        mean=points / scored if scored else None,
        coverage=min(100, round(100 * quality.inspected / connected)) if connected else None,
        bands=bands,
    )
