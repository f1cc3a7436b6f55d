"""Appends to the ledger in the caller's transaction, one writer at a time."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import NotFound
from core.ledger.models import Entry, EntryRow
from core.ledger.pending import (
    MOST,
    Pending,
    Seen,
    begin_pending,
    keep_pending,
    lock_head,
    move_head,
    pending_of,
    write_pending,
)
from core.ledger.record import JSON, make_entry, read_entry


class EntryUnknown(NotFound):
    """The ledger has no such entry."""

    code = "ledger-entry-unknown"
    zh = "账本中没有这一条。"


class Ledger:
    """The append side: what must be in the books is written with the fact itself, or not at all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = Seen()

    async def append(self, session: AsyncSession, kind: str, body: Mapping[str, JSON]) -> Entry:
        """Write one entry: ids, hashes, counts, times and rule ids, never personal data.

        Holds the ledger's head until the transaction ends, so append late in a transaction. The first entry
        of a transaction costs one or two statements, the others none; all are written before the commit, in
        two or three.

        Raises:
            LedgerBodyInvalid: the body is not JSON, too large, or looks like it has a phone number in it.
        """
        pending = pending_of(session)
        if pending is None:
            return await self._first(session, kind, body)
        if len(pending.entries) >= MOST:
            await write_pending(session)
        return self._add(pending, kind, body)

    async def _first(self, session: AsyncSession, kind: str, body: Mapping[str, JSON]) -> Entry:
        """Lock the head where this process left it, or where others have moved it meanwhile."""
        await session.flush()  # the caller's rows are locked before the head, in every transaction
        guess = self._seen.edge
        if guess is not None:
            pending = begin_pending(session, self._seen, guess)
            entry = self._add(pending, kind, body)
            if await move_head(session, guess, pending.edge):
                pending.head = self._seen.edge = pending.edge
                keep_pending(session, pending)
                return entry
        pending = begin_pending(session, self._seen, await lock_head(session))
        keep_pending(session, pending)
        return self._add(pending, kind, body)

    def _add(self, pending: Pending, kind: str, body: Mapping[str, JSON]) -> Entry:
        entry = make_entry(pending.edge.size, kind, self._clock.now(), body)
        pending.add(entry)
        return entry

    async def entry(self, session: AsyncSession, seq: int) -> Entry:
        """Read one entry.

        Raises:
            EntryUnknown: there is none of this number.
        """
        await write_pending(session)
        record = await session.scalar(select(EntryRow.record).where(EntryRow.seq == seq))
        if record is None:
            raise EntryUnknown
        return read_entry(record)
