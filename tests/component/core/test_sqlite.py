"""SQLite by one trip a statement: what it gives, what it ends, and what it leaves locked (nothing)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiosqlite import Connection
from sqlalchemy import column, insert, select, table, text
from sqlalchemy.exc import IntegrityError, OperationalError

from core.db import SQLITE_CONNECTIONS, Database


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

    elsewhere = Database(file.url.render_as_string(hide_password=False))  # as another process has it
    async with elsewhere.begin() as session:
        await session.execute(text("INSERT INTO t (word) VALUES ('two')"))
        task = asyncio.create_task(wait())  # noqa: TID251
        await waiting.wait()
        while file.engine.pool.checkedout() < 1:  # type: ignore[attr-defined] # noqa: ASYNC110
            await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await elsewhere.close()
    async with asyncio.timeout(60), file.begin() as session:
        await session.execute(text("INSERT INTO t (word) VALUES ('three')"))
    assert await _words(file) == ["one", "two", "three"]


async def test_writers_of_a_process_take_turns_in_their_order(file: Database) -> None:
    done: list[int] = []

    async def write(number: int) -> None:
        async with file.begin() as session:
            await session.execute(text("INSERT INTO t (word) VALUES (:word)"), {"word": f"w{number:02}"})
            done.append(number)

    async with file.begin():
        writing = []
        for number in range(3 * SQLITE_CONNECTIONS):  # more than there are connections
            writing.append(asyncio.ensure_future(write(number)))
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            assert await _words(file) == ["one"], "who waits to write holds no connection"
        assert done == []
    await asyncio.gather(*writing)
    assert done == sorted(done)
    assert len(await _words(file)) == 1 + 3 * SQLITE_CONNECTIONS


async def test_a_single_statement_that_writes_takes_its_turn_and_one_that_reads_does_not(
    file: Database,
) -> None:
    add = insert(table("t", column("word")))
    async with file.begin() as session:
        await session.execute(add.values(word="two"))
        waiting = asyncio.ensure_future(file.run(add.values(word="three")))
        async with asyncio.timeout(60):
            assert len(await file.run(select(column("word")).select_from(table("t")))) == 1
        assert not waiting.done()
    await waiting
    assert await _words(file) == ["one", "two", "three"]


async def test_a_write_transaction_within_another_is_told_at_once(file: Database) -> None:
    with pytest.raises(RuntimeError, match="wait for itself"):
        async with file.begin(), file.begin():
            pass
    async with file.begin() as session:
        await session.execute(text("INSERT INTO t (word) VALUES ('two')"))


async def test_a_writer_that_is_given_up_while_it_waits_leaves_the_turn_to_the_next(file: Database) -> None:
    async def write() -> None:
        async with file.begin() as session:
            await session.execute(text("INSERT INTO t (word) VALUES ('two')"))

    async with file.begin():
        given_up, next_one = asyncio.ensure_future(write()), asyncio.ensure_future(write())
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0)
    await next_one
    assert given_up.cancelled()
    assert await _words(file) == ["one", "two"]
