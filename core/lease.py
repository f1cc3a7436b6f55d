"""A named lease in the database: of several processes that could do a job, one does it."""

from datetime import datetime, timedelta

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import Clock
from core.db import Base, Database


class LeaseRow(Base):
    """Who holds a job, and until when."""

    __tablename__ = "core_leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime]


class Lease:
    """Taken and renewed by the same call; lost by silence."""

    def __init__(self, database: Database, clock: Clock, name: str, owner: str, *, ttl_s: float = 10) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._owner = owner
        self._ttl = timedelta(seconds=ttl_s)

    async def hold(self) -> bool:
        """Take or renew the lease; False while somebody else holds it."""
        async with self._database.begin() as session:
            now = self._clock.now()
            row = await session.get(LeaseRow, self._name, with_for_update=True)
            if row is None:
                session.add(LeaseRow(name=self._name, owner=self._owner, until=now + self._ttl))
                return True
            if row.owner != self._owner and row.until > now:
                return False
            row.owner = self._owner
            row.until = now + self._ttl
            return True

    async def release(self) -> None:
        """Give the lease back, so that the next one need not wait."""
        async with self._database.begin() as session:
            row = await session.get(LeaseRow, self._name, with_for_update=True)
            if row is not None and row.owner == self._owner:
                await session.delete(row)
