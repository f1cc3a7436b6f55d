"""Tables of lines and bindings. The unique indexes are what makes dialling unambiguous."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import words
from core.db import Base, Id
from gateway.contact.model import Purpose
from gateway.numbers.model import LineStatus

_LIVE = text("released_at IS NULL")
_DIRECT = text("released_at IS NULL AND direct_dial")


class LineRow(Base):
    """A number of the institution's own. It is shown to customers and so is no secret."""

    __tablename__ = "gw_lines"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    city: Mapped[str] = mapped_column(String(50))
    status: Mapped[LineStatus] = mapped_column(words(LineStatus))
    owner_name: Mapped[str] = mapped_column(String(100))
    registration: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class BindingRow(Base):
    """Line X ties employee A to customer B. Released ones stay: they are the memory of stickiness.

    While it lives, X leads from B to one A (line, customer), and, where the employee may dial X itself,
    from A to one B (line, employee).
    """

    __tablename__ = "gw_bindings"
    __table_args__ = (
        Index(
            "uq_gw_bindings_inbound",
            "line_id",
            "customer_id",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        Index(
            "uq_gw_bindings_direct",
            "line_id",
            "employee_id",
            unique=True,
            sqlite_where=_DIRECT,
            postgresql_where=_DIRECT,
        ),
        Index(
            "uq_gw_bindings_pair",
            "employee_id",
            "customer_id",
            "purpose",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        UniqueConstraint("created_by", "idempotency_key"),
        Index("ix_gw_bindings_expiry", "released_at", "expires_at"),
        Index("ix_gw_bindings_customer", "customer_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    line_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_lines.id"))
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    customer_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_customers.id"))
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    direct_dial: Mapped[bool]
    idempotency_key: Mapped[str | None] = mapped_column(String(64))
    request_digest: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Id)
    expires_at: Mapped[datetime]
    renewed_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    release_reason: Mapped[str | None] = mapped_column(String(24))
