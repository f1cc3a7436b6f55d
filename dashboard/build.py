"""Puts the pages together from the services below; the roof hands those in."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from core.access.build import Access
from core.clock import Clock
from core.config import Settings
from core.db import Database
from core.ledger import LedgerService
from core.status import StatusProvider
from core.web.app import Pages, StaticFolder
from core.web.context import RequestContext
from core.web.endpoint import Endpoint
from core.web.problems import Problem
from dashboard.day import Calendar
from dashboard.pages import call, calls, login, overview, preferences
from dashboard.people import People
from dashboard.render import STATIC, Renderer, catalogue
from gateway.calls.figures import CallFigures
from gateway.calls.queries import CallQueries
from gateway.contact.rulebook import RuleBook
from gateway.contact.verdicts import VerdictReader
from qa.inspection.figures import InspectionFigures
from qa.inspection.reading import InspectionReader
from qa.inspection.rulebook import own_rulebook

LOGIN_PATH = "/login"


@dataclass(frozen=True, slots=True)
class DashboardParts:
    """What the pages read and call."""

    settings: Settings
    clock: Clock
    database: Database
    access: Access
    calls: CallQueries
    rules: RuleBook
    inspections: InspectionReader
    ledger: LedgerService
    providers: Sequence[StatusProvider] = ()


def build_pages(parts: DashboardParts) -> Pages:
    """Give every page, the static files, and the look of an error."""
    renderer = Renderer(institution=parts.settings.institution, zone=parts.settings.timezone)

    def error_page(problem: Problem, context: RequestContext) -> str:
        advice = f"error.advice.{problem.status}"
        if advice not in catalogue("zh"):
            advice = "error.advice.other"
        return renderer.page("error.html", context=context, problem=problem, advice=advice)

    return Pages(
        endpoints=[
            *login.endpoints(renderer, parts.access.login),
            *preferences.endpoints(),
            *_reading(parts, renderer),
        ],
        static=[StaticFolder("/static", STATIC)],
        error_page=error_page,
        login_path=LOGIN_PATH,
    )


def _reading(parts: DashboardParts, renderer: Renderer) -> list[Endpoint]:
    """Build the pages that show calls."""
    calendar = Calendar(ZoneInfo(parts.settings.timezone))
    people = People(parts.access.employees, parts.access.departments)
    verdicts = VerdictReader(parts.database, parts.rules)
    figures = InspectionFigures(parts.database)
    return [
        *overview.endpoints(
            renderer,
            overview.OverviewSources(
                clock=parts.clock,
                calendar=calendar,
                calls=parts.calls,
                call_figures=CallFigures(parts.database),
                inspections=parts.inspections,
                inspection_figures=figures,
                verdicts=verdicts,
                providers=parts.providers,
            ),
        ),
        *calls.endpoints(
            renderer,
            calls.CallsSources(
                calendar=calendar,
                calls=parts.calls,
                figures=figures,
                people=people,
                verdicts=verdicts,
                rulebook=own_rulebook(),
            ),
        ),
        *call.endpoints(
            renderer,
            call.CallSources(
                calls=parts.calls,
                verdicts=verdicts,
                inspections=parts.inspections,
                ledger=parts.ledger,
                people=people,
            ),
        ),
    ]
