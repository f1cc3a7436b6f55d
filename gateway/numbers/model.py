"""What the rest of the gateway sees of a line and a binding."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.contact.model import Purpose


class LineStatus(StrEnum):
    """Only an active line is chosen or dialled from; a retired one never comes back."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class CityMatch(StrEnum):
    """strict: only a line of that city; loose: one if there is; ignore: any."""

    STRICT = "strict"
    LOOSE = "loose"
    IGNORE = "ignore"


class Stickiness(StrEnum):
    """sticky: the line this customer saw last; avoid_last: another one; any: no memory."""

    STICKY = "sticky"
    AVOID_LAST = "avoid_last"
    ANY = "any"


class DirectDial(StrEnum):
    """Whether the employee can dial the line itself (AXB) or only the binding's token.

    A line that an employee dials must lead to one customer, so it serves one of their bindings at a time.
    preferred: take it if the chosen line is free for it; required: choose a line where it is; token: no.
    """

    PREFERRED = "preferred"
    REQUIRED = "required"
    TOKEN = "token"  # noqa: S105 - a word, not a secret


@dataclass(frozen=True, slots=True)
class BindingView:
    """Line X ties employee A to customer B. `line_number` is the institution's own and no secret."""

    id: str
    token: str
    line_id: str
    line_number: str
    employee_id: str
    department_id: str | None
    customer_id: str
    purpose: Purpose
    expires_at: datetime
    direct_dial: bool = False
    released_at: datetime | None = None
    release_reason: str | None = None


@dataclass(frozen=True, slots=True)
class LineView:
    """One of the institution's own numbers."""

    id: str
    number: str
    city: str
    status: LineStatus
    owner_name: str
    registration: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LineUsage:
    """What hangs on a line now: live bindings by purpose, and the employees who hold them."""

    purposes: Mapping[Purpose, int] = field(default_factory=dict)
    employees: int = 0

    @property
    def bindings(self) -> int:
        return sum(self.purposes.values())


@dataclass(frozen=True, slots=True)
class LineChange:
    """What may be corrected of a line; its number never changes."""

    city: str
    owner_name: str
    registration: str


@dataclass(frozen=True, slots=True)
class BindRequest:
    """What a binding needs. `expires_at` is required; the policy caps how far ahead it may be."""

    employee_id: str
    customer_id: str
    purpose: Purpose
    expires_at: datetime
    line_id: str | None = None
    city: str | None = None
    city_match: CityMatch = CityMatch.LOOSE
    stickiness: Stickiness = Stickiness.STICKY
    direct_dial: DirectDial = DirectDial.PREFERRED
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A line to register. `registration` is the filing under which the institution holds the number."""

    number: str
    city: str
    owner_name: str
    registration: str


@dataclass(frozen=True, slots=True)
class BindingFilter:
    """Which bindings to list. `ends_before` is exclusive."""

    employee_id: str | None = None
    customer_id: str | None = None
    live_only: bool = True
    line_id: str | None = None
    purpose: Purpose | None = None
    ends_before: datetime | None = None
