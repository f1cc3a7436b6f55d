"""The ledger's own check: re-derives records, tree, head and checkpoints from the raw rows.

It finds accidents and clumsy hands. Against whoever owns this server use the verifier, which shares no
code with it, and an earlier checkpoint kept elsewhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger.merkle import Frontier, Node, leaf_hash
from core.ledger.models import CheckpointRow, EntryRow, HeadRow, NodeRow
from core.ledger.notes import Checkpoint, CheckpointInvalid, LedgerVerifier
from core.ledger.pending import HEAD_ID
from core.ledger.record import read_entry

BATCH = 1000
MAX_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction. `code` is stable; `seq` is an entry's number or a checkpoint's size."""

    code: str
    seq: int | None
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found; at most 100 findings. `root` is re-derived from the records."""

    size: int
    root: bytes
    checkpoints: int
    signed_size: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not self.findings


TEXTS = {
    "entry-missing": ("缺少条目", "an entry is missing"),
    "entry-edited": ("条目内容与其哈希不符", "a record does not match its stored hash"),
    "entry-misplaced": ("条目不在原位", "a record is not where it was written"),
    "entry-columns": ("查询列与条目内容不符", "the columns beside a record contradict it"),
    "entry-unreadable": ("条目不是账本记录", "a record is not a ledger record"),
    "node-mismatch": ("树节点与条目不符", "a stored tree node does not match the records"),
    "node-extra": ("树节点数目不符", "there are tree nodes too many or too few"),
    "head-mismatch": ("树头与条目不符", "the head does not match the records"),
    "checkpoint-invalid": ("检查点签名无效", "a checkpoint's signature is not this ledger's"),
    "checkpoint-ahead": ("条目少于已签署的检查点", "there are fewer entries than a signed checkpoint says"),
    "checkpoint-root": ("条目与已签署的检查点不符", "the records contradict a signed checkpoint"),
}


@dataclass(slots=True)
class _Notes:
    """Collects findings up to a bound."""

    found: list[Finding] = field(default_factory=list)

    def add(self, code: str, seq: int | None = None) -> None:
        if len(self.found) < MAX_FINDINGS:
            self.found.append(Finding(code, seq, *TEXTS[code]))


async def audit(session: AsyncSession, verifier: LedgerVerifier, logged: Sequence[str]) -> Report:
    """Check everything. `logged` are the notes of the checkpoint log outside the database."""
    notes = _Notes()
    stored = list(await session.scalars(select(CheckpointRow.note).order_by(CheckpointRow.size)))
    checkpoints = _read_checkpoints(verifier, [*stored, *logged], notes)
    edge = await _check_entries(session, checkpoints, notes)
    for one in checkpoints:
        if one.size > edge.size:
            notes.add("checkpoint-ahead", one.size)
    head = await session.execute(select(HeadRow.size, HeadRow.frontier).where(HeadRow.id == HEAD_ID))
    size, frontier = head.one_or_none() or (0, b"")
    if (size, frontier) != (edge.size, edge.dump()):
        notes.add("head-mismatch", size)
    signed = max((one.size for one in checkpoints), default=0)
    return Report(edge.size, edge.root(), len(checkpoints), signed, tuple(notes.found))


def _read_checkpoints(verifier: LedgerVerifier, stored: Iterable[str], notes: _Notes) -> list[Checkpoint]:
    checkpoints: dict[str, Checkpoint] = {}
    for note in stored:
        try:
            checkpoints[note] = verifier.read(note)
        except CheckpointInvalid:
            notes.add("checkpoint-invalid")
    return sorted(checkpoints.values(), key=lambda one: one.size)


async def _check_entries(session: AsyncSession, checkpoints: Sequence[Checkpoint], notes: _Notes) -> Frontier:
    """Stream all records; build the tree; compare each node and each checkpoint as its size is reached."""
    edge, expected, inner, last = Frontier(), list(checkpoints), 0, -1
    while True:
        rows = (
            await session.execute(
                select(EntryRow.seq, EntryRow.kind, EntryRow.record, EntryRow.leaf_hash, EntryRow.created_at)
                .where(EntryRow.seq > last)
                .order_by(EntryRow.seq)
                .limit(BATCH)
            )
        ).all()
        completed: dict[Node, bytes] = {}
        for row in rows:
            if row.seq != last + 1:
                notes.add("entry-missing", last + 1)
            last = row.seq
            _check_record(row.seq, row.kind, row.record, row.leaf_hash, row.created_at, notes)
            expected = _compare(edge, expected, notes)
            edge, grown = edge.append(leaf_hash(row.record))
            completed.update(grown)
        inner += len(completed)
        await _check_nodes(session, completed, notes)
        if not rows:
            break
    _compare(edge, expected, notes)
    if await session.scalar(select(func.count()).select_from(NodeRow)) != inner:
        notes.add("node-extra")
    return edge


def _check_record(
    seq: int, kind: str, record: bytes, stored_hash: bytes, created_at: object, notes: _Notes
) -> None:
    if leaf_hash(record) != stored_hash:
        notes.add("entry-edited", seq)
    try:
        entry = read_entry(record)
    except (ValueError, KeyError, TypeError):
        notes.add("entry-unreadable", seq)
        return
    if entry.seq != seq:
        notes.add("entry-misplaced", seq)
    if (entry.kind, entry.at) != (kind, created_at):
        notes.add("entry-columns", seq)


def _compare(edge: Frontier, expected: list[Checkpoint], notes: _Notes) -> list[Checkpoint]:
    """Hold the tree against the checkpoints of its size; give those still to come."""
    while expected and expected[0].size <= edge.size:
        if expected[0].size == edge.size and expected[0].root != edge.root():
            notes.add("checkpoint-root", edge.size)
        expected = expected[1:]
    return expected


async def _check_nodes(session: AsyncSession, completed: dict[Node, bytes], notes: _Notes) -> None:
    levels: dict[int, list[int]] = {}
    for node in completed:
        levels.setdefault(node.level, []).append(node.position)
    for level, positions in levels.items():
        rows = await session.execute(
            select(NodeRow.position, NodeRow.hash).where(
                NodeRow.level == level, NodeRow.position.between(min(positions), max(positions))
            )
        )
        stored = dict(rows.all())
        for position in positions:
            if stored.get(position) != completed[Node(level, position)]:
                notes.add("node-mismatch", position << level)
