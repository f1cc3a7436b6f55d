"""Lists the ledger's entries, the newest first, by kind and time."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger.models import Entry, EntryRow
from core.ledger.record import read_entry
from core.web.paging import CursorInvalid, decode_cursor, encode_cursor


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which entries are wanted; None means any. `until` is exclusive."""

    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None


async def entry_page(
    session: AsyncSession, wanted: LedgerFilter, *, cursor: str | None, limit: int
) -> tuple[list[Entry], str | None]:
    """Give one page of entries and the next cursor; raise `CursorInvalid`."""
    query = select(EntryRow.seq, EntryRow.record).order_by(EntryRow.seq.desc()).limit(limit + 1)
    if cursor is not None:
        query = query.where(EntryRow.seq < _seq(cursor))
    if wanted.kind is not None:
        query = query.where(EntryRow.kind == wanted.kind)
    if wanted.since is not None:
        query = query.where(EntryRow.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(EntryRow.created_at < wanted.until)
    rows = (await session.execute(query)).all()
    found = [read_entry(record) for _, record in rows[:limit]]
    return found, encode_cursor(str(rows[limit - 1].seq)) if len(rows) > limit else None


async def entry_kinds(session: AsyncSession) -> tuple[str, ...]:
    """Give every kind that there is, sorted."""
    return tuple(sorted(await session.scalars(select(EntryRow.kind).distinct())))


def _seq(cursor: str) -> int:
    (text,) = decode_cursor(cursor, 1)
    if not text.isdecimal() or len(text) > 18:
        raise CursorInvalid
    return int(text)
