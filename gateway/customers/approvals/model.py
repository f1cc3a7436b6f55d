"""What is asked for, where a request stands, and what people may see of it: masked, always."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class RequestKind(StrEnum):
    """What is asked for."""

    CHANGE = "change"
    """Another name, number, identity document or external id."""
    ERASURE = "erasure"
    EXPORT = "export"
    """A file with a list of customers."""


class RequestState(StrEnum):
    """Where a request is. `done`: approved and carried out. `stale`: overtaken, so nothing was done."""

    WAITING = "waiting"
    DONE = "done"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    STALE = "stale"


class ErasureGround(StrEnum):
    """Why a customer is erased (PIPL article 47: the first five; the person's wish)."""

    PURPOSE_ENDED = "purpose_ended"
    RETENTION_OVER = "retention_over"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    UNLAWFUL = "unlawful"
    OTHER_LAW = "other_law"
    CUSTOMER_REQUEST = "customer_request"


class SheetFormat(StrEnum):
    """What kind of file."""

    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class ExportWish:
    """Which of the customers within one's reach, and as what."""

    sheet: SheetFormat = SheetFormat.XLSX
    tag: str | None = None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A field before and after, masked. `hidden`: they differ in what the mask covers."""

    field: str
    before: str
    after: str

    @property
    def hidden(self) -> bool:
        return self.before == self.after


@dataclass(frozen=True, slots=True)
class ExportFile:
    """The file of an approved export. `sha256` and `size` are those of what is downloaded, once."""

    rows: int
    size: int
    sha256: str
    until: datetime
    taken_at: datetime | None
    ready: bool


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request as people may see it. Name and phone of the customer are masked as they are now.

    `second_person` is False where the institution had switched the second person off. `may_decide`: the
    reader is somebody else than who asked, with the right to decide, and it waits.
    """

    id: str
    kind: RequestKind
    state: RequestState
    asked_by: str
    asked_by_name: str
    asked_at: datetime
    expires_at: datetime
    second_person: bool
    own: bool
    may_decide: bool
    customer_id: str | None = None
    customer_name: str = ""
    customer_phone: str = ""
    fields: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    ground: ErasureGround | None = None
    wish: ExportWish | None = None
    rows: int | None = None
    file: ExportFile | None = None
    reason: str = field(default="", repr=False)
    decided_by: str | None = None
    decided_by_name: str = ""
    decided_at: datetime | None = None
    note: str = field(default="", repr=False)
