"""The stored tree: reads the nodes that roots and proofs need, many proofs at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import Invalid, MasklineError
from core.ledger.ledger import EntryUnknown
from core.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    Node,
    Span,
    consistency_path,
    hash_of,
    inclusion_path,
    nodes_of,
)
from core.ledger.models import EntryRow, HeadRow, NodeRow
from core.ledger.pending import HEAD_ID

BATCH = 400


class LedgerDamaged(MasklineError):
    """The ledger's rows contradict each other; run `maskline ledger verify`."""

    code = "ledger-damaged"
    zh = "账本数据自相矛盾，请运行 maskline ledger verify。"


class ProofImpossible(Invalid):
    """There is no such proof: the sizes are out of order or beyond the ledger's end."""

    code = "ledger-proof-impossible"
    zh = "无法给出该证明：大小次序不对，或超出账本末尾。"


@dataclass(frozen=True, slots=True)
class Tree:
    """A reader of the stored tree inside one transaction."""

    session: AsyncSession

    async def size(self) -> int:
        return await self.session.scalar(select(HeadRow.size).where(HeadRow.id == HEAD_ID)) or 0

    async def root(self, size: int) -> bytes:
        """Give the root hash of the first `size` entries."""
        if size == 0:
            return EMPTY_ROOT
        ((root,),) = await self.hashes([[Span(0, size)]])
        return root

    async def frontier(self, size: int) -> Frontier:
        """Give the growing edge as it was at `size` entries."""
        peaks = nodes_of(Span(0, size))
        known = await self._nodes(peaks)
        if len(known) != len(peaks):
            raise LedgerDamaged
        return Frontier(size, tuple(known[node] for node in peaks))

    async def inclusion(self, seq: int, size: int) -> tuple[bytes, ...]:
        """Prove that entry `seq` is in the tree of `size` entries (RFC 6962 §2.1.1)."""
        (proof,) = await self.inclusions([seq], size)
        return proof

    async def inclusions(self, seqs: Sequence[int], size: int) -> list[tuple[bytes, ...]]:
        """Prove many entries at once."""
        known = await self.size()
        if size > known or size < 0:
            raise ProofImpossible(size=known)
        if any(not 0 <= seq < size for seq in seqs):
            raise EntryUnknown
        return await self.hashes([inclusion_path(seq, size) for seq in seqs])

    async def consistency(self, pairs: Sequence[tuple[int, int]]) -> list[tuple[bytes, ...]]:
        """Prove for each (old, new) that the newer tree only added to the older (RFC 6962 §2.1.2)."""
        known = await self.size()
        if any(not 0 <= old <= new <= known for old, new in pairs):
            raise ProofImpossible(size=known)
        return await self.hashes([consistency_path(old, new) for old, new in pairs])

    async def hashes(self, paths: Sequence[Sequence[Span]]) -> list[tuple[bytes, ...]]:
        """Hash the subtrees of many paths with as few reads as there are batches of nodes."""
        wanted = {node for path in paths for span in path for node in nodes_of(span)}
        known = await self._nodes(wanted)
        if wanted - known.keys():
            raise LedgerDamaged
        return [tuple(hash_of(span, known) for span in path) for path in paths]

    async def _nodes(self, wanted: Iterable[Node]) -> dict[Node, bytes]:
        known: dict[Node, bytes] = {}
        leaves = sorted(node.position for node in wanted if node.level == 0)
        for start in range(0, len(leaves), BATCH):
            rows = await self.session.execute(
                select(EntryRow.seq, EntryRow.leaf_hash).where(
                    EntryRow.seq.in_(leaves[start : start + BATCH])
                )
            )
            known.update({Node(0, seq): value for seq, value in rows})
        inner = sorted(node for node in wanted if node.level > 0)
        for start in range(0, len(inner), BATCH):
            by_level: dict[int, list[int]] = {}
            for level, position in inner[start : start + BATCH]:
                by_level.setdefault(level, []).append(position)
            found = await self.session.execute(
                select(NodeRow.level, NodeRow.position, NodeRow.hash).where(
                    or_(
                        *(
                            and_(NodeRow.level == level, NodeRow.position.in_(positions))
                            for level, positions in by_level.items()
                        )
                    )
                )
            )
            known.update({Node(level, position): value for level, position, value in found})
        return known
