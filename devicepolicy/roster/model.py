"""Words of the list of expected phones. A leaf: no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.sheets.faults import RowRefusal


class HardwareKind(StrEnum):
    """Which of a phone's ids a list gives."""

    SERIAL = "serial"
    IMEI = "imei"
    IMEI2 = "imei2"


class ListState(StrEnum):
    """A list is looked at before it is taken."""

    PREVIEW = "preview"
    TAKEN = "taken"


class Standing(StrEnum):
    """How a listed phone stands. All but `rejected` follow from who has enrolled."""

    EXPECTED = "expected"
    ENROLLED = "enrolled"
    """A phone that claims its id waits for approval."""
    CONFIRMED = "confirmed"
    """A phone that claims its id is trusted."""
    REJECTED = "rejected"


class Flag(StrEnum):
    """What is odd about the id that a phone claims."""

    ALREADY_ENROLLED = "already-enrolled"
    LISTED_FOR_ANOTHER = "listed-for-another"


class Decision(StrEnum):
    """What can be done to many listed phones at once."""

    CONFIRM = "confirm"
    REJECT = "reject"
    RESTORE = "restore"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """One sound line of a file. Hardware ids are normalised; employee and department are as written."""

    number: int
    hardware: Mapping[HardwareKind, str]
    asset_number: str | None
    model: str | None
    employee: str
    department: str


@dataclass(frozen=True, slots=True)
class ListView:
    """A list: how its lines were read, and what is still wrong with some of them."""

    id: str
    name: str
    state: ListState
    admits: bool
    created_by: str
    created_at: datetime
    taken_at: datetime | None
    rows_read: int
    good: int
    known: int
    refusals: tuple[RowRefusal, ...]
    ignored_columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """A line as it would be taken; of hardware ids the last four characters."""

    row: int
    hardware: Mapping[HardwareKind, str]
    asset_number: str | None
    model: str | None
    employee_id: str | None
    department_id: str | None


@dataclass(frozen=True, slots=True)
class ListedPhone:
    """A phone on a list. `hardware`: the last four characters of each id."""

    id: str
    list_id: str
    list_name: str
    hardware: Mapping[HardwareKind, str]
    asset_number: str | None
    model: str | None
    employee_id: str | None
    department_id: str | None
    standing: Standing
    added_at: datetime
    rejected_at: datetime | None
    device_id: str | None
    device_name: str | None
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """What a phone's hardware id amounts to: a claim, compared with list and register."""

    phone_id: str | None = None
    list_name: str | None = None
    asset_number: str | None = None
    model: str | None = None
    employee_id: str | None = None
    department_id: str | None = None
    rejected: bool = False
    admits_by: str | None = None
    """Who took the list, if it lets its phones in."""
    flags: tuple[Flag, ...] = ()

    @property
    def lets_in(self) -> str | None:
        """By whose word the phone needs no approval; None: it does."""
        return None if self.rejected or self.flags else self.admits_by


@dataclass(frozen=True, slots=True)
class Done:
    """How many of the listed phones a decision changed, and how many it could not."""

    done: int
    skipped: int


@dataclass(frozen=True, slots=True)
class RosterFilter:
    """Which listed phones; None means any."""

    standing: Standing | None = None
    list_id: str | None = None
    employee_id: str | None = None
    department_ids: tuple[str, ...] | None = None
    hardware: str | None = field(default=None, repr=False)
    """A whole serial number or IMEI."""
