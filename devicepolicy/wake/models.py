"""Tables of waking: what was written in the transaction of its reason, and how far a broker was told."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import words
from core.db import Base, Id
from devicepolicy.wake.look import Place


class WakeRow(Base):
    """One wake. `device_id` None: all phones. Kept a day; the newest row always, so that ids only grow."""

    __tablename__ = "dp_wakes"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    device_id: Mapped[str | None] = mapped_column(Id)
    place: Mapped[Place] = mapped_column(words(Place))
    version: Mapped[int] = mapped_column(BigInteger, default=0)
    at: Mapped[datetime] = mapped_column(index=True)


class WakeCursorRow(Base):
    """How far somebody who must not miss one has read."""

    __tablename__ = "dp_wake_cursors"

    reader: Mapped[str] = mapped_column(String(40), primary_key=True)
    wake_id: Mapped[int] = mapped_column(BigInteger)
