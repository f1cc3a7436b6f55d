"""Appends to the ledger in the caller's transaction, one writer at a time."""

from collections.abc import Mapping
from typing import cast

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import NotFound
from core.ledger.merkle import Frontier
from core.ledger.models import Entry, EntryRow, HeadRow, NodeRow
from core.ledger.record import JSON, make_entry, read_entry

HEAD_ID = 1
# Made once and without the ORM: every fact of the house goes through these four.
_HEAD = cast("Table", HeadRow.__table__)
_READ_HEAD = select(_HEAD.c.size, _HEAD.c.frontier).where(_HEAD.c.id == HEAD_ID).with_for_update()
_MOVE_HEAD = update(_HEAD).where(_HEAD.c.id == HEAD_ID)
_MOVE_HEAD = _MOVE_HEAD.values(size=bindparam("new_size"), frontier=bindparam("new_frontier"))
_ADD_ENTRY = insert(cast("Table", EntryRow.__table__))
_ADD_NODES = insert(cast("Table", NodeRow.__table__))


class EntryUnknown(NotFound):
    """The ledger has no such entry."""

    code = "ledger-entry-unknown"
    zh = "账本中没有这一条。"


class Ledger:
    """The append side: what must be in the books is written with the fact itself, or not at all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def append(self, session: AsyncSession, kind: str, body: Mapping[str, JSON]) -> Entry:
        """Write one entry: ids, hashes, counts, times and rule ids, never personal data.

        Holds the ledger's head until the transaction ends, so append late in a transaction. At most
        four statements.

        Raises:
            LedgerBodyInvalid: the body is not JSON, too large, or looks like it has a phone number in it.
        """
        edge = await lock_head(session)
        entry = make_entry(edge.size, kind, self._clock.now(), body)
        edge, completed = edge.append(entry.leaf_hash)
        await session.execute(
            _ADD_ENTRY,
            {
                "seq": entry.seq,
                "kind": entry.kind,
                "record": entry.record,
                "leaf_hash": entry.leaf_hash,
                "created_at": entry.at,
            },
        )
        if completed:
            nodes = [
                {"level": node.level, "position": node.position, "hash": value}
                for node, value in completed.items()
            ]
            await session.execute(_ADD_NODES, nodes)
        await session.execute(_MOVE_HEAD, {"new_size": edge.size, "new_frontier": edge.dump()})
        return entry

    async def entry(self, session: AsyncSession, seq: int) -> Entry:
        """Read one entry.

        Raises:
            EntryUnknown: there is none of this number.
        """
        record = await session.scalar(select(EntryRow.record).where(EntryRow.seq == seq))
        if record is None:
            raise EntryUnknown
        return read_entry(record)


async def lock_head(session: AsyncSession) -> Frontier:
    """Take the ledger's lock until the transaction ends, and give the tree's growing edge.

    PostgreSQL locks the row; SQLite's write transaction already excludes every other writer.
    """
    await session.flush()  # the caller's rows are locked before the head, in every transaction
    head = (await session.execute(_READ_HEAD)).one_or_none()
    if head is None:
        dialect = session.get_bind().dialect.name
        first = (postgresql if dialect == "postgresql" else sqlite).insert(HeadRow)
        empty = first.values(id=HEAD_ID, size=0, frontier=b"").on_conflict_do_nothing()
        await session.execute(empty)
        head = (await session.execute(_READ_HEAD)).one()
    return Frontier.load(head.size, head.frontier)
