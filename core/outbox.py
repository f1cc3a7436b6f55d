"""The outbox: a message is written in the caller's transaction and lives until its consumer says done.

A row is published to the broker by the relay, again and again with growing pauses, until the
consumer acknowledges it *in the transaction of its effect*. So nothing depends on what the broker
remembers when a process dies. Delivery is at least once; a lease keeps two workers from doing the
same long work at the same time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    JSON,
    Index,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    func,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from core.clock import Clock
from core.db import Base, Id
from core.ids import new_id

LEASE_S = 30
PAUSES_S = (5, 15, 30, 60, 300, 900)
MAX_ATTEMPTS = 12
LONGEST_WAIT_S = 300
"""What nobody has taken for that long is published this seldom: see `_pause`."""


class OutboxRow(Base):
    """One message. `done_at` is set by the consumer, `dead_at` when the tries are used up."""

    __tablename__ = "core_outbox"
    __table_args__ = (
        UniqueConstraint("topic", "key"),
        Index("ix_core_outbox_due", "done_at", "dead_at", "due_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    topic: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(128))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0)
    leased_by: Mapped[str | None] = mapped_column(String(64))
    leased_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(String(200))


# Made once and without the ORM: every message of the house goes through these.
_TABLE = cast("Table", OutboxRow.__table__)
_PUT = {
    name: insert(_TABLE).on_conflict_do_nothing(index_elements=["topic", "key"]).returning(_TABLE.c.id)
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}
_KNOWN = select(_TABLE.c.id).where(_TABLE.c.topic == bindparam("topic"), _TABLE.c.key == bindparam("key"))
_OPEN = (
    select(_TABLE.c.id, _TABLE.c.topic, _TABLE.c.payload, _TABLE.c.attempts, _TABLE.c.leased_until)
    .where(_TABLE.c.id.in_(bindparam("ids", expanding=True)))
    .where(_TABLE.c.done_at.is_(None), _TABLE.c.dead_at.is_(None))
    .order_by(_TABLE.c.id)
    .with_for_update()
)
_WHICH = update(_TABLE).where(_TABLE.c.id.in_(bindparam("ids", expanding=True)))
_LEASE = _WHICH.values(
    attempts=_TABLE.c.attempts + 1, leased_by=bindparam("worker"), leased_until=bindparam("until")
)
_GIVE_UP = _WHICH.values(attempts=_TABLE.c.attempts + 1, dead_at=bindparam("now"))
_PUT_OFF = _WHICH.values(due_at=bindparam("due"))
_ACK = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("outbox_id"), _TABLE.c.done_at.is_(None))
    .values(done_at=bindparam("now"), leased_until=null(), last_error=null())
    .returning(_TABLE.c.id)
)


@dataclass(frozen=True, slots=True)
class Message:
    """What a consumer gets: ids only, never personal data."""

    outbox_id: str
    topic: str
    payload: Mapping[str, Any]
    attempts: int


class Outbox:
    """Writes, hands out and closes messages."""

    def __init__(self, clock: Clock, *, lease_s: float = LEASE_S) -> None:
        """`lease_s`: how long a worker that died keeps others from its message."""
        self._clock = clock
        self.lease_s = lease_s

    async def put(
        self, session: AsyncSession, topic: str, payload: Mapping[str, Any], *, key: str | None = None
    ) -> str:
        """Write a message. A second one with the same topic and key is the same message."""
        outbox_id, now = new_id(), self._clock.now()
        values = {
            "id": outbox_id,
            "topic": topic,
            "key": key or outbox_id,
            "payload": dict(payload),
            "created_at": now,
            "due_at": now,
            "attempts": 0,
        }
        written = await session.scalar(_PUT[session.get_bind().dialect.name], values)
        if written is None:
            written = (await session.execute(_KNOWN, {"topic": topic, "key": key})).scalar_one()
        return str(written)

    async def take_due(
        self, session: AsyncSession, limit: int = 100, *, but: Collection[str] = ()
    ) -> list[Message]:
        """Pick what is due to be published and put off its next publication.

        `but`: topics that go another way than the broker; their consumers look into the table themselves.
        """
        now = self._clock.now()
        rows = await session.scalars(
            select(OutboxRow)
            .where(
                OutboxRow.done_at.is_(None),
                OutboxRow.dead_at.is_(None),
                OutboxRow.due_at <= now,
                OutboxRow.topic.not_in(list(but)),
                or_(OutboxRow.leased_until.is_(None), OutboxRow.leased_until < now),
            )
            .order_by(OutboxRow.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        messages = []
        for row in rows:
            row.due_at = now + _pause(row, now)
            messages.append(Message(row.id, row.topic, row.payload, row.attempts))
        return messages

    async def claim(
        self, session: AsyncSession, outbox_id: str, worker: str, *, topics: Collection[str] | None = None
    ) -> Message | None:
        """Lease a message to `worker`; None if it is done, dead or in other hands. See `claim_many`."""
        claimed = await self.claim_many(session, (outbox_id,), worker, topics=topics)
        return claimed[0] if claimed else None

    async def claim_many(
        self,
        session: AsyncSession,
        outbox_ids: Collection[str],
        worker: str,
        *,
        topics: Collection[str] | None = None,
    ) -> list[Message]:
        """Lease messages to `worker` in at most four statements; who is done, dead or leased is left out.

        A lease that ran out means that a worker died: that costs an attempt. One of another topic than
        `topics` is put off and costs none: a newer or older release knows what to do with it.
        """
        now = self._clock.now()
        rows = (await session.execute(_OPEN, {"ids": list(outbox_ids)})).all()
        strange = [row.id for row in rows if topics is not None and row.topic not in topics]
        free = [
            row
            for row in rows
            if row.id not in strange and (row.leased_until is None or row.leased_until < now)
        ]
        spent = [row.id for row in free if row.attempts >= MAX_ATTEMPTS]
        claimed = [
            Message(row.id, row.topic, row.payload, row.attempts + 1)
            for row in free
            if row.attempts < MAX_ATTEMPTS
        ]
        if strange:
            await session.execute(_PUT_OFF, {"ids": strange, "due": now + timedelta(seconds=PAUSES_S[-1])})
        if spent:
            await session.execute(_GIVE_UP, {"ids": spent, "now": now})
        if claimed:
            until = now + timedelta(seconds=self.lease_s)
            ids = [message.outbox_id for message in claimed]
            await session.execute(_LEASE, {"ids": ids, "worker": worker, "until": until})
        return claimed

    async def renew(self, session: AsyncSession, outbox_id: str, worker: str) -> bool:
        """Prolong a lease; False if it is no longer this worker's."""
        now = self._clock.now()
        renewed = await session.scalar(
            update(OutboxRow)
            .where(OutboxRow.id == outbox_id, OutboxRow.leased_by == worker, OutboxRow.done_at.is_(None))
            .values(leased_until=now + timedelta(seconds=self.lease_s))
            .returning(OutboxRow.id)
        )
        return renewed is not None

    async def ack(self, session: AsyncSession, outbox_id: str) -> bool:
        """Close a message in the transaction of its effect; False if somebody else already did."""
        closed = await session.scalar(_ACK, {"outbox_id": outbox_id, "now": self._clock.now()})
        return closed is not None

    async def fail(self, session: AsyncSession, outbox_id: str, error: BaseException) -> None:
        """Give a message back after an error; only the error's type is kept, its text may be personal."""
        row = await session.get(OutboxRow, outbox_id, with_for_update=True)
        if row is None or row.done_at:
            return
        now = self._clock.now()
        row.last_error = type(error).__name__
        row.leased_until = None
        if row.attempts >= MAX_ATTEMPTS:
            row.dead_at = now
        else:
            row.due_at = now + timedelta(seconds=PAUSES_S[min(row.attempts - 1, len(PAUSES_S) - 1)])


