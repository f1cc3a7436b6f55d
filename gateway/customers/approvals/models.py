"""Tables of requests: what is asked for is sealed, and what would be written is gone once it is over."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import BlindIndexColumn, SealedColumn, words
from core.db import Base, Id
from core.sealed import BlindIndex, Sealed
from gateway.customers.approvals.model import ErasureGround, RequestKind, RequestState, SheetFormat


class RequestRow(Base):
    """One request. `department_id` is that of who asked.

    What concerns a customer (`reason`, `payload`, `shown`, `note`) is sealed under the customer's key, what
    concerns an export under the institution's. `payload` holds the new values until the request is over,
    `shown` the masked ones before and after. `base` says of which customer, as they were, it was asked.
    """

    __tablename__ = "gw_customer_requests"
    __table_args__ = (Index("ix_gw_customer_requests_state", "state", "expires_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[RequestKind] = mapped_column(words(RequestKind))
    state: Mapped[RequestState] = mapped_column(words(RequestState))
    customer_id: Mapped[str | None] = mapped_column(Id, ForeignKey("gw_customers.id"), index=True)
    asked_by: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id)
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    second_person: Mapped[bool]
    reason: Mapped[Sealed] = mapped_column(SealedColumn)
    fields: Mapped[str | None] = mapped_column(String(64))
    payload: Mapped[Sealed | None] = mapped_column(SealedColumn)
    shown: Mapped[Sealed | None] = mapped_column(SealedColumn)
    base: Mapped[BlindIndex | None] = mapped_column(BlindIndexColumn)
    ground: Mapped[ErasureGround | None] = mapped_column(words(ErasureGround))
    sheet: Mapped[SheetFormat | None] = mapped_column(words(SheetFormat))
    tag: Mapped[str | None] = mapped_column(String(40))
    owner_id: Mapped[str | None] = mapped_column(Id)
    rows: Mapped[int | None]
    decided_by: Mapped[str | None] = mapped_column(Id)
    decided_at: Mapped[datetime | None]
    note: Mapped[Sealed | None] = mapped_column(SealedColumn)


class ExportRow(Base):
    """The file of an approved export: a blob under `key_id` of the institution, for one download."""

    __tablename__ = "gw_customer_exports"

    request_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_customer_requests.id"), primary_key=True)
    rows: Mapped[int]
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    key_id: Mapped[str] = mapped_column(String(64))
    blob_id: Mapped[str | None] = mapped_column(String(64))
    until: Mapped[datetime] = mapped_column(index=True)
    taken_at: Mapped[datetime | None]
