"""A supervisor's pages: live board, team, held messages, alerts."""

from core.web.endpoint import Endpoint
from dashboard.live.feed import LiveFeed
from dashboard.pages.supervisor import events
from dashboard.parts import DashboardParts
from dashboard.render import Renderer


def endpoints(renderer: Renderer, parts: DashboardParts, feed: LiveFeed) -> list[Endpoint]:
    """Give the pages."""
    del renderer, parts
    return [*events.endpoints(feed)]
