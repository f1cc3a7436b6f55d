"""Tables of unusual access: what was found, and how far the access log has been judged."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Id


class UnusualRow(Base):
    """One finding. It grows as long as its alert is not closed. `most` is the limit that held."""

    __tablename__ = "core_unusual_access"
    __table_args__ = (Index("ix_core_unusual_access_person", "employee_id", "rule_id", "until"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    rule_id: Mapped[str] = mapped_column(String(24))
    rules_version: Mapped[str] = mapped_column(String(32))
    employee_id: Mapped[str] = mapped_column(Id)
    other_id: Mapped[str | None] = mapped_column(Id)
    since: Mapped[datetime]
    until: Mapped[datetime]
    seen: Mapped[int]
    most: Mapped[int]
    window_s: Mapped[int]
    usual: Mapped[int | None]
    told_seen: Mapped[int]
    """How many the last entry in the ledger told of."""
    found_at: Mapped[datetime]


class JudgedRow(Base):
    """How far the access log has been judged: the last line, and since when this is done at all."""

    __tablename__ = "core_unusual_judged"

    name: Mapped[str] = mapped_column(String(16), primary_key=True)
    line_id: Mapped[str] = mapped_column(Id)
    began_at: Mapped[datetime]
