"""All that the rules may look at, gathered beforehand: the rules themselves do no I/O."""

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.contact.model import Channel, Direction, Outcome, Purpose


@dataclass(frozen=True, slots=True)
class PastContact:
    """A contact of this customer that was allowed, by whomever."""

    purpose: Purpose
    channel: Channel
    direction: Direction
    outcome: Outcome
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """A consent that the customer gave, and perhaps withdrew."""

    purpose: Purpose
    given_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class BlockFact:
    """A do-not-contact entry that nobody lifted. None means: all purposes, all channels, for ever."""

    purpose: Purpose | None
    channel: Channel | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class BindingFact:
    """The binding as it stands."""

    employee_id: str
    purpose: Purpose
    expires_at: datetime
    released: bool
    line_active: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """One request and its circumstances. `history` reaches back at least to the start of the local day."""

    now: datetime
    zone: ZoneInfo
    employee_id: str
    purpose: Purpose
    channel: Channel
    direction: Direction
    employee_active: bool
    phone_refusal: str | None
    customer_erased: bool
    binding: BindingFact
    consents: tuple[ConsentFact, ...]
    blocks: tuple[BlockFact, ...]
    history: tuple[PastContact, ...]

    def at(self, moment: datetime) -> "Facts":
        """Give the same circumstances at another time."""
        return replace(self, now=moment)
