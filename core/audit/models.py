"""The table of the access log."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Id


class AccessRow(Base):
    """One access. A row is never changed but for `digest_seq`, the ledger entry that covers it.

    `ledger_seq` is set where the access is a ledger entry itself; such a row only repeats it. `amount`: how
    many things it took along, where the entry says so.
    """

    __tablename__ = "core_access_log"
    __table_args__ = (
        Index("ix_core_access_log_actor", "actor_id", "at"),
        Index("ix_core_access_log_customer", "customer_id", "at"),
        Index("ix_core_access_log_undigested", "digest_seq", "ledger_seq"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(64), index=True)
    actor_id: Mapped[str | None] = mapped_column(Id)
    session_id: Mapped[str | None] = mapped_column(Id)
    target_id: Mapped[str | None] = mapped_column(String(64))
    contact_id: Mapped[str | None] = mapped_column(Id)
    customer_id: Mapped[str | None] = mapped_column(Id)
    detail: Mapped[str | None] = mapped_column(String(32))
    amount: Mapped[int | None]
    ledger_seq: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    digest_seq: Mapped[int | None] = mapped_column(BigInteger)
