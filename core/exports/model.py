"""What is chosen for an export, what it holds, and how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.ledger.evidence import Attachment


class ExportState(StrEnum):
    """Where an export is. `lost`: the process that made it died; nothing of it was kept."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which contacts: one, all of a customer, all of a period, or both together. `until` is exclusive."""

    contact_id: str | None = None
    customer_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def empty(self) -> bool:
        return self == Chosen()


@dataclass(frozen=True, slots=True)
class Contents:
    """What a bundle would hold or holds. `erased` recordings are left out: their proofs hold without them."""

    contacts: int
    entries: int
    recordings: int
    bytes: int
    erased: int = 0


@dataclass(frozen=True, slots=True)
class Gathered:
    """The entries to prove, and the files that they name. Attachments are read when they are written."""

    contents: Contents
    seqs: Sequence[int]
    attachments: Sequence[Attachment]


@dataclass(frozen=True, slots=True)
class Export:
    """One export. `done_bytes` of `contents.bytes` are read; `sha256` and `size` are those of the bundle."""

    id: str
    asked_by: str
    asked_at: datetime
    chosen: Chosen
    contents: Contents
    state: ExportState
    done_bytes: int
    fault: str | None
    size: int | None
    sha256: str | None
    checkpoint_size: int | None
    ledger_seq: int | None
    expires_at: datetime

    @property
    def percent(self) -> int:
        """How much is read, at most 99 before it is done."""
        if self.state is ExportState.DONE:
            return 100
        return min(99, 100 * self.done_bytes // self.contents.bytes) if self.contents.bytes else 0
