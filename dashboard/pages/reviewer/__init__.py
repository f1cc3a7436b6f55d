"""A reviewer's pages: inspections, findings, analysis."""

from core.web.endpoint import Endpoint
from dashboard.parts import DashboardParts
from dashboard.render import Renderer


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the pages."""
    del renderer, parts
    return []
