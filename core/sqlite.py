"""SQLite behind asyncio in one trip a statement: cursor, execution, rows and close go to its thread together.

SQLAlchemy's adapter of aiosqlite makes four trips to the connection's thread for one statement, and each
costs more CPU time than most statements. What it does, it does here too; only the number of trips differs.
"""

# ruff: noqa: SLF001 - an adapter lives in the inside of the one it extends

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import aiosqlite
from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_cursor
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.util.concurrency import await_


class _Done(NamedTuple):
    """What is left of a cursor when its statement has run."""

    rows: Sequence[Any] = ()
    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """Runs a statement to its end; the rows wait here."""

    __slots__ = ("_done",)
    _adapt_connection: "OneTripConnection"

    # Nothing is opened before the statement: the base class would make a trip for it.
    def __init__(self, adapt_connection: "OneTripConnection") -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._rows = deque()
        self._done = _Done()

    @property
    def description(self) -> Any:
        return self._done.description

    @property
    def rowcount(self) -> int:
        return self._done.rowcount

    @property
    def lastrowid(self) -> Any:
        return self._done.lastrowid

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        await self._run(sqlite3.Cursor.execute, operation, () if parameters is None else parameters)

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        await self._run(sqlite3.Cursor.executemany, operation, seq_of_parameters)

    async def _run(self, way: Callable[..., Any], operation: str, parameters: Any) -> None:
        adapted = self._adapt_connection
        async with adapted._execute_mutex:
            first, adapted.pending = adapted.pending, None
            adapted.unsure = True
            self._done = await self._connection._execute(
                _statement, self._connection._conn, first, way, operation, parameters
            )
            adapted.unsure = False
        self._rows = deque(self._done.rows)

    async def _async_soft_close(self) -> None:
        """Do nothing: it was closed behind its last row."""

    def close(self) -> None:
        self._rows.clear()


def _statement(
    connection: sqlite3.Connection,
    first: str | None,
    way: Callable[..., Any],
    operation: str,
    parameters: Any,
) -> _Done:
    """Run a statement, and before it what was put off. Called in the connection's thread."""
    if first is not None:
        connection.execute(first)
    cursor = connection.cursor()
    try:
        way(cursor, operation, parameters)
        rows = cursor.fetchall() if cursor.description else ()
        return _Done(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
    finally:
        cursor.close()


class OneTripConnection(AsyncAdapt_aiosqlite_connection):
    """`pending` runs in front of the next statement, on the same trip.

    `unsure`: a statement failed, or its caller was cancelled and it may still be running.
    """

    __slots__ = ("pending", "unsure")
    _cursor_cls: type[AsyncAdapt_dbapi_cursor] = _Cursor  # type: ignore[assignment]

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.pending: str | None = None
        self.unsure = False

    def cursor(self, server_side: bool = False) -> AsyncAdapt_dbapi_cursor:
        if server_side and self.pending is not None:
            first, self.pending = self.pending, None
            await_(self._connection.execute(first))
        return super().cursor(server_side)

    def commit(self) -> None:
        if self._ends():
            super().commit()

    def rollback(self) -> None:
        if self._ends():
            super().rollback()

    def _ends(self) -> bool:
        """Tell whether there may be a transaction to end; what was put off is dropped with it."""
        self.pending = None
        if self._connection._connection is None:
            return False
        unsure, self.unsure = self.unsure, False
        return unsure or self._connection.in_transaction


class OneTripDriver(AsyncAdapt_aiosqlite_dbapi):
    """What `create_async_engine` takes as `module` for SQLite."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arg: Any, **kw: Any) -> OneTripConnection:
        return OneTripConnection(self, super().connect(*arg, **kw)._connection)
