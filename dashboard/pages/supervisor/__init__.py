"""A supervisor's pages: live board, team, held messages, alerts."""

from core.web.endpoint import Endpoint
from dashboard.live.feed import LiveFeed
from dashboard.pages.supervisor import events, held, live, messages, team
from dashboard.parts import DashboardParts
from dashboard.render import Renderer


def endpoints(renderer: Renderer, parts: DashboardParts, feed: LiveFeed) -> list[Endpoint]:
    """Give the pages."""
    return [
        *events.endpoints(feed),
        *live.endpoints(renderer, parts, feed),
        *held.endpoints(renderer, parts, feed),
        *team.endpoints(renderer, parts),
        *messages.endpoints(renderer, parts),
    ]
