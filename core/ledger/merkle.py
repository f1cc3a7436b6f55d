"""The Merkle tree of RFC 6962 §2.1 as pure functions: hashes, the growing edge, and which nodes prove what.

A *node* is a complete subtree: `Node(level, position)` covers the 2^level leaves from position * 2^level on.
Nodes never change once they are complete, so storing each once gives any proof for any size in
O(log n) reads.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Node(NamedTuple):
    """A complete subtree of 2^level leaves."""

    level: int
    position: int


class Span(NamedTuple):
    """A subtree of the leaves [begin, end), complete or not."""

    begin: int
    end: int


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The tree's growing edge: its size and the hashes of its complete subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError("a frontier has one peak for each bit of its size")

    def append(self, leaf: bytes) -> tuple["Frontier", dict[Node, bytes]]:
        """Add a leaf's hash; give the new edge and the inner nodes that it completed."""
        peaks = [*self.peaks]
        completed: dict[Node, bytes] = {}
        top, level, position = leaf, 0, self.size
        while position & 1:
            top = node_hash(peaks.pop(), top)
            level, position = level + 1, position >> 1
            completed[Node(level, position)] = top
        return Frontier(self.size + 1, (*peaks, top)), completed

    def root(self) -> bytes:
        return _fold(self.peaks) if self.peaks else EMPTY_ROOT

    def dump(self) -> bytes:
        return b"".join(self.peaks)

    @classmethod
    def load(cls, size: int, raw: bytes) -> "Frontier":
        peaks = tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))
        return cls(size, peaks)


def inclusion_path(seq: int, size: int) -> list[Span]:
    """Name the subtrees of PATH(seq, D[size]), leaf's sibling first (RFC 6962 §2.1.1)."""
    if not 0 <= seq < size:
        raise ValueError("the leaf is not in a tree of this size")
    path: list[Span] = []
    begin, end = 0, size
    while end - begin > 1:
        split = begin + _split(end - begin)
        if seq < split:
            path.append(Span(split, end))
            end = split
        else:
            path.append(Span(begin, split))
            begin = split
    return path[::-1]


def consistency_path(old: int, new: int) -> list[Span]:
    """Name the subtrees of PROOF(old, D[new]) in order (RFC 6962 §2.1.2); none where it is trivial."""
    if not 0 <= old <= new:
        raise ValueError("the older tree is not larger than the newer")
    if old in {0, new}:
        return []
    path: list[Span] = []
    begin, end, old_is_known = 0, new, True
    while old != end:
        split = begin + _split(end - begin)
        if old <= split:
            path.append(Span(split, end))
            end = split
        else:
            path.append(Span(begin, split))
            begin, old_is_known = split, False
    if not old_is_known:
        path.append(Span(begin, end))
    return path[::-1]


def nodes_of(span: Span) -> list[Node]:
    """Cut a subtree into complete ones, left to right; its `begin` is aligned, as all of RFC 6962's are."""
    nodes: list[Node] = []
    begin = span.begin
    while begin < span.end:
        level = (span.end - begin).bit_length() - 1
        nodes.append(Node(level, begin >> level))
        begin += 1 << level
    return nodes


def hash_of(span: Span, known: Mapping[Node, bytes]) -> bytes:
    """Hash a subtree from its complete parts."""
    return _fold([known[node] for node in nodes_of(span)])


def _fold(peaks: Sequence[bytes]) -> bytes:
    """Join complete subtrees, right to left."""
    top = peaks[-1]
    for peak in reversed(peaks[:-1]):
        top = node_hash(peak, top)
    return top


def _split(count: int) -> int:
    """Give the largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)
