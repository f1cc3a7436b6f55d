"""Puts the pages together from the services below; the roof hands those in."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.access.build import Access
from core.clock import Clock
from core.config import Settings
from core.db import Database
from core.ledger import LedgerService
from core.status import StatusProvider
from core.web.app import Pages, StaticFolder
from core.web.context import RequestContext
from core.web.problems import Problem
from dashboard.pages import login, overview, preferences
from dashboard.render import STATIC, Renderer, catalogue
from gateway.calls.queries import CallQueries
from gateway.contact.rulebook import RuleBook
from qa.inspection.reading import InspectionReader

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
            *overview.endpoints(renderer),
        ],
        static=[StaticFolder("/static", STATIC)],
        error_page=error_page,
        login_path=LOGIN_PATH,
    )
