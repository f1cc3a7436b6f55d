"""Analysis: how contacts go, what is refused, what is found; every bar leads to the list behind it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar
from urllib.parse import urlencode

from pydantic import model_validator

from core.access.model import Principal
from core.clock import Clock
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import FieldProblem, IdStr
from dashboard.call_filters import CallOutcome
from dashboard.charts import Column, ColumnChart, Piece, column_chart
from dashboard.day import Calendar
from dashboard.filters import PeriodQuery
from dashboard.pages.preferences import Seen
from dashboard.people import Directory, People
from dashboard.render import Renderer, translate
from gateway.calls.analysis import CallAnalysis, Span
from gateway.calls.permissions import CALL_READ
from gateway.contact.verdicts import VerdictReader
from gateway.messages.listing import STATES, MessageFilter, MessageListing, MessageOutcome
from gateway.messages.machine import Cause
from gateway.messages.permissions import MESSAGE_READ
from qa.inspection.rulebook import Rulebook
from qa.inspection.scoring import band_of
from qa.permissions import INSPECTION_READ
from qa.review.analysis import QualityAnalysis, Unfinished
from qa.review.queue import Pile, ReviewFilter
from qa.review.reading import ReviewReader
from qa.review.views import Coverage

USUAL_DAYS = 30
MOST_DAYS = 366
MOST_COLUMNS = 45
WEEK = 7
MESSAGE_LOOKS = {
    MessageOutcome.SENT: "connected",
    MessageOutcome.WAITING: "waiting",
    MessageOutcome.FAILED: "unanswered",
    MessageOutcome.REFUSED: "refused",
    MessageOutcome.RECEIVED: "received",
}
SCORE_FLOORS = (0, *range(50, 100, 5))
FULL_SCORE = 100


class AnalysisQuery(PeriodQuery):
    """The address of the page; without a period the last thirty days."""

    page_path: ClassVar[str] = "/analysis"

    department: IdStr | None = None

    @model_validator(mode="after")
    def _at_most_a_year(self) -> "AnalysisQuery":
        if self.since and self.until and (self.until - self.since).days >= MOST_DAYS:
            raise FieldProblem("最多可看一年。", "At most a year can be shown.")
        return self

    def period(self, today: date) -> tuple[date, date]:
        """Give the first and the last day."""
        if self.since is None:
            until = self.until or today
            return until - timedelta(days=USUAL_DAYS - 1), until
        latest = self.since + timedelta(days=MOST_DAYS - 1)
        return self.since, self.until or min(max(today, self.since), latest)


@dataclass(frozen=True, slots=True)
class AnalysisSources:
    """Where the figures come from."""

    clock: Clock
    calendar: Calendar
    people: People
    calls: CallAnalysis
    messages: MessageListing
    quality: QualityAnalysis
    reviews: ReviewReader
    verdicts: VerdictReader
    rulebook: Rulebook


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a horizontal chart: `look` names its colour, `note` is said beside the count."""

    title: str
    count: int
    address: str | None
    look: str
    note: int = 0


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address asks for, in the terms of those who count."""

    query: AnalysisQuery
    since: date
    until: date
    whole: Span
    department_path: str | None
    wanted: ReviewFilter

    def link(self, path: str, **more: str) -> str:
        """Give the address of a list with this period and department."""
        fixed = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        if self.query.department is not None:
            fixed["department"] = self.query.department
        return f"{path}?{urlencode({**fixed, **more})}"


def endpoints(renderer: Renderer, sources: AnalysisSources) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/analysis",
        permission=INSPECTION_READ,
        summary_zh="分析页",
        summary_en="Page of analysis",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: AnalysisQuery, context: RequestContext, headers: Seen
    ) -> Html:
        directory = await sources.people.departments(principal)
        chosen = _chosen(sources, query, directory)
        days, refusals, messages, unsent, categories, scores, coverage = await asyncio.gather(
            _days(sources, principal, chosen),
            _refusals(sources, principal, chosen, context.language),
            _messages(sources, principal, chosen),
            _unsent(sources, principal, chosen, context.language),
            _categories(sources, principal, chosen, context.language),
            _scores(sources, principal, chosen),
            _coverage(sources, principal, chosen),
        )
        return Html(
            renderer.page(
                "analysis.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=query.address(),
                query=query,
                since=chosen.since,
                until=chosen.until,
                directory=directory,
                scope=principal.scope(INSPECTION_READ),
                days=days,
                refusals=refusals,
                messages=messages,
                unsent=unsent,
                categories=categories,
                scores=scores,
                coverage=coverage,
            )
        )

    return [show]


def _chosen(sources: AnalysisSources, query: AnalysisQuery, directory: Directory) -> Chosen:
    since, until = query.period(sources.calendar.today(sources.clock.now()))
    path = None
    if query.department is not None:
        path = directory.path_of(query.department) or "/unknown/"
    whole = Span(sources.calendar.begin(since), sources.calendar.end(until))
    wanted = ReviewFilter(pile=Pile.ALL, department_path=path, since=whole.since, until=whole.until)
    return Chosen(query, since, until, whole, path, wanted)


def stretches(since: date, until: date) -> list[tuple[date, date]]:
    """Cut a period into days, or into weeks where there would be too many columns; both ends count."""
    width = 1 if (until - since).days < MOST_COLUMNS else WEEK
    cuts: list[tuple[date, date]] = []
    while since <= until:
        last = min(until, since + timedelta(days=width - 1))
        cuts.append((since, last))
        since = last + timedelta(days=1)
    return cuts


async def _days(sources: AnalysisSources, principal: Principal, chosen: Chosen) -> ColumnChart | None:
    if not principal.allows(CALL_READ):
        return None
    cuts, spans = _spans(sources, chosen)
    counts = await sources.calls.by_span(principal, spans, chosen.department_path)
    columns = []
    for (first, last), count in zip(cuts, counts, strict=True):
        ends = {"since": first.isoformat(), "until": last.isoformat()}
        numbers: Mapping[CallOutcome, int] = {
            CallOutcome.CONNECTED: count.connected,
            CallOutcome.UNANSWERED: count.unanswered,
            CallOutcome.REFUSED: count.refused,
        }
        pieces = [
            Piece(f"outcome.{outcome}", outcome, number, chosen.link("/calls", outcome=outcome.value, **ends))
            for outcome, number in numbers.items()
        ]
        columns.append(_column(first, last, pieces))
    return column_chart(columns)


def _spans(sources: AnalysisSources, chosen: Chosen) -> tuple[list[tuple[date, date]], list[Span]]:
    """Give the stretches of the period as days and as times."""
    cuts = stretches(chosen.since, chosen.until)
    return cuts, [Span(sources.calendar.begin(first), sources.calendar.end(last)) for first, last in cuts]


def _column(first: date, last: date, pieces: Sequence[Piece]) -> Column:
    label = first.isoformat() if first == last else f"{first.isoformat()} – {last.isoformat()}"
    return Column(label, first.strftime("%m-%d"), tuple(pieces))


async def _messages(sources: AnalysisSources, principal: Principal, chosen: Chosen) -> ColumnChart | None:
    """Count messages by day and by what became of them."""
    if not principal.allows(MESSAGE_READ):
        return None
    cuts, spans = _spans(sources, chosen)
    counts = await sources.messages.by_span(principal, spans, _wanted(chosen))
    columns = []
    for (first, last), count in zip(cuts, counts, strict=True):
        ends = {"since": first.isoformat(), "until": last.isoformat()}
        pieces = [
            Piece(
                f"messages.outcome.{outcome}",
                MESSAGE_LOOKS[outcome],
                getattr(count, outcome.value),
                chosen.link("/messages", outcome=outcome.value, **ends),
            )
            for outcome in STATES
        ]
        columns.append(_column(first, last, pieces))
    return column_chart(columns)


async def _unsent(
    sources: AnalysisSources, principal: Principal, chosen: Chosen, language: str
) -> list[Bar] | None:
    """Count the messages that were refused, by the rule, or by wording or a reviewer."""
    if not principal.allows(MESSAGE_READ):
        return None
    bars = []
    for cause, rule in await sources.messages.refusals(principal, _wanted(chosen)):
        more = {"rule": rule.rule_id} if rule.rule_id else {"cause": (cause or Cause.VERDICT).value}
        title = (
            sources.verdicts.title(rule.rule_id, language)
            if rule.rule_id
            else translate(language, f"messages.cause.{cause or Cause.VERDICT}")
        )
        address = chosen.link("/messages", outcome=MessageOutcome.REFUSED.value, **more)
        bars.append(Bar(title, rule.count, address, "flag"))
    return bars


def _wanted(chosen: Chosen) -> MessageFilter:
    return MessageFilter(
        department_path=chosen.department_path, since=chosen.whole.since, until=chosen.whole.until
    )


async def _refusals(
    sources: AnalysisSources, principal: Principal, chosen: Chosen, language: str
) -> list[Bar] | None:
    if not principal.allows(CALL_READ):
        return None
    found = await sources.calls.refusals(principal, chosen.whole, chosen.department_path)
    return [
        Bar(
            sources.verdicts.title(rule.rule_id, language),
            rule.count,
            chosen.link("/calls", outcome=CallOutcome.REFUSED.value, rule=rule.rule_id),
            "flag",
        )
        for rule in found
    ]


async def _categories(
    sources: AnalysisSources, principal: Principal, chosen: Chosen, language: str
) -> list[Bar]:
    found = await sources.quality.categories(principal, chosen.wanted)
    return [
        Bar(
            sources.rulebook.category(one.category).in_language(language),
            one.inspections,
            chosen.link("/inspections", state=Pile.ALL.value, category=one.category),
            "flag" if one.severe else "coach",
            one.severe,
        )
        for one in found
    ]


async def _scores(sources: AnalysisSources, principal: Principal, chosen: Chosen) -> ColumnChart:
    counts = await sources.quality.scores(principal, chosen.wanted, SCORE_FLOORS)
    ends = [floor - 1 for floor in SCORE_FLOORS[1:]] + [FULL_SCORE]
    columns = []
    for floor, end, count in zip(SCORE_FLOORS, ends, counts, strict=True):
        band = band_of(floor, sources.rulebook.scoring).value
        address = chosen.link("/inspections", state=Pile.ALL.value, score_from=str(floor), score_to=str(end))
        short = f"<{end + 1}" if floor == 0 else str(floor)
        columns.append(Column(f"{floor}–{end}", short, (Piece(f"band.{band}", band, count, address),)))
    return column_chart(columns)


@dataclass(frozen=True, slots=True)
class Covered:
    """How much was inspected and reviewed."""

    coverage: Coverage
    unfinished: Unfinished
    bars: Sequence[Bar]

    @property
    def share(self) -> int | None:
        """Give the percentage of inspections that a person has reviewed; None without any."""
        if not self.coverage.inspected:
            return None
        return round(100 * self.coverage.reviewed / self.coverage.inspected)


async def _coverage(sources: AnalysisSources, principal: Principal, chosen: Chosen) -> Covered:
    coverage = await sources.reviews.coverage(principal, chosen.wanted)
    unfinished = await sources.quality.unfinished(principal, chosen.wanted)
    piles = (
        ("analysis.inspected", coverage.inspected, Pile.ALL, "whole"),
        ("analysis.reviewed", coverage.reviewed, Pile.REVIEWED, "pass"),
        ("analysis.in_review", coverage.in_review, Pile.IN_REVIEW, "coach"),
        ("analysis.due", coverage.due, Pile.DUE, "flag"),
    )
    bars = [
        Bar(title, count, chosen.link("/inspections", state=pile.value), look)
        for title, count, pile, look in piles
    ]
    return Covered(coverage, unfinished, bars)
