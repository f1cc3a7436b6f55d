"""Words and values of uploads. What may hold a number has a repr without it."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.ledger.record import JSON


class RecordKind(StrEnum):
    CALL = "CALL"
    SMS = "SMS"
    CHAT = "CHAT"
    FILE = "FILE"
    RECORDING = "RECORDING"


class EventKind(StrEnum):
    """Conduct, named as the policy's `maskline.conductEvents` names it."""

    CONTACT_DELETED = "CONTACT_DELETED"
    CHAT_DELETED = "CHAT_DELETED"
    NAME_CARD_PUSHED = "NAME_CARD_PUSHED"
    PRIVATE_GROUP_CREATED = "PRIVATE_GROUP_CREATED"
    LOCATION_SHARED = "LOCATION_SHARED"
    RED_PACKET = "RED_PACKET"
    TRANSFER = "TRANSFER"
    CODE_SCANNED = "CODE_SCANNED"
    SCREENSHOT_TRIED = "SCREENSHOT_TRIED"
    BLOCKED_APP_OPENED = "BLOCKED_APP_OPENED"
    SIM_CHANGED = "SIM_CHANGED"
    ROOT_FOUND = "ROOT_FOUND"
    DEVELOPER_MODE_ON = "DEVELOPER_MODE_ON"
    SIM_CALL_OUTSIDE_GATEWAY = "SIM_CALL_OUTSIDE_GATEWAY"
    CONTACT_BLOCKED = "CONTACT_BLOCKED"
    MESSAGE_EDITED = "MESSAGE_EDITED"
    CHAT_APP_NEW_LOGIN = "CHAT_APP_NEW_LOGIN"


class FileDeed(StrEnum):
    """What was done with a file in a messaging app."""

    DOWNLOADED = "downloaded"
    UPLOADED = "uploaded"
    FORWARDED = "forwarded"
    SAVED = "saved"


class MoneyDirection(StrEnum):
    """Which way a red packet or transfer went, as the phone stated it."""

    SENT = "sent"
    RECEIVED = "received"
    UNSTATED = "unstated"


class ConductActKind(StrEnum):
    """What somebody does about a conduct event."""

    HANDLED = "handled"
    NOTED = "noted"
    REOPENED = "reopened"


class Finding(StrEnum):
    """What the server finds by itself; no phone tells it."""

    UPLOAD_CONTRADICTS = "UPLOAD_CONTRADICTS"
    """Another content under the same id, or a hash that is not that of the content."""
    RECORDING_MISSING = "RECORDING_MISSING"
    """A call in the call log, and not the recording that the policy asks for."""
    UPLOAD_GAP = "UPLOAD_GAP"
    """Numbers of the phone that never came."""
    MOCK_LOCATION = "MOCK_LOCATION"
    """The system of the phone says that its location is a mock one."""
    IMPOSSIBLE_SPEED = "IMPOSSIBLE_SPEED"
    """Nobody gets from one fix to the next in that time."""
    OUTSIDE_PLACES = "OUTSIDE_PLACES"
    """A phone left the permitted places."""


class Severity(StrEnum):
    MINOR = "minor"
    MODERATE = "moderate"
    SEVERE = "severe"


class Outcome(StrEnum):
    """What became of one record or event. After each of them the phone may forget it."""

    KEPT = "kept"
    DUPLICATE = "duplicate"
    CONTRADICTION = "contradiction"
    """The same id came before with another hash: both are kept, and the ledger says so."""
    HASH_MISMATCH = "hash-mismatch"
    """The hash is not that of the content: nothing is kept. A fault of the agent or of its storage."""
    NOT_WANTED = "not-wanted"
    """The phone's policy does not ask for it: nothing is kept."""
    OUTSIDE_HOURS = "outside-hours"
    BEFORE_CONSENT = "before-consent"
    TOO_SHORT = "too-short"
    """Of recordings only: the policy asks for those of longer calls."""


class RecordingState(StrEnum):
    OPEN = "OPEN"
    COMPLETE = "COMPLETE"


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One record or event as the phone sent it. `original` is its JSON without `sha256`."""

    id: str = field(repr=False)
    seq: int
    at: datetime
    sha256: str
    original: Mapping[str, JSON] = field(repr=False)
    counterpart: str | None = field(default=None, repr=False)
    """A number, or an app's name for somebody."""
    app: str | None = None
    """The app in which the counterpart has that name; None for a number."""


@dataclass(frozen=True, slots=True)
class UploadedRecord(Uploaded):
    kind: RecordKind = RecordKind.CALL
    outgoing: bool = False
    duration_s: int | None = None
    recalls: str | None = field(default=None, repr=False)
    deed: FileDeed | None = None
    """Of a file only."""


@dataclass(frozen=True, slots=True)
class UploadedEvent(Uploaded):
    kind: EventKind = EventKind.ROOT_FOUND
    records: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class NewRecording:
    """A recording that a phone wants to hand in."""

    id: str = field(repr=False)
    at: datetime
    sha256: str
    size: int
    media_type: str
    duration_s: int
    outgoing: bool
    counterpart: str = field(repr=False)
    call: str | None = field(default=None, repr=False)
    """The id of the call's record."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of a batch, in the batch's order. `id` is ours; None: nothing is kept."""

    outcome: Outcome
    id: str | None = None


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    results: tuple[Result, ...]
    server_time: datetime
    skew_s: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recording has come: send on from `offset`."""

    id: str
    state: RecordingState
    offset: int
    size: int


def normal(counterpart: str) -> str:
    """Give a number or name in the one form that is blinded: digits without +86 or 0086, folded text."""
    text = unicodedata.normalize("NFKC", counterpart).strip().casefold()
    digits = "".join(character for character in text if character.isdigit())
    if len(digits) < 3 or any(character.isalpha() for character in text):
        return text
    for prefix in ("0086", "86"):
        if digits.startswith(prefix) and len(digits) - len(prefix) >= 10:
            return digits[len(prefix) :]
    return digits
