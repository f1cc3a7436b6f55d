"""The phones' pages: the fleet, one phone with its proofs, orders, enrolment, policies and roll-outs."""

from core.web.endpoint import Endpoint
from dashboard.live.feed import LiveFeed
from dashboard.pages.phones import (
    conduct,
    device,
    enrol,
    expected,
    fleet,
    gaps,
    lists,
    money,
    orders,
    policy_acts,
    rollouts,
    trust,
    uploads,
    whereabouts,
)
from dashboard.pages.phones.kit import PhoneKit
from dashboard.parts import DashboardParts
from dashboard.render import Renderer


def endpoints(renderer: Renderer, parts: DashboardParts, feed: LiveFeed) -> list[Endpoint]:
    """Give the pages. Fixed addresses come before the one of a phone."""
    kit = PhoneKit(renderer, parts, feed)
    return [
        *fleet.endpoints(kit),
        *gaps.endpoints(kit),
        *enrol.endpoints(kit),
        *expected.endpoints(kit),
        *lists.endpoints(kit),
        *orders.endpoints(kit),
        *trust.endpoints(kit),
        *conduct.endpoints(kit),
        *money.endpoints(kit),
        *device.endpoints(kit),
        *uploads.endpoints(kit),
        *whereabouts.endpoints(kit),
        *policy_acts.endpoints(kit),
        *rollouts.endpoints(kit),
    ]
