"""The rail: every page that has a place in it, in the order of a person's day."""

from collections.abc import Collection
from dataclasses import dataclass

from core.access.model import Principal, Scope


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the rail: its address, the key of its name, and who has a use for it.

    `beyond_own`: of no use to somebody whose permission ends at their own work.
    """

    path: str
    key: str
    permission: str
    beyond_own: bool = False

    def suits(self, principal: Principal) -> bool:
        """Whether this person gets the page."""
        scope = principal.scope(self.permission)
        return scope is not None and not (self.beyond_own and scope is Scope.OWN)


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together, under one heading."""

    key: str
    places: tuple[Place, ...]


GROUPS = (
    Group(
        "nav.group.work",
        (
            Place("/today", "nav.today", "call.place"),
            Place("/", "nav.overview", "call.read"),
            Place("/customers", "nav.customers", "customer.read"),
            Place("/approvals", "nav.approvals", "customer.request_read"),
            Place("/threads", "nav.threads", "message.read"),
            Place("/calls", "nav.calls", "call.read"),
            Place("/results", "nav.results", "call.place"),
        ),
    ),
    Group(
        "nav.group.watch",
        (
            Place("/live", "nav.live", "call.read", beyond_own=True),
            Place("/alerts", "nav.alerts", "alert.read"),
            Place("/conduct", "nav.conduct", "device.upload_read", beyond_own=True),
            Place("/money", "nav.money", "device.upload_read", beyond_own=True),
            Place("/held", "nav.held", "message.review"),
            Place("/messages", "nav.messages", "message.read", beyond_own=True),
            Place("/team", "nav.team", "call.read", beyond_own=True),
        ),
    ),
    Group(
        "nav.group.quality",
        (
            Place("/inspections", "nav.inspections", "inspection.read", beyond_own=True),
            Place("/analysis", "nav.analysis", "inspection.read", beyond_own=True),
        ),
    ),
    Group(
        "nav.group.manage",
        (
            Place("/imports", "nav.imports", "customer.import"),
            Place("/lines", "nav.lines", "line.write"),
            Place("/bindings", "nav.bindings", "binding.read", beyond_own=True),
            Place("/employees", "nav.employees", "employee.read", beyond_own=True),
            Place("/offboarding", "nav.offboarding", "offboarding.read", beyond_own=True),
            Place("/templates", "nav.templates", "template.write"),
            Place("/rules", "nav.rules", "rule.read", beyond_own=True),
            Place("/system", "nav.system", "system.status"),
        ),
    ),
    Group(
        "nav.group.phones",
        (
            Place("/phones", "nav.phones", "device.read", beyond_own=True),
            Place("/expected-phones", "nav.expected", "device.read", beyond_own=True),
            Place("/policies", "nav.policies", "policy.read", beyond_own=True),
            Place("/rollouts", "nav.rollouts", "policy.read", beyond_own=True),
        ),
    ),
    Group(
        "nav.group.prove",
        (
            Place("/ledger", "nav.ledger", "ledger.read"),
            Place("/evidence", "nav.evidence", "evidence.export"),
            Place("/access-log", "nav.access_log", "audit.read"),
            Place("/file-operations", "nav.file_operations", "audit.read"),
        ),
    ),
)


def navigation(principal: Principal, served: Collection[str]) -> tuple[Group, ...]:
    """Give the groups with the pages that exist and that this person may open; no empty group."""
    found = (
        Group(
            group.key,
            tuple(place for place in group.places if place.path in served and place.suits(principal)),
        )
        for group in GROUPS
    )
    return tuple(group for group in found if group.places)
