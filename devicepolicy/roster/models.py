"""Tables of lists of phones: the lists, their phones, and the hardware ids by which these are known again."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import BlindIndexColumn, SealedColumn, words
from core.db import Base, Id
from core.sealed import BlindIndex, Sealed
from devicepolicy.roster.model import HardwareKind, ListState


class DeviceListRow(Base):
    """A list that was brought. `draft` holds its sound lines until it is taken; the file is not kept."""

    __tablename__ = "dp_device_lists"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    state: Mapped[ListState] = mapped_column(words(ListState))
    admits: Mapped[bool]
    """Its phones need no approval when they enrol. Off unless somebody wants it."""
    created_by: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    taken_by: Mapped[str | None] = mapped_column(Id)
    taken_at: Mapped[datetime | None]
    rows_read: Mapped[int]
    good: Mapped[int]
    known: Mapped[int]
    refusals: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    ignored_columns: Mapped[list[int]] = mapped_column(JSON)
    draft: Mapped[Sealed | None] = mapped_column(SealedColumn())


class ListedPhoneRow(Base):
    """A phone of the institution's own, and who is to have it."""

    __tablename__ = "dp_listed_phones"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    list_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_device_lists.id"), index=True)
    asset_number: Mapped[str | None] = mapped_column(String(40))
    model: Mapped[str | None] = mapped_column(String(60))
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    added_at: Mapped[datetime]
    rejected_at: Mapped[datetime | None]
    rejected_by: Mapped[str | None] = mapped_column(Id)


class ListedHardwareRow(Base):
    """One of a listed phone's ids: sealed, and found by the same keyed hash as enrolled phones."""

    __tablename__ = "dp_listed_hardware"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    phone_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_listed_phones.id"), index=True)
    kind: Mapped[HardwareKind] = mapped_column(words(HardwareKind))
    hardware: Mapped[BlindIndex] = mapped_column(BlindIndexColumn(), unique=True)
    value: Mapped[Sealed] = mapped_column(SealedColumn())
