"""Words and values of whereabouts. Whatever holds a place has a repr without it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.ledger.record import JSON


class Collection(StrEnum):
    """How much a phone's policy asks for: `maskline.location.mode`."""

    OFF = "LOCATION_OFF"
    CHECK_IN_ONLY = "LOCATION_CHECK_IN_ONLY"
    TRACK = "LOCATION_TRACK"


class Provider(StrEnum):
    """Android's `Location.getProvider`."""

    GPS = "gps"
    NETWORK = "network"
    FUSED = "fused"


class FixOutcome(StrEnum):
    """What became of one fix or check-in. After each of them the phone may forget it."""

    KEPT = "kept"
    DUPLICATE = "duplicate"
    CONTRADICTION = "contradiction"
    """Another content came before under the same id: the first stays, this one is not kept."""
    HASH_MISMATCH = "hash-mismatch"
    NOT_WANTED = "not-wanted"
    """The policy does not ask for it (any more)."""
    OUTSIDE_HOURS = "outside-hours"
    BEFORE_CONSENT = "before-consent"
    TOO_SOON = "too-soon"
    """Closer to another one than the policy's interval."""


class Refusal(StrEnum):
    """Why a fix was not kept: these are counted by day."""

    NO_CONSENT = "no-consent"
    NOT_WANTED = "not-wanted"
    OUTSIDE_HOURS = "outside-hours"
    BEFORE_CONSENT = "before-consent"
    TOO_SOON = "too-soon"
    CONTRADICTION = "contradiction"
    HASH_MISMATCH = "hash-mismatch"


class ConsentEnd(StrEnum):
    """Why an agreement holds no longer. Only a withdrawal takes the tracks with it at once."""

    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    """Newer terms were agreed to."""
    ASSIGNED = "assigned"
    """The phone has another holder."""
    DEVICE_ENDED = "device-ended"


class Purpose(StrEnum):
    """What an employee checks in for."""

    SALES_VISIT = "sales-visit"
    COLLECTION_VISIT = "collection-visit"
    SERVICE_VISIT = "service-visit"
    OTHER = "other"


class PhotoState(StrEnum):
    AWAITED = "AWAITED"
    COMPLETE = "COMPLETE"


@dataclass(frozen=True, slots=True)
class Position:
    """A fix in WGS-84, as GNSS gives it: degrees and metres. GCJ-02 is for showing on maps only."""

    latitude: float = field(repr=False)
    longitude: float = field(repr=False)
    accuracy_m: float
    provider: Provider
    mock: bool
    """Android's `Location.isMock` (API 31; `isFromMockProvider` before)."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix as the phone sent it. `original` is its JSON without `sha256`."""

    id: str = field(repr=False)
    at: datetime
    sha256: str
    position: Position
    original: Mapping[str, JSON] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewCheckIn(Fix):
    """What an employee hands in of their own accord. `binding_id`: with whom the visit was."""

    purpose: Purpose = Purpose.OTHER
    binding_id: str | None = None
    photo_sha256: str = ""
    photo_size: int = 0


@dataclass(frozen=True, slots=True)
class FixAnswer:
    """Outcomes in the batch's order."""

    outcomes: tuple[FixOutcome, ...]
    server_time: datetime
    skew_s: int


@dataclass(frozen=True, slots=True)
class CheckInAnswer:
    """How far a check-in has come. `bound`: the customer of the binding is known to it."""

    id: str
    photo: PhotoState
    bound: bool


@dataclass(frozen=True, slots=True)
class ConsentState:
    """What the employee of a phone agreed to of location; `agreed` None: nothing that holds."""

    wanted: str
    agreed: str | None
    given_at: datetime | None
