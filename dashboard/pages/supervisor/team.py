"""The team: who needs help, with what; every figure leads to what is behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from urllib.parse import urlencode

from pydantic import model_validator

from core.access.model import Principal, Role
from core.access.models import EmployeeState
from core.access.people import EmployeeView
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import FieldProblem, IdStr
from dashboard.call_filters import CallOutcome, CallsQuery
from dashboard.forms import FormModel
from dashboard.pages.preferences import Seen
from dashboard.pages.reviewer.inspections import InspectionsQuery, ReviewChannel
from dashboard.pages.supervisor.messages import MessagesQuery
from dashboard.parts import DashboardParts
from dashboard.people import Directory
from dashboard.render import Renderer
from gateway.calls.by_employee import CallsByEmployee, EmployeeCalls
from gateway.calls.permissions import CALL_READ
from gateway.calls.queries import CallFilter
from gateway.messages.listing import MessageCounts, MessageFilter, MessageOutcome
from gateway.messages.permissions import MESSAGE_READ
from qa.inspection.by_employee import MESSAGE, EmployeeQuality, QualityByEmployee
from qa.inspection.model import Band
from qa.permissions import ALERT_READ, INSPECTION_READ
from qa.review.queue import Pile

SPANS_DAYS = (1, 7, 30)
USUAL_DAYS = 7
_NO_CALLS = EmployeeCalls(0, 0, 0)
_NO_QUALITY = EmployeeQuality()
_NO_MESSAGES = MessageCounts()


class Sort(StrEnum):
    """By what the team is put in order. `need`: who needs help most comes first."""

    NEED = "need"
    NAME = "name"
    CALLS = "calls"
    MESSAGES = "messages"
    REFUSED = "refused"
    SCORE = "score"
    SEVERE = "severe"
    ALERTS = "alerts"


class TeamQuery(FormModel):
    """The address: the span, the department, the order. Without a span, the last seven days."""

    since: date | None = None
    until: date | None = None
    department: IdStr | None = None
    sort: Sort = Sort.NEED

    @model_validator(mode="after")
    def _in_order(self) -> "TeamQuery":
        if self.since and self.until and self.since > self.until:
            raise FieldProblem("开始日期不能晚于结束日期。", "The first day must not be after the last.")
        return self


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days, both ends included."""

    since: date
    until: date

    @property
    def given(self) -> dict[str, str]:
        return {"since": self.since.isoformat(), "until": self.until.isoformat()}


@dataclass(frozen=True, slots=True)
class Member:
    """One row. `quality` is that of calls, `written` that of days of threads.

    `rules` and `category` are names for people; `worst_call` opens the worst example.
    """

    person: EmployeeView
    department: str
    calls: EmployeeCalls
    messages: MessageCounts
    quality: EmployeeQuality
    written: EmployeeQuality
    alerts: int
    rules: tuple[tuple[str, int, str], ...]
    category: str | None
    worst_call: str | None
    links: dict[str, str]
    outcomes: tuple[tuple[str, str], ...]
    """Of messages: each outcome and the list of those."""


_ORDERS: dict[Sort, Callable[[Member], tuple[object, ...]]] = {
    Sort.NEED: lambda one: (-one.alerts, -one.quality.severe, _low_first(one), -one.calls.refused),
    Sort.NAME: lambda one: (one.person.display_name,),
    Sort.CALLS: lambda one: (-one.calls.total,),
    Sort.MESSAGES: lambda one: (-one.messages.total,),
    Sort.REFUSED: lambda one: (-one.calls.refused,),
    Sort.SCORE: lambda one: (_low_first(one),),
    Sort.SEVERE: lambda one: (-one.quality.severe,),
    Sort.ALERTS: lambda one: (-one.alerts,),
}


