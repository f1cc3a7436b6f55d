"""Checkpoints as C2SP writes them, and every way in which one can be wrong."""

import base64
import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ledger.checkpoint_log import CheckpointLog
from core.ledger.notes import CheckpointInvalid, LedgerSigner, LedgerVerifier
from core.sealed import Secret
from tests.support.ledger import ORIGIN, SEED, verifier

NOW = datetime(2026, 11, 21, 2, 0, 0, 999999, tzinfo=UTC)
ROOT = bytes(range(32))


@pytest.fixture
def signer() -> LedgerSigner:
    return LedgerSigner(ORIGIN, SEED)


def test_text_is_what_the_format_says(signer: LedgerSigner) -> None:
    checkpoint = signer.sign(20852163, ROOT, NOW)
    lines = checkpoint.note.split("\n")
    assert lines[:4] == [ORIGIN, "20852163", base64.b64encode(ROOT).decode(), ""]
    assert [line.rpartition(" ")[0] for line in lines[4:6]] == [f"— {ORIGIN}"] * 2
    assert lines[6:] == [""]
    assert [len(base64.b64decode(line.rpartition(" ")[2])) for line in lines[4:6]] == [4 + 64, 4 + 8 + 64]
    assert checkpoint.at == NOW.replace(microsecond=0)
    assert signer.verifier.read(checkpoint.note) == checkpoint


def test_key_id_and_key_of_a_published_example() -> None:
    """The Go checksum database's key, as its client ships it (golang.org/x/mod/sumdb)."""
    published = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    name, key_id, encoded = published.split("+", 2)
    assert LedgerVerifier(name, base64.b64decode(encoded)[1:]).vkey == published
    assert verifier.read_key(published).id(1).hex() == key_id


def test_other_verifier_reads_the_same(signer: LedgerSigner) -> None:
    checkpoint = signer.sign(7, ROOT, NOW)
    key = verifier.read_key(signer.verifier.vkey)
    assert verifier.read_checkpoint(checkpoint.note, key) == (7, ROOT, checkpoint.at, ORIGIN)


def test_signature_lines_of_others_are_ignored(signer: LedgerSigner) -> None:
    checkpoint = signer.sign(7, ROOT, NOW)
    witnessed = checkpoint.note + f"— witness.example/w1 {base64.b64encode(b'x' * 76).decode()}\n"
    assert signer.verifier.read(witnessed).root == ROOT
    assert verifier.read_checkpoint(witnessed, verifier.read_key(signer.verifier.vkey)).root == ROOT


def test_any_flipped_bit_is_noticed_by_both(signer: LedgerSigner) -> None:
    whole = signer.sign(7, ROOT, NOW).note.encode()
    key = verifier.read_key(signer.verifier.vkey)
    for at, bit in itertools.product(range(len(whole)), range(8)):
        raw = bytearray(whole)
        raw[at] ^= 1 << bit
        note = raw.decode("utf-8", "surrogateescape")
        with pytest.raises(CheckpointInvalid):
            signer.verifier.read(note)
        with pytest.raises(verifier.Forged):
            verifier.read_checkpoint(note, key)


@given(note=st.text(max_size=300))
def test_junk_is_refused_by_both(note: str) -> None:
    signer = LedgerSigner(ORIGIN, SEED)
    for text in (note, f"{ORIGIN}\n7\n{note}", signer.sign(7, ROOT, NOW).note + note):
        if note.strip() == "" and text.endswith(note) and len(text) > 300:
            continue
        for read, refusal in (
            (signer.verifier.read, CheckpointInvalid),
            (
                lambda one: verifier.read_checkpoint(one, verifier.read_key(signer.verifier.vkey)),
                verifier.Forged,
            ),
        ):
            try:
                checkpoint = read(text)
            except refusal:
                continue
            assert checkpoint.root == ROOT


def test_another_key_or_name_is_refused(signer: LedgerSigner) -> None:
    checkpoint = signer.sign(7, ROOT, NOW)
    for other in (LedgerSigner(ORIGIN, Secret(b"\x08" * 32)), LedgerSigner("ledger.test/other", SEED)):
        with pytest.raises(CheckpointInvalid):
            other.verifier.read(checkpoint.note)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "a\nb"])
def test_origin_that_the_format_forbids_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        LedgerSigner(origin, SEED)


def test_key_stays_out_of_sight(signer: LedgerSigner) -> None:
    assert "07" * 8 not in repr(vars(signer))


def test_log_reports_damage_in_its_middle(
    signer: LedgerSigner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "ledger" / "checkpoints.log"
    log = CheckpointLog(path, signer.verifier)
    assert log.read() == []
    assert log.last() is None
    checkpoints = [signer.sign(size, ROOT, NOW) for size in range(100)]
    log.append(checkpoints[:60])
    log.append(checkpoints[60:])
    log.append([])
    assert log.read() == checkpoints
    assert log.last() == checkpoints[-1]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:50], "junk\n", *lines[51:]]))
    with pytest.raises(CheckpointInvalid):
        log.read()
