"""The database: one engine, write transactions that lock first, and read transactions that do not."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import URL, DateTime, Executable, MetaData, Row, String, event, make_url, text
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

from core.sqlite import OneTripDriver

SQLITE_CONNECTIONS = 15
"""All are kept once opened: each has a thread, and opening one costs more than a dozen statements."""

Id = String(32)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in and out. SQLite keeps no zone, so the zone is dropped on the way in and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Every table of the house hangs here; a table's prefix names its only writer."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own way


class WriteTurn:
    """Lets one task of this process write at a time, in the order in which they came.

    SQLite has one writer, and who waits for it there polls, holds a connection meanwhile, and may be passed
    over until it gives up (`busy_timeout`). Only other processes are left for that.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        if task is not None and task is self._holder:
            raise RuntimeError("a write transaction within another one would wait for itself")
        await self._lock.acquire()
        self._holder = task

    async def __aexit__(self, *_: object) -> None:
        self._holder = None
        self._lock.release()


class Database:
    """An async engine with the two kinds of transaction that the house uses."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"hide_parameters": True}  # an error must not quote what was stored
        if self.is_sqlite:
            options |= {"module": OneTripDriver(), **_kept_connections(self.url)}
        else:
            options["pool_pre_ping"] = True
        self.engine: AsyncEngine = create_async_engine(self.url, **options)
        if self.is_sqlite:
            _prepare_sqlite(self.engine)
        self._alone = self.engine.execution_options(maskline_alone=True)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._turn: AbstractAsyncContextManager[None] = WriteTurn() if self.is_sqlite else nullcontext()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """Open a write transaction; commit at the end, roll back on any error.

        On SQLite the write lock is taken at once (BEGIN IMMEDIATE): a read that later turns into a
        write would fail at once instead of waiting. Those of one process take turns.
        """
        async with self._turn, self._sessions() as session, session.begin():
            if self.is_sqlite:
                await session.connection(execution_options={"maskline_write": True})
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction that only reads."""
        async with self._sessions() as session, session.begin():
            yield session

    async def run(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """Run one statement, a transaction of its own, and give its rows. On SQLite that is one trip."""
        turn = nullcontext() if statement.is_select else self._turn
        async with turn, self._alone.begin() as connection:
            result = await connection.execute(statement, parameters)
            return result.all() if result.returns_rows else ()

    async def check(self) -> None:
        """Raise if the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def analyse(self) -> None:
        """Let SQLite count how its values are spread: without that it reads whole teams to sort them.

        Takes milliseconds whatever the size; connections made later use it. PostgreSQL does it by itself.
        """
        if self.is_sqlite:
            async with self.begin() as session:
                await session.execute(text("PRAGMA analysis_limit=1000"))
                await session.execute(text("ANALYZE"))

    async def close(self) -> None:
        await self.engine.dispose()


def _kept_connections(url: URL) -> dict[str, Any]:
    """Give the size of the pool; a database in memory has one connection."""
    is_file = url.database not in {None, "", ":memory:"}
    return {"pool_size": SQLITE_CONNECTIONS, "max_overflow": 0} if is_file else {}


def _prepare_sqlite(engine: AsyncEngine) -> None:
    """Switch on WAL and foreign keys, and let us say BEGIN ourselves."""

    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "busy_timeout=15000",
            "foreign_keys=ON",
            "secure_delete=ON",  # what is deleted or overwritten is gone from the file
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Any) -> None:
        options = connection.get_execution_options()
        if options.get("maskline_write", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif not options.get("maskline_alone", False):  # a statement alone is a transaction anyway
            connection.connection.dbapi_connection.pending = "BEGIN"
