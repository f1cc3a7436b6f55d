"""Table of nonces: each request of a phone counts once, whichever process it reaches."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class NonceRow(Base):
    """A nonce of one key, kept until its request would be too old anyway."""

    __tablename__ = "dp_nonces"

    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
