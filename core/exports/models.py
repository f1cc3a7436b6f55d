"""The table of exports."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Id


class ExportRow(Base):
    """One export; its bundle is a blob sealed under `key_id` of the institution until `expires_at`."""

    __tablename__ = "core_exports"
    __table_args__ = (Index("ix_core_exports_asked", "asked_by", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    asked_by: Mapped[str] = mapped_column(Id)
    asked_at: Mapped[datetime]
    contact_id: Mapped[str | None] = mapped_column(Id)
    customer_id: Mapped[str | None] = mapped_column(Id)
    since: Mapped[datetime | None]
    until: Mapped[datetime | None]
    contacts: Mapped[int]
    entries: Mapped[int]
    recordings: Mapped[int]
    bytes: Mapped[int] = mapped_column(BigInteger)
    erased: Mapped[int]
    state: Mapped[str] = mapped_column(String(16), index=True)
    done_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    beat_at: Mapped[datetime]
    fault: Mapped[str | None] = mapped_column(String(64))
    key_id: Mapped[str | None] = mapped_column(String(64))
    blob_id: Mapped[str | None] = mapped_column(String(64))
    size: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    checkpoint_size: Mapped[int | None] = mapped_column(BigInteger)
    ledger_seq: Mapped[int | None] = mapped_column(BigInteger)
    expires_at: Mapped[datetime] = mapped_column(index=True)
