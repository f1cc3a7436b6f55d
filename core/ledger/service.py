"""The ledger's use cases: signing checkpoints, proofs, reading entries, and checking the whole ledger."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.errors import Unavailable
from core.ledger.audit import Report, audit
from core.ledger.checkpoint_log import CheckpointLog
from core.ledger.ledger import Ledger
from core.ledger.merkle import Frontier, leaf_hash
from core.ledger.models import CheckpointRow, Entry, EntryRow
from core.ledger.notes import Checkpoint, LedgerSigner
from core.ledger.pending import lock_head
from core.ledger.reading import LedgerFilter, entry_kinds, entry_page
from core.ledger.record import JSON
from core.ledger.tree import Tree

BATCH = 1000


class LedgerRolledBack(Unavailable):
    """The database contradicts a checkpoint that was already signed; nothing more is signed."""

    code = "ledger-rolled-back"
    zh = "数据库与已签署的检查点不符，停止签署。"


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Entry `seq` is in the tree of `size` entries with the root hash `root`."""

    entry: Entry
    size: int
    root: bytes
    hashes: tuple[bytes, ...]


class LedgerService:
    """Everything about the ledger that opens its own transaction."""

    def __init__(
        self, *, database: Database, clock: Clock, signer: LedgerSigner, checkpoint_log: Path
    ) -> None:
        self._database = database
        self._clock = clock
        self._signer = signer
        self._ledger = Ledger(clock)
        self.verifier = signer.verifier
        self.log = CheckpointLog(checkpoint_log, signer.verifier)

    async def append(self, session: AsyncSession, kind: str, body: Mapping[str, JSON]) -> Entry:
        """Write one entry in the caller's transaction. See `Ledger.append`."""
        return await self._ledger.append(session, kind, body)

    async def entry(self, seq: int) -> Entry:
        """Read one entry; raises `EntryUnknown`."""
        async with self._database.read() as session:
            return await self._ledger.entry(session, seq)

    async def entries(
        self, wanted: LedgerFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[Entry], str | None]:
        """List entries, the newest first, with the next cursor."""
        async with self._database.read() as session:
            return await entry_page(session, wanted, cursor=cursor, limit=limit)

    async def kinds(self) -> tuple[str, ...]:
        """Give every kind of entry that there is."""
        async with self._database.read() as session:
            return await entry_kinds(session)

    async def latest_checkpoint(self) -> Checkpoint | None:
        """Give the newest signed checkpoint; None before the first."""
        async with self._database.read() as session:
            return await self._latest(session)

    async def sign_checkpoint(self) -> Checkpoint:
        """Sign the tree as it is, if it grew since the last checkpoint; the relay calls this at intervals.

        What was added is hashed again from its raw rows, on top of the tree that was signed last, so
        nothing that was altered meanwhile gets a signature.

        Raises:
            LedgerRolledBack: the database is older than, or differs from, what was signed.
        """
        logged = await asyncio.to_thread(self.log.last)
        async with self._database.read() as session:  # mostly nothing grew: then take no write lock
            last = await self._latest(session)
            if last is not None and last == logged and last.size == await Tree(session).size():
                return last
        async with self._database.begin() as session:
            head = await lock_head(session)
            last = await self._latest(session)
            for known in (logged, last):
                await _refuse_contradiction(session, head.size, known)
            if last is None or head.size > last.size:
                await _refuse_altered(session, head, 0 if last is None else last.size)
                last = self._signer.sign(head.size, head.root(), self._clock.now())
                await session.execute(
                    insert(CheckpointRow).values(size=last.size, note=last.note, created_at=last.at)
                )
        await self._copy_to_log(-1 if logged is None else logged.size)
        return last

    async def inclusion_proof(self, seq: int, size: int) -> tuple[bytes, ...]:
        """Prove that entry `seq` is among the first `size` entries."""
        async with self._database.read() as session:
            return await Tree(session).inclusion(seq, size)

    async def inclusion(self, seq: int, size: int | None = None) -> Inclusion:
        """Give an entry with its proof, for the tree of `size` or the whole of now."""
        async with self._database.read() as session:
            tree = Tree(session)
            size = await tree.size() if size is None else size
            hashes = await tree.inclusion(seq, size)
            return Inclusion(await self._ledger.entry(session, seq), size, await tree.root(size), hashes)

    async def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Prove that the tree of `new` entries only added to that of `old`."""
        async with self._database.read() as session:
            (proof,) = await Tree(session).consistency([(old, new)])
            return proof

    async def checkpoints(self) -> list[Checkpoint]:
        """Give every checkpoint, oldest first."""
        async with self._database.read() as session:
            notes = await session.scalars(select(CheckpointRow.note).order_by(CheckpointRow.size))
            return [self.verifier.read(note) for note in notes]

    async def verify(self) -> Report:
        """Re-derive everything from the raw rows and hold it against every signed checkpoint."""
        logged = await asyncio.to_thread(self.log.notes)
        async with self._database.read() as session:
            return await audit(session, self.verifier, logged)

    async def _latest(self, session: AsyncSession) -> Checkpoint | None:
        note = await session.scalar(select(CheckpointRow.note).order_by(CheckpointRow.size.desc()).limit(1))
        return None if note is None else self.verifier.read(note)

    async def _copy_to_log(self, after: int) -> None:
        """Append what the log lacks, also what a crash kept from it."""
        async with self._database.read() as session:
            notes = await session.scalars(
                select(CheckpointRow.note).where(CheckpointRow.size > after).order_by(CheckpointRow.size)
            )
            missing = [self.verifier.read(note) for note in notes]
        await asyncio.to_thread(self.log.append, missing)


async def _refuse_contradiction(session: AsyncSession, size: int, known: Checkpoint | None) -> None:
    if known is None:
        return
    if known.size > size or await Tree(session).root(known.size) != known.root:
        raise LedgerRolledBack


async def _refuse_altered(session: AsyncSession, head: Frontier, signed: int) -> None:
    """Hash again every record since the last checkpoint and compare with what the appends left."""
    edge = await Tree(session).frontier(signed)
    while edge.size < head.size:
        rows = await session.execute(
            select(EntryRow.seq, EntryRow.record)
            .where(EntryRow.seq >= edge.size, EntryRow.seq < head.size)
            .order_by(EntryRow.seq)
            .limit(BATCH)
        )
        before = edge.size
        for seq, record in rows:
            if seq != edge.size:
                raise LedgerRolledBack
            edge, _ = edge.append(leaf_hash(record))
        if edge.size == before:
            raise LedgerRolledBack
    if edge != head:
        raise LedgerRolledBack