def _pause(row: OutboxRow, now: datetime) -> timedelta:
    """Give how long to wait before a message is published once more: as long as it has waited already.

    Workers that fall behind must not be given more and more copies of what they have not come to yet: each
    costs them a look, and they would fall behind for good.
    """
    by_attempts = timedelta(seconds=PAUSES_S[min(row.attempts, len(PAUSES_S) - 1)])
    return max(by_attempts, min(now - row.created_at, timedelta(seconds=LONGEST_WAIT_S)))


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: `waiting` messages since `oldest` (None: nothing), and `dead` ones that were given up."""

    waiting: int
    oldest: datetime | None
    dead: int


async def backlog(session: AsyncSession) -> Backlog:
    """Count what the outbox still holds."""
    waiting = (OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None))
    query = select(func.count(), func.min(OutboxRow.created_at)).where(*waiting)
    count, oldest = (await session.execute(query)).one()
    dead = (
        select(func.count())
        .select_from(OutboxRow)
        .where(OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_not(None))
    )
    return Backlog(count, oldest, await session.scalar(dead) or 0)


async def revive(session: AsyncSession, now: datetime) -> int:
    """Hand out again, from now on, what was given up; gives how many."""
    result = await session.execute(
        update(OutboxRow)
        .where(OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_not(None))
        .values(dead_at=None, attempts=0, due_at=now)
        .returning(OutboxRow.id)
    )
    return len(result.all())
