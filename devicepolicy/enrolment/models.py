"""Tables of enrolment: tokens that let a phone in once, and what its employee agreed to."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Id


class TokenRow(Base):
    """An invitation for one phone. Only the SHA-256 of the token is kept."""

    __tablename__ = "dp_enrolment_tokens"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    policy_id: Mapped[str | None] = mapped_column(Id)
    approves: Mapped[bool]
    """The phone is trusted at once: who made the token has it in their hand."""
    created_by: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    device_id: Mapped[str | None] = mapped_column(Id)


class ConsentRow(Base):
    """An agreement to one version of the terms, in the language in which it was read. Never deleted."""

    __tablename__ = "dp_consents"
    __table_args__ = (Index("ix_dp_consents_device", "device_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    terms_version: Mapped[str] = mapped_column(String(20))
    terms_sha256: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(2))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
