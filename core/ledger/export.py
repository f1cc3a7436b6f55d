"""Puts the whole ledger into JSON lines, for an auditor who checks it away from this server."""

import json
from collections.abc import AsyncIterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.ledger.models import CheckpointRow, EntryRow, TimestampRow
from core.ledger.notes import LedgerVerifier

FORMAT = "maskline-ledger/1"
BATCH = 1000


async def export_lines(database: Database, verifier: LedgerVerifier) -> AsyncIterator[str]:
    r"""Yield the ledger line by line: one `ledger`, then every `entry`, `checkpoint`, `timestamp`.

    PostgreSQL gives the same without our code:
    `psql -At -c "SELECT json_build_object('type','entry','seq',seq,'kind',kind,'record',
    encode(record,'hex'),'leaf_hash',encode(leaf_hash,'hex'),'created_at',created_at) FROM
    core_ledger_entries ORDER BY seq"`, `('type','checkpoint','note',note)` of core_ledger_checkpoints, and
    `('type','timestamp','size',size,'reply',encode(reply,'hex'))` of core_ledger_timestamps.
    """
    yield _line(type="ledger", format=FORMAT, origin=verifier.origin, public_key=verifier.vkey)
    last = -1
    while True:
        async with database.read() as session:
            lines, last = await _entries(session, last)
        if not lines:
            break
        for line in lines:
            yield line
    async with database.read() as session:
        notes = (await session.scalars(select(CheckpointRow.note).order_by(CheckpointRow.size))).all()
        stamps = (await session.execute(select(TimestampRow.size, TimestampRow.reply))).all()
    for note in notes:
        yield _line(type="checkpoint", note=note)
    for size, reply in stamps:
        yield _line(type="timestamp", size=size, reply=reply.hex())


async def _entries(session: AsyncSession, last: int) -> tuple[list[str], int]:
    found = await session.execute(
        select(EntryRow.seq, EntryRow.kind, EntryRow.record, EntryRow.leaf_hash, EntryRow.created_at)
        .where(EntryRow.seq > last)
        .order_by(EntryRow.seq)
        .limit(BATCH)
    )
    rows = found.all()
    return [_entry(*row) for row in rows], rows[-1][0] if rows else last


def _entry(seq: int, kind: str, record: bytes, leaf: bytes, created_at: datetime) -> str:
    return _line(
        type="entry",
        seq=seq,
        kind=kind,
        record=record.hex(),
        leaf_hash=leaf.hex(),
        created_at=created_at.isoformat(),
    )


def _line(**fields: object) -> str:
    return json.dumps(fields, ensure_ascii=False) + "\n"
