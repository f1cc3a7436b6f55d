"""The tree against RFC 6962's own words: golden roots, and the definitions written out naively."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ledger.merkle import (
    Frontier,
    Node,
    Span,
    consistency_path,
    hash_of,
    inclusion_path,
    leaf_hash,
    nodes_of,
)
from tests.support.ledger import mth, split, verifier

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
GOLDEN = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 §2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], *, known: bool) -> list[bytes]:
    """RFC 6962 §2.1.2, word for word."""
    if m == len(leaves):
        return [] if known else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], known=known), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], known=False), mth(leaves[:k])]


def grow(leaves: list[bytes]) -> tuple[Frontier, dict[Node, bytes]]:
    edge, nodes = Frontier(), {}
    for seq, leaf in enumerate(leaves):
        nodes[Node(0, seq)] = leaf_hash(leaf)
        edge, completed = edge.append(leaf_hash(leaf))
        nodes.update(completed)
    return edge, nodes


@pytest.mark.parametrize("size", range(9))
def test_golden_roots(size: int) -> None:
    edge, _ = grow(LEAVES[:size])
    assert edge.root().hex() == GOLDEN[size] == mth(LEAVES[:size]).hex()


def test_every_proof_up_to_forty_leaves() -> None:
    leaves = [bytes([number]) for number in range(40)]
    _, nodes = grow(leaves)
    for size in range(1, 41):
        root = mth(leaves[:size])
        for seq in range(size):
            proof = [hash_of(span, nodes) for span in inclusion_path(seq, size)]
            assert proof == path(seq, leaves[:size])
            assert verifier.included(leaf_hash(leaves[seq]), seq, size, proof, root)
        for old in range(size + 1):
            proof = [hash_of(span, nodes) for span in consistency_path(old, size)]
            if 0 < old < size:
                assert proof == subproof(old, leaves[:size], known=True)
            assert verifier.consistent(old, size, proof, mth(leaves[:old]), root)


@given(data=st.data(), size=st.integers(1, 300))
def test_no_proof_passes_for_another_leaf_place_size_or_root(data: st.DataObject, size: int) -> None:
    leaves = [number.to_bytes(2) for number in range(size)]
    edge, nodes = grow(leaves)
    seq = data.draw(st.integers(0, size - 1))
    proof = [hash_of(span, nodes) for span in inclusion_path(seq, size)]
    leaf, root = leaf_hash(leaves[seq]), edge.root()
    assert verifier.included(leaf, seq, size, proof, root)
    assert not verifier.included(leaf_hash(b"other"), seq, size, proof, root)
    assert not verifier.included(leaf, seq, size, [*proof, b"\x00" * 32], root)
    assert not verifier.included(leaf, seq, size, proof, leaf_hash(root))
    assert not verifier.included(leaf, size, size, proof, root)
    if size > 1:
        assert not verifier.included(leaf, (seq + 1) % size, size, proof, root)
        assert not verifier.included(leaf, seq, size, proof[:-1], root)
        at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        broken = bytearray(proof[at])
        broken[bit // 8] ^= 1 << bit % 8
        assert not verifier.included(leaf, seq, size, [*proof[:at], bytes(broken), *proof[at + 1 :]], root)


@given(data=st.data(), new=st.integers(2, 300))
def test_no_consistency_with_an_altered_history(data: st.DataObject, new: int) -> None:
    leaves = [number.to_bytes(2) for number in range(new)]
    old = data.draw(st.integers(1, new - 1))
    _, nodes = grow(leaves)
    proof = [hash_of(span, nodes) for span in consistency_path(old, new)]
    old_root, new_root = grow(leaves[:old])[0].root(), grow(leaves)[0].root()
    assert verifier.consistent(old, new, proof, old_root, new_root)
    changed = data.draw(st.integers(0, old - 1))
    altered = [*leaves[:changed], b"changed", *leaves[changed + 1 :]]
    altered_edge, altered_nodes = grow(altered)
    altered_proof = [hash_of(span, altered_nodes) for span in consistency_path(old, new)]
    assert not verifier.consistent(old, new, altered_proof, old_root, altered_edge.root())
    assert not verifier.consistent(old, new, proof, old_root, altered_edge.root())
    assert not verifier.consistent(old, new, [*proof, b"\x00" * 32], old_root, new_root)
    assert not verifier.consistent(old, new, proof[:-1], old_root, new_root)


@given(size=st.integers(0, 5000))
def test_frontier_survives_storage(size: int) -> None:
    edge = Frontier(size, tuple(bytes([number]) * 32 for number in range(size.bit_count())))
    assert Frontier.load(size, edge.dump()) == edge


def test_frontier_refuses_a_size_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="peak"):
        Frontier.load(3, b"\x00" * 32)


@given(size=st.integers(1, 10**12), data=st.data())
def test_proofs_stay_short_for_huge_trees(size: int, data: st.DataObject) -> None:
    seq = data.draw(st.integers(0, size - 1))
    spans = inclusion_path(seq, size)
    assert len(spans) <= size.bit_length()
    assert sum(len(nodes_of(span)) for span in spans) <= 2 * size.bit_length()
    assert all(node.position << node.level >= span.begin for span in spans for node in nodes_of(span))


@pytest.mark.parametrize(("seq", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_impossible_inclusion_is_refused(seq: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in"):
        inclusion_path(seq, size)


@pytest.mark.parametrize(("old", "new"), [(6, 5), (-1, 5)])
def test_impossible_consistency_is_refused(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="older"):
        consistency_path(old, new)


def test_span_is_cut_into_complete_subtrees() -> None:
    assert nodes_of(Span(8, 15)) == [Node(2, 2), Node(1, 6), Node(0, 14)]
