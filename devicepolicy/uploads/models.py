"""Tables of uploads: append-only evidence. A deletion on the phone is a mark, never a deletion here."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import BlindIndexColumn, SealedColumn, words
from core.db import Base, Id
from core.sealed import BlindIndex, Sealed
from devicepolicy.uploads.model import (
    ConductActKind,
    EventKind,
    FileDeed,
    RecordingState,
    RecordKind,
    Severity,
)


class UploadRecordRow(Base):
    """One call, text message or chat message of a phone, as it was sent.

    `key` is a keyed hash of the phone's own id for it, `sha256` that of the salted content: it tells nothing
    of the number. `body` is sealed under the customer's key, under the institution's for a stranger.
    `device_at` is what the phone's clock said, `at` the same by ours, `received_at` when it came.
    """

    __tablename__ = "dp_upload_records"
    __table_args__ = (
        UniqueConstraint("device_id", "key", "sha256"),
        Index("ix_dp_upload_records_device", "device_id", "id"),
        Index("ix_dp_upload_records_counterpart", "device_id", "counterpart"),
        Index("ix_dp_upload_records_kind", "kind", "at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    kind: Mapped[RecordKind] = mapped_column(words(RecordKind))
    key: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    seq: Mapped[int] = mapped_column(BigInteger)
    device_at: Mapped[datetime]
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    outside_hours: Mapped[bool]
    outgoing: Mapped[bool]
    duration_s: Mapped[int | None]
    deed: Mapped[FileDeed | None] = mapped_column(words(FileDeed))
    """Of a file: what was done with it."""
    customer_id: Mapped[str | None] = mapped_column(Id, index=True)
    counterpart: Mapped[BlindIndex | None] = mapped_column(BlindIndexColumn)
    body: Mapped[Sealed] = mapped_column(SealedColumn)
    contradicts: Mapped[str | None] = mapped_column(Id)
    """The record that came first under the same id."""
    recording_due_at: Mapped[datetime | None] = mapped_column(index=True)
    """When a call's recording must be here; None: none is asked for, it came, or somebody was told."""
    deleted_at: Mapped[datetime | None]
    """When it was deleted on the phone."""
    deleted_by: Mapped[str | None] = mapped_column(Id)
    """The event that told so."""
    handed_on_at: Mapped[datetime | None]
    message_id: Mapped[str | None] = mapped_column(Id)
    """What the archive made of it, where it is inspected."""


