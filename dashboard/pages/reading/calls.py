"""The list of calls: filters in the address, pages by cursor."""

from dataclasses import dataclass

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from dashboard.call_filters import CallOutcome, CallsQuery, call_filter
from dashboard.day import Calendar
from dashboard.pages.preferences import Seen
from dashboard.people import Directory, People
from dashboard.render import Renderer
from gateway.calls.causes import Cause
from gateway.calls.permissions import CALL_READ
from gateway.calls.queries import CallQueries, CallView
from gateway.contact.model import Decision, Direction, Purpose
from gateway.contact.verdicts import VerdictReader
from qa.inspection.figures import InspectionFigures
from qa.inspection.model import Band
from qa.inspection.rulebook import Rulebook
from qa.inspection.views import InspectionSummary
from qa.permissions import INSPECTION_READ

LIMIT = 50
ALWAYS_SHOWN = ("since", "until", "employee", "department", "outcome", "band")


@dataclass(frozen=True, slots=True)
class CallsSources:
    """Where the list comes from."""

    calendar: Calendar
    calls: CallQueries
    figures: InspectionFigures
    people: People
    verdicts: VerdictReader
    rulebook: Rulebook


@dataclass(frozen=True, slots=True)
class CallLine:
    """One row: the call, its department's name, its inspection if there is one to see."""

    view: CallView
    department: str
    inspection: InspectionSummary | None


CHOICES = {
    "purpose": tuple(Purpose),
    "direction": tuple(Direction),
    "outcome": tuple(CallOutcome),
    "cause": tuple(Cause),
    "verdict": (Decision.ALLOW, Decision.DENY),
    "band": tuple(Band),
}


def endpoints(renderer: Renderer, sources: CallsSources) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/calls",
        permission=CALL_READ,
        summary_zh="通话列表页",
        summary_en="Page of calls",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: CallsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        directory = await sources.people.directory(principal)
        wanted = call_filter(
            query, principal, calendar=sources.calendar, directory=directory, figures=sources.figures
        )
        views, following = await sources.calls.find(principal, wanted, cursor=query.cursor, limit=LIMIT)
        given = query.given()
        return Html(
            renderer.page(
                "calls.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=query.address(),
                query=query,
                given=given,
                more_given=sorted(set(given) - set(ALWAYS_SHOWN)),
                choices=CHOICES,
                categories=sources.rulebook.categories,
                directory=directory,
                rule_title=sources.verdicts.title(query.rule, context.language) if query.rule else None,
                lines=await _lines(sources, principal, directory, views),
                next_address=query.address(cursor=following) if following else None,
                shows_inspections=principal.allows(INSPECTION_READ),
            )
        )

    return [show]


async def _lines(
    sources: CallsSources, principal: Principal, directory: Directory, views: list[CallView]
) -> list[CallLine]:
    inspections: dict[str, InspectionSummary] = {}
    if principal.allows(INSPECTION_READ):
        contacts = [view.row.contact_id for view in views]
        inspections = await sources.figures.of_contacts(principal, contacts)
    return [
        CallLine(view, directory.department(view.row.department_id), inspections.get(view.row.contact_id))
        for view in views
    ]
