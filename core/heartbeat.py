"""Each process says that it lives and how it is; `/status` and the supervisor read it here."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import JSON, Integer, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import Clock
from core.db import Base, Database
from core.logging import get_logger
from core.tasks import spawn

INTERVAL_S = 2.0
SILENT_AFTER = timedelta(seconds=10)
FORGOTTEN_AFTER = timedelta(minutes=10)
State = str
_log = get_logger(__name__)


class HeartbeatRow(Base):
    """The last sign of life of one process on one node."""

    __tablename__ = "core_heartbeats"

    process: Mapped[str] = mapped_column(String(32), primary_key=True)
    node: Mapped[str] = mapped_column(String(128), primary_key=True)
    pid: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    detail: Mapped[dict[str, str | int | float | bool | None]] = mapped_column(JSON)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class ProcessView:
    """What a process said of itself: `state` is ok, degraded, down or silent."""

    process: str
    node: str
    pid: int
    state: str
    detail: Mapping[str, str | int | float | bool | None]
    started_at: datetime
    seen_at: datetime


Report = tuple[State, dict[str, str | int | float | bool | None]]
ReportSource = Callable[[], Awaitable[Report]]


async def healthy() -> Report:
    """Report of a process that has nothing special to say."""
    return "ok", {}


class Heartbeat:
    """Writes this process's sign of life until it is cancelled."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        process: str,
        node: str,
        report: ReportSource = healthy,
    ) -> None:
        self._database = database
        self._clock = clock
        self._process = process
        self._report = report
        self._node = node
        self._started_at = clock.now()

    async def beat(self) -> None:
        """Write one sign of life."""
        state, detail = await self._report()
        now = self._clock.now()
        async with self._database.begin() as session:
            await session.merge(
                HeartbeatRow(
                    process=self._process,
                    node=self._node,
                    pid=os.getpid(),
                    state=state,
                    detail=detail,
                    started_at=self._started_at,
                    seen_at=now,
                )
            )
            await session.execute(delete(HeartbeatRow).where(HeartbeatRow.seen_at < now - FORGOTTEN_AFTER))

    async def run(self) -> None:
        """Beat for ever; a database that does not answer is told in the log and tried again."""
        while True:
            try:
                await self.beat()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next beat may succeed
                _log.warning("heartbeat.missed", error_type=type(error).__name__)
            await asyncio.sleep(INTERVAL_S)


async def processes(database: Database, clock: Clock) -> list[ProcessView]:
    """List every process that gave a sign of life lately; one that stopped is `silent`."""
    now = clock.now()
    async with database.read() as session:
        rows = await session.scalars(
            select(HeartbeatRow)
            .where(HeartbeatRow.seen_at >= now - FORGOTTEN_AFTER)
            .order_by(HeartbeatRow.process, HeartbeatRow.node)
        )
        return [
            ProcessView(
                row.process,
                row.node,
                row.pid,
                row.state if now - row.seen_at <= SILENT_AFTER else "silent",
                row.detail,
                row.started_at,
                row.seen_at,
            )
            for row in rows
        ]


class HeartbeatReader:
    """Reads the signs of life for many who ask at the same moment: whoever comes while it reads, waits."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._reading: asyncio.Task[list[ProcessView]] | None = None

    async def processes(self) -> list[ProcessView]:
        """List them; never from an earlier reading than the one that is under way."""
        if self._reading is None or self._reading.done():
            self._reading = spawn(processes(self._database, self._clock), name="heartbeat.read")
        return await asyncio.shield(self._reading)  # who gives up waiting does not take it from the others
