"""Tables of whereabouts. Coordinates are sealed under a key of the consent that they rest on."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import SealedColumn, words
from core.db import Base, Id
from core.sealed import Sealed
from devicepolicy.whereabouts.model import ConsentEnd, PhotoState, Purpose, Refusal


class LocationConsentRow(Base):
    """An agreement to the terms on location (PIPL Article 29: a consent of its own). Never deleted.

    `track_key` and `check_in_key` are subjects of their own in the key table: destroying one makes all that
    was collected on the ground of this agreement unreadable.
    """

    __tablename__ = "dp_location_consents"
    __table_args__ = (Index("ix_dp_location_consents_device", "device_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    terms_version: Mapped[str] = mapped_column(String(20))
    terms_sha256: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(2))
    given_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[ConsentEnd | None] = mapped_column(words(ConsentEnd))
    track_key: Mapped[str] = mapped_column(Id)
    check_in_key: Mapped[str] = mapped_column(Id)
    track_erased_at: Mapped[datetime | None]
    check_ins_erased_at: Mapped[datetime | None]


class LocationFixRow(Base):
    """One fix of a track. `key` is a keyed hash of the phone's own id for it, `sha256` of salted content."""

    __tablename__ = "dp_location_fixes"
    __table_args__ = (
        UniqueConstraint("device_id", "key"),
        Index("ix_dp_location_fixes_device", "device_id", "at"),
        Index("ix_dp_location_fixes_consent", "consent_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    consent_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_location_consents.id"))
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id)
    key: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    device_at: Mapped[datetime]
    at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(index=True)
    mock: Mapped[bool]
    too_fast: Mapped[bool]
    """Nobody gets from the fix before to this one in that time."""
    away: Mapped[bool | None]
    """Outside of the permitted places; None: none are named, or the fix is too rough to tell."""
    body: Mapped[Sealed] = mapped_column(SealedColumn)


class LocationRefusalRow(Base):
    """How many fixes of a day were refused, and why; nothing of the fixes themselves."""

    __tablename__ = "dp_location_refusals"

    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    reason: Mapped[Refusal] = mapped_column(words(Refusal), primary_key=True)
    count: Mapped[int]


class CheckInRow(Base):
    """A check-in that an employee made. `body` holds position and salt; the picture is an encrypted blob."""

    __tablename__ = "dp_check_ins"
    __table_args__ = (
        UniqueConstraint("device_id", "key"),
        Index("ix_dp_check_ins_device", "device_id", "id"),
        Index("ix_dp_check_ins_consent", "consent_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    consent_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_location_consents.id"))
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id)
    key: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    device_at: Mapped[datetime]
    at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(index=True)
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    customer_id: Mapped[str | None] = mapped_column(Id, index=True)
    mock: Mapped[bool]
    body: Mapped[Sealed] = mapped_column(SealedColumn)
    photo: Mapped[PhotoState] = mapped_column(words(PhotoState))
    photo_sha256: Mapped[str] = mapped_column(String(64))
    photo_size: Mapped[int]
    media_type: Mapped[str | None] = mapped_column(String(40))
    blob_id: Mapped[str | None] = mapped_column(String(64))
    """The picture, or the one that is being written."""
    completed_at: Mapped[datetime | None]
