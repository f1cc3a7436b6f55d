"""Empty databases with all tables, SQLite and PostgreSQL, for one benchmark; and how steps are timed."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import create_engine

from core.db import Database
from maskline.tables import load_metadata
from tests.support.postgres import PostgresMissing, PostgresServer

KINDS = ("SQLite", "PostgreSQL")


@dataclass(frozen=True, slots=True)
class Timed:
    """How long each step took, and all of them together."""

    each_ms: NDArray[np.float64]
    seconds: float

    @property
    def rate(self) -> float:
        return len(self.each_ms) / self.seconds

    def ms(self, percent: float) -> float:
        return float(np.percentile(self.each_ms, percent))


async def timed(count: int, step: Callable[[int], Awaitable[object]], *, at_once: int = 1) -> Timed:
    """Do `count` steps, `at_once` of them at a time; each gets its number."""
    each: list[float] = []
    numbers = iter(range(count))

    async def work() -> None:
        for index in numbers:
            begun = time.perf_counter()
            await step(index)
            each.append((time.perf_counter() - begun) * 1000)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return Timed(np.array(each), time.perf_counter() - begun)


@asynccontextmanager
async def sqlite() -> AsyncIterator[Database]:
    """Give a database in a file of its own, as a deployment has it (WAL)."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "maskline.db"
        engine = create_engine(f"sqlite:///{path}")
        load_metadata().metadata.create_all(engine)
        engine.dispose()
        async with _opened(f"sqlite+aiosqlite:///{path}") as database:
            yield database


@asynccontextmanager
async def postgres() -> AsyncIterator[Database | None]:
    """Give a database of a server that runs as long as the block; None where there is no PostgreSQL.

    The server writes its log to disk but does not wait for the disk (fsync off), as for the tests.
    """
    try:
        server = await asyncio.to_thread(_started)
    except PostgresMissing:
        yield None
        return
    try:
        server.execute("CREATE DATABASE bench")
        engine = create_engine(server.url("bench"))
        load_metadata().metadata.create_all(engine)
        engine.dispose()
        async with _opened(server.url("bench")) as database:
            yield database
    finally:
        await asyncio.to_thread(server.stop)


def _started() -> PostgresServer:
    server = PostgresServer()
    server.start()
    return server


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        await database.check()
        yield database
    finally:
        await database.close()
