"""An agent's pages: today, customers, messages, own results."""

from core.web.endpoint import Endpoint
from dashboard.pages.agent import calling, card, card_forms, customers, results, thread, threads, today
from dashboard.parts import DashboardParts
from dashboard.render import Renderer


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the pages."""
    cards = card.Cards(renderer, parts)
    return [
        *today.endpoints(renderer, parts),
        *calling.endpoints(renderer, parts),
        *customers.endpoints(renderer, parts),
        *card.endpoints(cards),
        *card_forms.endpoints(cards),
        *threads.endpoints(renderer, parts),
        *thread.endpoints(renderer, parts),
        *results.endpoints(renderer, parts),
    ]
