"""SQLite by one trip a statement: what it gives, what it ends, and what it leaves locked (nothing)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiosqlite import Connection
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from core.db import Database


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Database]:
    """A database in a file, with one table and one row."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}")
    async with database.begin() as session:
        await session.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT UNIQUE)"))
        await session.execute(text("INSERT INTO t (word) VALUES ('one')"))
    yield database
    await database.close()


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was sent to the connections' threads."""
    seen: list[str] = []
    real = Connection._execute

    async def counted(self: Connection, fn: object, *args: object, **kwargs: object) -> object:
        seen.append(getattr(fn, "__name__", str(fn)))
        return await real(self, fn, *args, **kwargs)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(Connection, "_execute", counted)
    return seen


async def _words(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(text("SELECT word FROM t ORDER BY id")))


async def test_a_statement_is_one_trip(file: Database, trips: list[str]) -> None:
    assert await _words(file) == ["one"]
    assert trips == ["_statement", "commit"]
    trips.clear()
    async with file.begin() as session:
        await session.execute(text("INSERT INTO t (word) VALUES ('two')"))
    assert trips == ["_statement", "_statement", "commit"]


async def test_a_transaction_without_a_statement_makes_no_trip(file: Database, trips: list[str]) -> None:
    async with file.read() as session:
        await session.connection()
    assert trips == []


async def test_reading_sees_one_state_from_its_first_statement_on(file: Database) -> None:
    async with file.read() as reading:
        assert await reading.scalar(text("SELECT count(*) FROM t")) == 1
        async with file.begin() as session:
            await session.execute(text("INSERT INTO t (word) VALUES ('two')"))
        assert await reading.scalar(text("SELECT count(*) FROM t")) == 1
    assert await _words(file) == ["one", "two"]


async def test_rows_counts_and_keys_are_told(file: Database) -> None:
    async with file.begin() as session:
        several = [{"word": "two"}, {"word": "three"}]
        await session.execute(text("INSERT INTO t (word) VALUES (:word)"), several)
        connection = await session.connection()
        made = await connection.exec_driver_sql("INSERT INTO t (word) VALUES (?)", ("four",))
        assert made.lastrowid == 4
        changed = await connection.exec_driver_sql("UPDATE t SET word = word || '!' WHERE id > 2")
        assert changed.rowcount == 2
        rows = (await session.execute(text("SELECT id, word FROM t ORDER BY id"))).mappings().all()
    assert [dict(row) for row in rows][2:] == [{"id": 3, "word": "three!"}, {"id": 4, "word": "four!"}]


async def test_a_stream_begins_its_transaction(file: Database) -> None:
    async with file.read() as session:
        found = await session.stream(text("SELECT word FROM t"))
        assert [word async for (word,) in found] == ["one"]
        driver = await (await session.connection()).get_raw_connection()
        assert driver.driver_connection is not None
        assert driver.driver_connection.in_transaction


async def test_what_failed_is_rolled_back(file: Database) -> None:
    async def write(*words: str) -> None:
        async with file.begin() as session:
            for word in words:
                await session.execute(text("INSERT INTO t (word) VALUES (:word)"), {"word": word})

    async def misread() -> None:
        async with file.read() as session:
            await session.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(IntegrityError):
        await write("two", "one")
    with pytest.raises(OperationalError):
        await misread()
    assert await _words(file) == ["one"]


async def test_whoever_is_cancelled_while_waiting_for_the_lock_leaves_none(file: Database) -> None:
    waiting = asyncio.Event()

    async def wait() -> None:
        waiting.set()
        async with file.begin():
            raise AssertionError("the lock was free")

    async with file.begin() as session:
        await session.execute(text("INSERT INTO t (word) VALUES ('two')"))
        task = asyncio.create_task(wait())  # noqa: TID251
        await waiting.wait()
        while file.engine.pool.checkedout() < 2:  # type: ignore[attr-defined] # noqa: ASYNC110
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(60), file.begin() as session:
        await session.execute(text("INSERT INTO t (word) VALUES ('three')"))
    assert await _words(file) == ["one", "two", "three"]
