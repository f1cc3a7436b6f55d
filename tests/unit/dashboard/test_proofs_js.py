"""The browser's own proof code against the reference of RFC 6962, for every pair of sizes, and against lies."""

import base64
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.ledger import LedgerSigner
from core.ledger.merkle import Span, consistency_path, inclusion_path
from core.sealed import Secret
from tests.support.ledger import mth

NODE = shutil.which("node")
CHECK = Path(__file__).with_name("proofs_check.mjs")
LEAVES = [f"record {number}".encode() for number in range(18)]
AT = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(NODE is None, reason="no Node: apt-get install nodejs")


def text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def hashed(path: list[Span]) -> list[str]:
    return [text(mth(LEAVES[span.begin : span.end])) for span in path]


def inclusion(seq: int, size: int) -> dict[str, Any]:
    return {
        "seq": seq,
        "size": size,
        "leaf": text(mth(LEAVES[seq : seq + 1])),
        "hashes": hashed(inclusion_path(seq, size)),
        "root": text(mth(LEAVES[:size])),
    }


def consistency(old: int, new: int) -> dict[str, Any]:
    return {
        "old": old,
        "new": new,
        "oldRoot": text(mth(LEAVES[:old])),
        "newRoot": text(mth(LEAVES[:new])),
        "hashes": hashed(consistency_path(old, new)),
    }


def lies(proof: dict[str, Any], *roots: str) -> list[dict[str, Any]]:
    """Alter a proof in every way that a server could: each hash, their number, the roots, the sizes."""
    hashes = proof["hashes"]
    wrong = text(b"\x07" * 32)
    told = [{**proof, "hashes": [*hashes, wrong]}]
    told += [{**proof, "hashes": [*hashes[:at], wrong, *hashes[at + 1 :]]} for at in range(len(hashes))]
    told += [{**proof, "hashes": hashes[:-1]}] if hashes else []
    return told + [{**proof, root: wrong} for root in roots]


def judge(**cases: list[Any]) -> dict[str, list[Any]]:
    given = {"inclusions": [], "consistencies": [], "keys": [], "notes": [], **cases}
    done = subprocess.run(
        [NODE or "", str(CHECK)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, list[Any]] = json.loads(done.stdout)
    return found


def test_every_true_proof_is_accepted() -> None:
    sizes = range(1, len(LEAVES) + 1)
    found = judge(
        inclusions=[inclusion(seq, size) for size in sizes for seq in range(size)],
        consistencies=[consistency(old, new) for new in sizes for old in range(new + 1)],
    )
    assert all(found["inclusions"])
    assert all(found["consistencies"])


def test_every_lie_is_refused() -> None:
    sizes = range(2, len(LEAVES) + 1)
    found = judge(
        inclusions=[
            lie for size in sizes for seq in range(size) for lie in lies(inclusion(seq, size), "root", "leaf")
        ]
        + [{**inclusion(3, 8), "seq": 4}, {**inclusion(3, 8), "seq": 8}, {**inclusion(3, 8), "seq": -1}],
        consistencies=[
            lie
            for new in sizes
            for old in range(1, new)
            for lie in lies(consistency(old, new), "oldRoot", "newRoot")
        ]
        + [{**consistency(3, 7), "old": 8}, {**consistency(7, 7), "newRoot": text(b"\x07" * 32)}],
    )
    assert not any(found["inclusions"])
    assert not any(found["consistencies"])


def test_keys_and_notes_are_read_as_the_server_writes_them() -> None:
    signer, other = (LedgerSigner("maskline.test/ledger", Secret(bytes([n]) * 32)) for n in (1, 2))
    key = signer.verifier.vkey
    note = signer.sign(5, mth(LEAVES[:5]), AT).note
    first, second = note.rstrip("\n").rsplit("\n", 1)
    foreign = other.sign(5, mth(LEAVES[:5]), AT).note.split("\n\n")[1].split("\n")[0]
    later = signer.sign(5, mth(LEAVES[:5]), AT.replace(hour=3)).note.rstrip("\n").rsplit("\n", 1)[1]
    found = judge(
        keys=[key, f"  {key}\n", key[:-2], key.replace("maskline.test", "maskline.evil"), "", "a+b+c"],
        notes=[
            {"key": key, "note": note},
            {"key": key, "note": note.replace("\n", "\r\n").rstrip()},
            {"key": other.verifier.vkey, "note": note},
            {"key": key, "note": note.replace("\n5\n", "\n6\n")},
            {"key": key, "note": f"{first}\n"},
            {"key": key, "note": f"{first.rsplit(chr(10), 1)[0]}\n{foreign}\n{second}\n"},
            {"key": key, "note": f"{first}\n{later}\n"},
            {"key": key, "note": "no note"},
        ],
    )
    assert found["keys"] == [True, True, False, False, False, False]
    whole = [True, True, 5, "2026-11-21T02:00:00.000Z"]
    assert found["notes"][0] == whole
    assert found["notes"][1] == whole
    assert found["notes"][2][:2] == [False, False]
    assert found["notes"][3][:2] == [False, False]
    assert found["notes"][4][:2] == [True, False]
    assert found["notes"][5][:2] == [False, True]
    assert found["notes"][6] == [True, True, 5, "2026-11-21T03:00:00.000Z"]
    assert found["notes"][7] == "unreadable"
