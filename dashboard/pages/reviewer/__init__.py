"""A reviewer's pages: inspections, one inspection, alerts, and what their forms do."""

from core.web.endpoint import Endpoint
from dashboard.pages.reviewer import acts, alerts, inspection, inspections, word_rules
from dashboard.parts import DashboardParts
from dashboard.render import Renderer


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the pages."""
    return [
        *inspections.endpoints(renderer, parts),
        *inspection.endpoints(renderer, parts),
        *acts.endpoints(parts),
        *alerts.endpoints(renderer, parts),
        *word_rules.endpoints(renderer, parts),
    ]
