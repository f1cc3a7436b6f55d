"""Puts the pages together from the services below."""

from core.web.app import Pages, StaticFolder
from core.web.context import RequestContext
from core.web.problems import Problem
from dashboard.live.feed import LiveFeed
from dashboard.live.pulse import Pulse
from dashboard.pages import (
    administrator,
    agent,
    auditor,
    login,
    phones,
    preferences,
    reading,
    reviewer,
    supervisor,
)
from dashboard.pages.administrator.confirm import CONFIRM_PATH
from dashboard.parts import DashboardParts
from dashboard.render import STATIC, Renderer, catalogue

LOGIN_PATH = "/login"


def build_pages(parts: DashboardParts) -> Pages:
    """Give every page, the static files, and the look of an error."""
    renderer = Renderer(institution=parts.settings.institution, zone=parts.settings.timezone)
    feed = LiveFeed(Pulse(parts.database, parts.clock), parts.access.sessions)

    def error_page(problem: Problem, context: RequestContext) -> str:
        advice = f"error.advice.{problem.status}"
        if advice not in catalogue("zh"):
            advice = "error.advice.other"
        return renderer.page("error.html", context=context, problem=problem, advice=advice)

    endpoints = [
        *login.endpoints(renderer, parts.access.login),
        *preferences.endpoints(),
        *reading.endpoints(renderer, parts),
        *agent.endpoints(renderer, parts),
        *supervisor.endpoints(renderer, parts, feed),
        *reviewer.endpoints(renderer, parts),
        *administrator.endpoints(renderer, parts),
        *phones.endpoints(renderer, parts, feed),
        *auditor.endpoints(renderer, parts),
    ]
    renderer.serve(page.path for page in endpoints if page.method == "GET")
    return Pages(
        endpoints=endpoints,
        static=[StaticFolder("/static", STATIC)],
        error_page=error_page,
        login_path=LOGIN_PATH,
        confirm_path=CONFIRM_PATH,
        closing=[feed.close],
    )
