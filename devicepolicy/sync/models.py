"""Table of desired states: what was wanted of a phone, version by version."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, Id


class DesiredRow(Base):
    """One version of what is wanted of one phone. Written once; gone when the phone goes.

    `document` is `{"state", "policy", "settings": {name: sha256}}`, `sha256` that of its RFC 8785 bytes.
    """

    __tablename__ = "dp_desired"

    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    policy_sha256: Mapped[str] = mapped_column(String(64))
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    cause: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