class UploadEventRow(Base):
    """One conduct event of a phone. Times and hashes as in `UploadRecordRow`."""

    __tablename__ = "dp_upload_events"
    __table_args__ = (
        UniqueConstraint("device_id", "key", "sha256"),
        Index("ix_dp_upload_events_device", "device_id", "id"),
        Index("ix_dp_upload_events_open", "handled_at", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    kind: Mapped[EventKind] = mapped_column(words(EventKind))
    severity: Mapped[Severity] = mapped_column(words(Severity))
    catalogue_version: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    seq: Mapped[int] = mapped_column(BigInteger)
    device_at: Mapped[datetime]
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    outside_hours: Mapped[bool]
    customer_id: Mapped[str | None] = mapped_column(Id, index=True)
    body: Mapped[Sealed] = mapped_column(SealedColumn)
    contradicts: Mapped[str | None] = mapped_column(Id)
    amount_fen: Mapped[int | None] = mapped_column(BigInteger)
    """Of red packets and transfers: hundredths of a yuan (CNY), as the phone stated it."""
    outgoing: Mapped[bool | None]
    """The employee sent it; None: the phone did not say, or it has no direction."""
    marked: Mapped[int] = mapped_column(default=0)
    """How many records it marked as deleted."""
    conduct_id: Mapped[str | None] = mapped_column(Id)
    """What the sink made of it: the alert hangs there."""
    handled_at: Mapped[datetime | None]
    handled_by: Mapped[str | None] = mapped_column(Id)
    handled_in: Mapped[str | None] = mapped_column(Id)
    """The batch of acts by which it was handled; None: nobody has, or it was opened again."""
    ledger_seq: Mapped[int | None] = mapped_column(BigInteger)
    """The entry of the ledger that holds its hash."""


class ConductActRow(Base):
    """What somebody did about a conduct event. Append-only; `batch_id` is what was done in one go.

    `note` is sealed under the key of `customer_id`, under the institution's where that is None.
    """

    __tablename__ = "dp_conduct_acts"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    event_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_upload_events.id"), index=True)
    batch_id: Mapped[str] = mapped_column(Id, index=True)
    kind: Mapped[ConductActKind] = mapped_column(words(ConductActKind))
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Id)
    customer_id: Mapped[str | None] = mapped_column(Id)
    note: Mapped[Sealed | None] = mapped_column(SealedColumn)
    ledger_seq: Mapped[int] = mapped_column(BigInteger)


class UploadDeletionRow(Base):
    """What an event says is gone from the phone: one record, or all with somebody. Records may come later."""

    __tablename__ = "dp_upload_deletions"
    __table_args__ = (
        Index("ix_dp_upload_deletions_key", "device_id", "key"),
        Index("ix_dp_upload_deletions_counterpart", "device_id", "counterpart"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    event_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_upload_events.id"))
    key: Mapped[str | None] = mapped_column(String(64))
    counterpart: Mapped[BlindIndex | None] = mapped_column(BlindIndexColumn)
    customer_id: Mapped[str | None] = mapped_column(Id, index=True)
    at: Mapped[datetime]


class UploadMarkRow(Base):
    """The highest number that came from a phone."""

    __tablename__ = "dp_upload_marks"

    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"), primary_key=True)
    seen_to: Mapped[int] = mapped_column(BigInteger)


class UploadGapRow(Base):
    """Numbers of a phone that did not come, `first` to `last`. Parted where some of them come late."""

    __tablename__ = "dp_upload_gaps"
    __table_args__ = (Index("ix_dp_upload_gaps_device", "device_id", "first"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    first: Mapped[int] = mapped_column(BigInteger)
    last: Mapped[int] = mapped_column(BigInteger)
    found_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    conduct_id: Mapped[str | None] = mapped_column(Id)
    filled_at: Mapped[datetime | None]


class UploadRecordingRow(Base):
    """A recording of a SIM call: announced with its hash, sent in pieces, whole when the hash is right.

    `blob_id` is the whole, or the one that is being put together. The key comes from the customer's cipher,
    or from the institution's under `key_id`.
    """

    __tablename__ = "dp_upload_recordings"
    __table_args__ = (
        UniqueConstraint("device_id", "key", "sha256"),
        Index("ix_dp_upload_recordings_device", "device_id", "id"),
        Index("ix_dp_upload_recordings_open", "state", "touched_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    key: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(40))
    duration_s: Mapped[int]
    outgoing: Mapped[bool]
    call_key: Mapped[str | None] = mapped_column(String(64))
    customer_id: Mapped[str | None] = mapped_column(Id, index=True)
    counterpart: Mapped[BlindIndex | None] = mapped_column(BlindIndexColumn)
    body: Mapped[Sealed] = mapped_column(SealedColumn)
    key_id: Mapped[str | None] = mapped_column(String(16))
    device_at: Mapped[datetime]
    at: Mapped[datetime]
    announced_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    outside_hours: Mapped[bool]
    state: Mapped[RecordingState] = mapped_column(words(RecordingState))
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(default=0)
    """How often all of it came and the hash was wrong."""
    contradicts: Mapped[str | None] = mapped_column(Id)
    blob_id: Mapped[str | None] = mapped_column(String(64))
    completed_at: Mapped[datetime | None]
    handed_on_at: Mapped[datetime | None]
    message_id: Mapped[str | None] = mapped_column(Id)


class UploadPieceRow(Base):
    """A piece of a recording in a blob of its own. Written down before the blob: none is forgotten."""

    __tablename__ = "dp_upload_pieces"
    __table_args__ = (Index("ix_dp_upload_pieces_recording", "recording_id", "offset"),)

    blob_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    recording_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_upload_recordings.id"))
    offset: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int]
    kept: Mapped[bool]
    """False until its bytes are on disk and counted."""
    created_at: Mapped[datetime]
