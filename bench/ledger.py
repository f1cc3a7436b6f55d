"""Appends to the ledger a second, against plain inserts of one row into a table like its own.

    .venv/bin/python -m bench.ledger [--quick]

One append a transaction, and ten a transaction; SQLite and PostgreSQL (fsync off on both: SQLite in WAL with
synchronous=NORMAL does not wait for the disk either). The peer inserts the same record bytes and hash into a
table of the same columns and index, through the same engine.
"""

import asyncio

from sqlalchemy import Column, Table, insert
from sqlalchemy import Index as SqlIndex

from bench.databases import Timed, postgres, sqlite, timed
from bench.figure import Figure, Options, Result, alone
from core.clock import SystemClock
from core.db import Base, Database
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.models import EntryRow
from core.ledger.record import make_entry

PLAIN = Table(
    "bench_plain_entries",
    Base.metadata,
    *(
        Column(column.name, column.type, primary_key=column.primary_key, autoincrement=False)
        for column in EntryRow.__table__.columns
    ),
)
SqlIndex("ix_bench_plain_entries_kind", PLAIN.c.kind)


def _body(index: int) -> dict[str, str | int]:
    return {"contact": f"{index:032x}", "employee": new_id(), "decision": "allow", "rule": "caps", "n": index}


async def _appends(database: Database, count: int, batch: int) -> Timed:
    ledger = Ledger(SystemClock())

    async def step(index: int) -> None:
        async with database.begin() as session:
            for place in range(batch):
                await ledger.append(session, "bench.fact", _body(index * batch + place))

    return await timed(count // batch, step)


async def _plain(database: Database, count: int, batch: int, first: int) -> Timed:
    clock = SystemClock()
    entries = [make_entry(first + n, "bench.fact", clock.now(), _body(n)) for n in range(count)]

    async def step(index: int) -> None:
        async with database.begin() as session:
            for entry in entries[index * batch : (index + 1) * batch]:
                await session.execute(
                    insert(PLAIN).values(
                        seq=entry.seq,
                        kind=entry.kind,
                        record=entry.record,
                        leaf_hash=entry.leaf_hash,
                        created_at=entry.at,
                    )
                )

    return await timed(count // batch, step)


async def _on(kind: str, database: Database, count: int) -> list[Figure]:
    figures = []
    for batch in (1, 10):
        ours = await _appends(database, count, batch)
        peer = await _plain(database, count, batch, first=batch * 10_000_000)
        figures.append(
            Figure(
                f"ledger appends, {kind}, {'one' if batch == 1 else 'ten'} a transaction",
                ours.rate * batch,
                "appends/s",
                "plain insert of one row",
                peer.rate * batch,
                f"p99 {ours.ms(99):.1f} ms a transaction; peer {peer.ms(99):.1f} ms",
            )
        )
    return figures


async def _measure(count: int) -> Result:
    async with sqlite() as database:
        figures = await _on("SQLite", database, count)
    async with postgres() as found:
        if found is not None:
            figures += await _on("PostgreSQL", found, count)
    return Result(tuple(figures), "" if len(figures) > 2 else "no PostgreSQL on this machine")


def measure(options: Options) -> Result:
    return asyncio.run(_measure(500 if options.quick else 3000))


if __name__ == "__main__":
    alone(measure, __doc__)