def _low_first(one: Member) -> float:
    """Who has no score comes after everybody who has one."""
    return 101.0 if one.quality.score is None else one.quality.score


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the page."""

    @endpoint("GET", "/team", permission=CALL_READ, summary_zh="团队页", summary_en="Team page", kind="page")
    async def show(*, principal: Principal, query: TeamQuery, context: RequestContext, headers: Seen) -> Html:
        today = parts.calendar.today(parts.clock.now())
        span = _span(query, today)
        directory = await parts.people.directory(principal)
        members = await _members(parts, principal, directory, query, span, context.language)
        members.sort(key=lambda one: (_ORDERS[query.sort](one), one.person.display_name))
        return Html(
            renderer.page(
                "supervisor/team.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=address(query, span),
                query=query,
                span=span,
                spans=[(days, _last(today, days)) for days in SPANS_DAYS],
                members=members,
                directory=directory,
                sorts=tuple(Sort),
                sort_address={sort: address(query, span, sort=sort.value) for sort in Sort},
                span_address={
                    days: address(query, _last(today, days), sort=query.sort.value) for days in SPANS_DAYS
                },
                shows_quality=principal.allows(INSPECTION_READ),
                shows_alerts=principal.allows(ALERT_READ),
                shows_messages=principal.allows(MESSAGE_READ),
            )
        )

    return [show]


def address(query: TeamQuery, span: Span, *, sort: str | None = None) -> str:
    """Give the address of the team with another span or order."""
    values = {**span.given, "department": query.department, "sort": sort or query.sort.value}
    return f"/team?{urlencode({name: value for name, value in values.items() if value})}"


def _span(query: TeamQuery, today: date) -> Span:
    until = query.until or max(today, query.since or today)
    return Span(query.since or until - timedelta(days=USUAL_DAYS - 1), until)


def _last(today: date, days: int) -> Span:
    return Span(today - timedelta(days=days - 1), today)


async def _members(
    parts: DashboardParts,
    principal: Principal,
    directory: Directory,
    query: TeamQuery,
    span: Span,
    language: str,
) -> list[Member]:
    begin, end = parts.calendar.begin(span.since), parts.calendar.end(span.until)
    path = None
    if query.department is not None:
        path = directory.path_of(query.department) or "/unknown/"
    calls = await CallsByEmployee(parts.database).count(principal, begin, end)
    messages = {}
    if principal.allows(MESSAGE_READ):
        wanted = MessageFilter(since=begin, until=end)
        messages = await parts.message_listing.by_employee(principal, wanted)
    quality_of, quality, written, alerts = QualityByEmployee(parts.database), {}, {}, {}
    if principal.allows(INSPECTION_READ):
        quality = await quality_of.count(principal, begin, end)
        written = await quality_of.count(principal, begin, end, channel=MESSAGE)
    if principal.allows(ALERT_READ):
        alerts = await quality_of.open_alerts(principal)
    worst = await _calls_of(parts, principal, [one.worst for one in quality.values() if one.worst])
    found = _Found(calls, messages, quality, written, alerts, worst)
    return [
        _member(parts, person, directory, found, span, language)
        for person in directory.employees
        if _within(person, directory, path) and (found.knows(person.id) or _calls_people(person))
    ]


@dataclass(frozen=True, slots=True)
class _Found:
    """The figures of everybody, by employee; `worst` gives the call of a contact."""

    calls: dict[str, EmployeeCalls]
    messages: dict[str, MessageCounts]
    quality: dict[str, EmployeeQuality]
    written: dict[str, EmployeeQuality]
    alerts: dict[str, int]
    worst: dict[str, str]

    def knows(self, employee_id: str) -> bool:
        """Say whether there is any figure of a person."""
        by_person = (self.calls, self.messages, self.quality, self.written, self.alerts)
        return any(employee_id in figures for figures in by_person)


def _member(
    parts: DashboardParts,
    person: EmployeeView,
    directory: Directory,
    found: "_Found",
    span: Span,
    language: str,
) -> Member:
    own, good = found.calls.get(person.id, _NO_CALLS), found.quality.get(person.id, _NO_QUALITY)
    title = parts.rulebook.category(good.category).in_language(language) if good.category else None
    list_of = CallsQuery(employee=person.id, since=span.since, until=span.until)
    messages_of = MessagesQuery(employee=person.id, since=span.since, until=span.until)
    inspections_of = InspectionsQuery(
        state=Pile.ALL,
        channel=ReviewChannel.MESSAGE,
        employee=person.id,
        since=span.since,
        until=span.until,
    )
    return Member(
        person=person,
        department=directory.department(person.department_id),
        calls=own,
        messages=found.messages.get(person.id, _NO_MESSAGES),
        quality=good,
        written=found.written.get(person.id, _NO_QUALITY),
        alerts=found.alerts.get(person.id, 0),
        rules=tuple(
            (parts.verdicts.title(rule.rule_id, language), rule.count, list_of.address(rule=rule.rule_id))
            for rule in own.refused_by
        ),
        category=title,
        worst_call=found.worst.get(good.worst or ""),
        links={
            "calls": list_of.address(),
            "connected": list_of.address(outcome=CallOutcome.CONNECTED),
            "refused": list_of.address(outcome=CallOutcome.REFUSED),
            "messages": messages_of.address(),
            "written": inspections_of.address(),
            "flagged": list_of.address(band=Band.FLAG),
            "category": list_of.address(category=good.category),
            "alerts": f"/alerts?employee={person.id}",
        },
        outcomes=tuple((one.value, messages_of.address(outcome=one)) for one in MessageOutcome),
    )


def _within(person: EmployeeView, directory: Directory, path: str | None) -> bool:
    """Say whether a person belongs to the department at `path` or below it; None means any."""
    if path is None:
        return True
    own = directory.path_of(person.department_id) if person.department_id else None
    return own is not None and own.startswith(path)


def _calls_people(person: EmployeeView) -> bool:
    """Say whether somebody belongs on the page even without a figure: they work with customers."""
    return person.state is EmployeeState.ACTIVE and Role.AGENT in person.roles


async def _calls_of(parts: DashboardParts, principal: Principal, contacts: list[str]) -> dict[str, str]:
    if not contacts:
        return {}
    views, _ = await parts.calls.find(principal, CallFilter(contacts=contacts), limit=len(contacts))
    return {view.row.contact_id: view.row.id for view in views}
