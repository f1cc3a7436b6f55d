"""The entries of a transaction that are not in the database yet: written together, right before its commit.

A transaction that appends ten entries so needs as many statements as one that appends two. Nothing else
changes: the head is locked by the first append, and the entries are written by the same transaction or not at
all. A savepoint could be undone without them, so there are no appends inside one.
"""

from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import CursorResult, Table, bindparam, event, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from core.ledger.merkle import Frontier
from core.ledger.models import Entry, EntryRow, HeadRow, NodeRow

HEAD_ID = 1
MOST = 500
"""How many entries wait at most: a transaction that writes more writes them in between."""
_KEY = "core.ledger.pending"
# Made once and without the ORM: every fact of the house goes through these.
_HEAD = cast("Table", HeadRow.__table__)
_READ_HEAD = select(_HEAD.c.size, _HEAD.c.frontier).where(_HEAD.c.id == HEAD_ID).with_for_update()
_MOVE_HEAD = (
    update(_HEAD)
    .where(_HEAD.c.id == HEAD_ID, _HEAD.c.size == bindparam("old_size"))
    .where(_HEAD.c.frontier == bindparam("old_frontier"))
    .values(size=bindparam("new_size"), frontier=bindparam("new_frontier"))
)
_ADD_ENTRIES = insert(cast("Table", EntryRow.__table__))
_ADD_NODES = insert(cast("Table", NodeRow.__table__))


class HeadMoved(RuntimeError):
    """The head is not where its lock's holder left it: somebody writes the ledger's tables by hand."""


@dataclass(slots=True)
class Seen:
    """The tree's edge as this process saw it last. Others append too: it is a guess, and tried as one."""

    edge: Frontier | None = None


@dataclass(slots=True)
class Pending:
    """What one transaction appended. `head` is what the head's row says, `edge` the tree with all entries."""

    transaction: SessionTransaction
    seen: Seen
    head: Frontier
    edge: Frontier
    entries: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Let an entry wait, with the tree's nodes that it completes."""
        self.edge, completed = self.edge.append(entry.leaf_hash)
        self.entries.append(
            {
                "seq": entry.seq,
                "kind": entry.kind,
                "record": entry.record,
                "leaf_hash": entry.leaf_hash,
                "created_at": entry.at,
            }
        )
        self.nodes.extend(
            {"level": node.level, "position": node.position, "hash": value}
            for node, value in completed.items()
        )


def pending_of(session: AsyncSession) -> Pending | None:
    """Give what this transaction has appended and not written; None before its first append."""
    pending: Pending | None = session.info.get(_KEY)
    return pending if pending is not None and pending.transaction is _transaction(session) else None


def begin_pending(session: AsyncSession, seen: Seen, head: Frontier) -> Pending:
    """Begin to collect on top of `head`; `keep_pending` makes it what this transaction writes."""
    return Pending(_transaction(session), seen, head, head)


def keep_pending(session: AsyncSession, pending: Pending) -> None:
    """Write this before the commit. The transaction holds the lock of the head, which says `pending.head`."""
    session.info[_KEY] = pending


async def move_head(session: AsyncSession, old: Frontier, new: Frontier) -> bool:
    """Lock the head and move it in one statement; False, and nothing done, if it is not at `old`."""
    connection = await session.connection()
    return _moved(await connection.execute(_MOVE_HEAD, _move(old, new)))


async def lock_head(session: AsyncSession) -> Frontier:
    """Take the ledger's lock until the transaction ends, and give the tree's growing edge.

    PostgreSQL locks the row; SQLite's write transaction already excludes every other writer.
    """
    await write_pending(session)
    head = (await session.execute(_READ_HEAD)).one_or_none()
    if head is None:
        dialect = session.get_bind().dialect.name
        first = (postgresql if dialect == "postgresql" else sqlite).insert(HeadRow)
        empty = first.values(id=HEAD_ID, size=0, frontier=b"").on_conflict_do_nothing()
        await session.execute(empty)
        head = (await session.execute(_READ_HEAD)).one()
    return Frontier.load(head.size, head.frontier)


async def write_pending(session: AsyncSession) -> None:
    """Write what waits: before it is read in the same transaction."""
    await session.run_sync(_write)


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    pending: Pending | None = session.info.get(_KEY)
    if pending is None or pending.transaction is not session.get_transaction():
        return
    connection = session.connection()
    if pending.entries:
        connection.execute(_ADD_ENTRIES, pending.entries)
    if pending.nodes:
        connection.execute(_ADD_NODES, pending.nodes)
    if pending.edge != pending.head:
        if not _moved(connection.execute(_MOVE_HEAD, _move(pending.head, pending.edge))):
            raise HeadMoved
        pending.head = pending.edge
    pending.seen.edge = pending.edge
    pending.entries, pending.nodes = [], []


def _transaction(session: AsyncSession) -> SessionTransaction:
    transaction = session.sync_session.get_transaction()
    if transaction is None or session.in_nested_transaction():
        raise RuntimeError("the ledger is appended to in a transaction, outside of its savepoints")
    return transaction


def _move(old: Frontier, new: Frontier) -> dict[str, Any]:
    return {
        "old_size": old.size,
        "old_frontier": old.dump(),
        "new_size": new.size,
        "new_frontier": new.dump(),
    }


def _moved(result: CursorResult[Any]) -> bool:
    return result.rowcount == 1
