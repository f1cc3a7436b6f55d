#!/usr/bin/env python3
"""Verifies a Maskline ledger or evidence bundle offline. It shares no code with the server.

Needs Python 3.11 or newer and the `cryptography` package. Run it isolated, on a machine of your own:

    python -I maskline_verify.py ledger maskline.db --public-key KEY --checkpoints checkpoints.log
    python -I maskline_verify.py ledger export.jsonl --public-key KEY --trusted-checkpoint mine.txt
    python -I maskline_verify.py evidence bundle.zip --public-key KEY --trusted-checkpoint mine.txt

KEY is a verifier key (`<origin>+<id>+<base64>`) or a file with one, got from the institution earlier and
kept by you. `--trusted-checkpoint` is a checkpoint that you kept: only with one from outside the server can
anybody notice that the whole server was put back to an older state. `--tsa-roots` is a file with the root
certificates of the timestamp authority (PEM), from that authority; the timestamps are then checked by the
`openssl` program of your machine, which is neither ours nor this one's.

Exit codes: 0 everything holds; 1 signs of tampering; 2 unreadable or wrong use; 3 consistent, but no public
key was given, so it is unknown who signed, or the bundle is older than your checkpoint.

Sources: RFC 6962 §2.1 and RFC 9162 §2.1.3.2, §2.1.4.2 (Merkle trees), C2SP signed-note, tlog-checkpoint,
tlog-cosignature and tlog-proof, RFC 3161 (timestamps).
"""

import argparse
import base64
import hashlib
import itertools
import json
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

OK, TAMPERED, UNREADABLE, UNANCHORED = 0, 1, 2, 3
STAMP_TOLERANCE_S = 60  # our clock and the authority's
CLOCK_TOLERANCE_S = 5  # several hosts write; their clocks differ a little, and checkpoints have whole seconds
MAX_SMALL_FILE = 64 * 1024 * 1024
MAX_SHOWN = 20
# What zipfile raises for a damaged archive: RuntimeError where a flipped bit says "encrypted".
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError)
NO_RECORD = (ValueError, KeyError, TypeError, RecursionError)

TEXTS = {
    "edited": ("记录被修改", "a record was edited"),
    "deleted": ("记录被删除", "a record was deleted"),
    "inserted": ("记录被插入", "a record was inserted"),
    "swapped": ("记录被调换", "records were swapped"),
    "truncated": ("账本末尾被截断", "the end of the ledger was cut off"),
    "rolled-back": ("整个账本被回退到旧版本", "the whole ledger was put back to an older state"),
    "rewritten": ("记录与哈希被整体重算，与签名不符", "everything was recomputed, against the signature"),
    "forked": ("账本分叉：检查点互相矛盾", "the ledger forked: checkpoints contradict each other"),
    "backdated": ("记录时间早于其前的记录或检查点", "a time lies before what precedes the record"),
    "future-dated": ("记录时间晚于其后的检查点", "a time lies after a checkpoint that covers the record"),
    "clock-moved-back": ("后签的检查点时间更早", "a later checkpoint has an earlier time"),
    "checkpoint-forged": ("检查点签名无效", "a checkpoint's signature is not this ledger's"),
    "checkpoint-missing": ("缺少一个已签署的检查点", "a signed checkpoint is missing"),
    "columns-edited": ("查询列与记录原文不符", "columns beside a record contradict it"),
    "hash-column-edited": ("存储的哈希被改动，记录无误", "a stored hash was altered; its record is proven"),
    "unreadable": ("不是账本记录", "this is not a ledger record"),
    "proof-invalid": ("缺少证明或证明无效", "a proof is missing or invalid"),
    "attachment-altered": ("附件与账本记录的哈希不符", "no proven record names this attachment's hash"),
    "attachment-missing": ("缺少附件", "an attachment is missing"),
    "unsigned-tail": ("末尾记录尚未被检查点覆盖", "no checkpoint covers the last records yet"),
    "no-outside-checkpoint": ("未提供外部检查点，无法发现整体回退", "without one, a roll-back stays unseen"),
    "older-than-yours": (
        "证据包早于您的检查点，两者无法核对；请重新制作证据包，或改用更早的检查点",
        "the bundle is older than your checkpoint and cannot be held against it; ask for a new one",
    ),
    "timestamp-invalid": ("时间戳无效，或不属于这个检查点", "a timestamp does not hold for its checkpoint"),
    "timestamp-missing": ("缺少清单中的时间戳", "a timestamp that the manifest names is missing"),
    "clock-ahead": ("检查点签署时间晚于时间戳机构的时间", "signed later than the authority says it existed"),
    "not-timestamped": ("尚无时间戳覆盖", "no timestamp covers this yet"),
    "timestamps-unchecked": ("时间戳未验证：需要 --tsa-roots", "not checked: this takes --tsa-roots"),
    "openssl-missing": ("时间戳未验证：本机没有 openssl", "not checked: this machine has no openssl"),
    "key-unknown": ("未提供公钥，无法确认签发者", "no public key given: it is unknown who signed"),
}


class Unreadable(Exception):
    """The input cannot be read at all."""


class Forged(Exception):
    """A checkpoint is malformed or not signed by the key."""


class Finding(NamedTuple):
    """One thing that is wrong, or (as a warning) that cannot be known."""

    code: str
    where: str


@dataclass
class Report:
    """What was checked and what was found."""

    kind: str
    size: int = 0
    root: str = ""
    checkpoints: int = 0
    entries: int = 0
    attachments: int = 0
    timestamps: list[tuple[int, datetime]] = field(default_factory=list)
    """Sizes of trees that an outside authority has seen, and when."""
    findings: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def add(self, code: str, where: object) -> None:
        self.findings.append(Finding(code, str(where)))

    def has(self, *codes: str) -> bool:
        return any(finding.code in codes for finding in self.findings)

    @property
    def exit_code(self) -> int:
        if self.findings:
            return TAMPERED
        open_ends = {"key-unknown", "older-than-yours", "openssl-missing"}
        return UNANCHORED if any(one.code in open_ends for one in self.warnings) else OK


# --- Merkle tree -----------------------------------------------------------------------------------------


def leaf_hash(record: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Grows leaf by leaf and keeps only its edge."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []

    def add(self, record: bytes) -> None:
        self.size += 1
        height, top = 0, leaf_hash(record)
        while self._peaks and self._peaks[-1][0] == height:
            top = node_hash(self._peaks.pop()[1], top)
            height += 1
        self._peaks.append((height, top))

    def root(self) -> bytes:
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        top = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            top = node_hash(peak, top)
        return top


def included(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """RFC 9162 §2.1.3.2."""
    if not 0 <= index < size:
        return False
    number, last, top = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            top = node_hash(sibling, top)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            top = node_hash(top, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and top == root


def consistent(old: int, new: int, proof: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162 §2.1.4.2, with the trivial cases."""
    if old > new:
        return False
    if old in {0, new}:
        return not proof and (old_root == new_root or old < new)
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    number, last = old - 1, new - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    old_top = new_top = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old_top, new_top = node_hash(sibling, old_top), node_hash(sibling, new_top)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new_top = node_hash(new_top, sibling)
        number, last = number >> 1, last >> 1
    return last == 0 and (old_top, new_top) == (old_root, new_root)


# --- Signed checkpoints ----------------------------------------------------------------------------------


class Checkpoint(NamedTuple):
    """A verified statement of size and root, with the signed time."""

    size: int
    root: bytes
    at: datetime
    origin: str


class Key(NamedTuple):
    """The ledger's name and public key."""

    name: str
    public: bytes

    def id(self, kind: int) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes((kind,)) + self.public).digest()[:4]


def read_key(text: str) -> Key:
    """Read a verifier key, or a file that holds one."""
    if text.count("+") < 2:
        text = small_file(Path(text)).decode("utf-8", "replace")
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
        key = Key(name, raw[1:])
    except ValueError:
        raw, key = b"", Key("", b"")
    if len(raw) != 33 or raw[0] != 1 or key.id(1).hex() != key_id:
        raise Unreadable("公钥格式不对 / this is not a verifier key")
    return key


def read_checkpoint(note: str, key: Key) -> Checkpoint:
    """Verify both signatures of a checkpoint."""
    body, _, signatures = note.rpartition("\n\n")
    lines, found = body.split("\n"), {}
    if not signatures.endswith("\n"):
        raise Forged
    try:
        for line in signatures.removesuffix("\n").split("\n"):
            mark, name, encoded = line.split(" ")
            if mark == "—" and name == key.name:
                raw = base64.b64decode(encoded, validate=True)
                if base64.b64encode(raw).decode() != encoded:  # one signature, one spelling
                    raise Forged
                found[raw[:4]] = raw[4:]
        public = Ed25519PublicKey.from_public_bytes(key.public)
        public.verify(found[key.id(1)], f"{body}\n".encode())
        timed = found[key.id(4)]
        (moment,) = struct.unpack_from(">Q", timed)
        public.verify(timed[8:], f"cosignature/v1\ntime {moment}\n{body}\n".encode())
        origin, size, root = lines
        checkpoint = Checkpoint(
            int(size), base64.b64decode(root, validate=True), datetime.fromtimestamp(moment, UTC), origin
        )
    except (ValueError, KeyError, OverflowError, OSError, struct.error, InvalidSignature):
        raise Forged from None
    if (
        origin != key.name
        or str(checkpoint.size) != size
        or checkpoint.size < 0
        or len(checkpoint.root) != 32
    ):
        raise Forged
    return checkpoint


def read_notes(text: str) -> list[str]:
    """Take the notes out of a file: one note as it is, or JSON lines with `note`."""
    if not text.lstrip().startswith("{"):
        return [text]
    try:
        return [str(json.loads(line)["note"]) for line in text.split("\n") if line.strip()]
    except (ValueError, KeyError, TypeError):
        raise Unreadable("检查点文件无法解析 / the checkpoint file cannot be parsed") from None


def verified(notes: Iterable[str], key: Key, report: Report, source: str) -> list[Checkpoint]:
    checkpoints = []
    for number, note in enumerate(notes):
        try:
            checkpoints.append(read_checkpoint(note, key))
        except Forged:
            report.add("checkpoint-forged", f"{source} #{number}")
    return checkpoints


def check_checkpoints(checkpoints: Iterable[Checkpoint], report: Report) -> list[Checkpoint]:
    """Find forks of one size and clocks that ran back; give the checkpoints in order of size."""
    ordered = sorted(set(checkpoints))
    for before, after in itertools.pairwise(ordered):
        if before.size == after.size and before.root != after.root:
            report.add("forked", f"size={after.size}")
        elif (before.at - after.at).total_seconds() > CLOCK_TOLERANCE_S:
            report.add("clock-moved-back", f"size={after.size}")
    report.checkpoints = len(ordered)
    return ordered


# --- Timestamps of an outside authority ------------------------------------------------------------------


def check_stamps(
    stamps: list[tuple[int, bytes]], notes: list[str], key: Key, roots: Path | None, report: Report
) -> None:
    """Have openssl check that each timestamp is of its checkpoint and by a certificate under a root."""
    program = shutil.which("openssl")
    if roots is None or program is None:
        if stamps:
            code = "timestamps-unchecked" if roots is None else "openssl-missing"
            report.warnings.append(Finding(code, f"{len(stamps)} .tsr"))
        return
    anchors = small_file(roots)
    known: dict[int, tuple[str, Checkpoint]] = {}
    for note in notes:
        try:
            checkpoint = read_checkpoint(note, key)
        except Forged:
            continue  # told where the notes are checked
        known[checkpoint.size] = note, checkpoint
    for size, reply in sorted(stamps):
        note, checkpoint = known.get(size, ("", None))
        at = None if checkpoint is None else _stamped_at(program, note, reply, anchors)
        if checkpoint is None or at is None:
            report.add("timestamp-invalid", f"size={size}")
            continue
        report.timestamps.append((size, at))
        if (checkpoint.at - at).total_seconds() > STAMP_TOLERANCE_S:
            report.add("clock-ahead", f"size={size}: {checkpoint.at:%F %T} > {at:%F %T} UTC")


def _stamped_at(program: str, note: str, reply: bytes, anchors: bytes) -> datetime | None:
    """Give the time in a TimeStampResp if it holds; its certificates must have been good at that time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in (("note", note.encode()), ("reply", reply), ("roots", anchors)):
            (folder / file).write_bytes(content)

        def openssl(*arguments: str) -> str | None:
            done = subprocess.run(  # noqa: S603 - a fixed program; the files are named by us
                [program, "ts", *arguments], capture_output=True, cwd=folder, timeout=30, check=False
            )
            return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None

        shown = openssl("-reply", "-in", "reply", "-text") or ""
        said = re.search(r"^Time stamp: (.+) GMT$", shown, re.MULTILINE)
        if said is None:
            return None
        try:  # fractions of a second are the authority's choice (RFC 3161 §2.4.2)
            at = datetime.strptime(re.sub(r"\.\d+", "", said[1]), "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        except ValueError:
            return None
        moment = str(int(at.timestamp()))
        question = ("-verify", "-data", "note", "-in", "reply", "-CAfile", "roots", "-attime", moment)
        return None if openssl(*question) is None else at


# --- Records ---------------------------------------------------------------------------------------------


class Record(NamedTuple):
    """What a record says of itself."""

    seq: int
    kind: str
    at: datetime
    body: Any


def read_record(raw: bytes) -> Record:
    value = json.loads(raw, object_pairs_hook=_unique)
    at = datetime.strptime(value["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    if value["v"] != 1 or type(value["seq"]) is not int:
        raise ValueError
    return Record(value["seq"], value["kind"], at, value["body"])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


class Times:
    """Checks each record's time against its predecessor and the signed checkpoints around it."""

    def __init__(self, checkpoints: list[Checkpoint], report: Report) -> None:
        self._checkpoints = checkpoints
        self._report = report
        self._next = 0
        self._previous: datetime | None = None

    def check(self, seq: int, at: datetime) -> None:
        """Take records in rising order of `seq`."""
        while self._next < len(self._checkpoints) and self._checkpoints[self._next].size <= seq:
            self._next += 1
        floors = [self._previous] if self._previous else []
        floors += [one.at for one in self._checkpoints[max(0, self._next - 1) : self._next]]
        if any((floor - at).total_seconds() > CLOCK_TOLERANCE_S for floor in floors):
            self._report.add("backdated", f"seq={seq}")
        for ceiling in self._checkpoints[self._next : self._next + 1]:
            if (at - ceiling.at).total_seconds() > CLOCK_TOLERANCE_S:
                self._report.add("future-dated", f"seq={seq}")
        self._previous = at


# --- A whole ledger --------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One stored entry as it lies there."""

    seq: int
    kind: str
    record: bytes
    leaf_hash: bytes
    created_at: str


@dataclass
class Ledger:
    """A ledger's raw content; `head` is the size that the server believes in, if the source has it."""

    rows: Callable[[], Iterator[Row]]
    notes: list[str]
    head: int | None = None
    stamps: list[tuple[int, bytes]] = field(default_factory=list)


def open_ledger(path: Path) -> Ledger:
    """Open an SQLite database (never writing to it) or a JSON-lines export."""
    try:
        with path.open("rb") as handle:
            start = handle.read(16)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
    return _open_sqlite(path) if start == b"SQLite format 3\x00" else _open_lines(path)


def _open_sqlite(path: Path) -> Ledger:
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")  # damaged text is a finding
        connection.execute("BEGIN")  # one view of a ledger that may be growing
        notes = connection.execute("SELECT note FROM core_ledger_checkpoints ORDER BY size").fetchall()
        head = connection.execute("SELECT size FROM core_ledger_head").fetchone()
        table = "SELECT 1 FROM sqlite_master WHERE name = 'core_ledger_timestamps'"
        stamps = (
            connection.execute("SELECT size, CAST(reply AS BLOB) FROM core_ledger_timestamps").fetchall()
            if connection.execute(table).fetchone()
            else []
        )
    except sqlite3.Error as error:
        raise Unreadable(f"{path}: {error}") from None

    def rows() -> Iterator[Row]:
        try:
            for seq, kind, record, leaf, created_at in connection.execute(
                "SELECT seq, kind, CAST(record AS BLOB), CAST(leaf_hash AS BLOB), created_at"
                " FROM core_ledger_entries ORDER BY seq"
            ):
                yield Row(seq, str(kind), record or b"", leaf or b"", str(created_at))
        except sqlite3.Error as error:
            raise Unreadable(f"{path}: {error}") from None

    return Ledger(rows, [str(note) for (note,) in notes], head[0] if head else 0, stamps)


def _open_lines(path: Path) -> Ledger:
    def lines(kind: str) -> Iterator[dict[str, Any]]:
        with path.open(encoding="utf-8") as handle:
            for line in handle:
                value = json.loads(line)
                if value["type"] == kind:
                    yield value

    def rows() -> Iterator[Row]:
        for value in lines("entry"):
            record, leaf = bytes.fromhex(value["record"]), bytes.fromhex(value["leaf_hash"])
            yield Row(value["seq"], value["kind"], record, leaf, value["created_at"])

    try:
        stamps = [(int(value["size"]), bytes.fromhex(value["reply"])) for value in lines("timestamp")]
        return Ledger(rows, [str(value["note"]) for value in lines("checkpoint")], stamps=stamps)
    except (ValueError, KeyError, TypeError):
        raise Unreadable(f"{path}: 无法解析 / cannot be parsed") from None


@dataclass
class Walk:
    """What one pass over the rows saw."""

    tree: Tree = field(default_factory=Tree)
    shifts: list[list[int]] = field(default_factory=list)  # runs: [first, last, record's number - row's]
    edited: list[int] = field(default_factory=list)
    matched: list[Checkpoint] = field(default_factory=list)
    contradicted: list[Checkpoint] = field(default_factory=list)


def verify_ledger(
    path: Path, key: Key, logs: list[Path], trusted: list[Path], tsa_roots: Path | None = None
) -> Report:
    """Check a whole ledger against every checkpoint there is."""
    report = Report("ledger")
    # Read what is outside first: the ledger may grow meanwhile, and must not look cut off because of it.
    outside = [
        one
        for file in [*logs, *trusted]
        for one in verified(read_notes(small_file(file).decode("utf-8", "replace")), key, report, file.name)
    ]
    ledger = open_ledger(path)
    inside = verified(ledger.notes, key, report, "database")
    if not logs and not trusted:
        report.warnings.append(Finding("no-outside-checkpoint", path.name))
    checkpoints = check_checkpoints([*inside, *outside], report)
    try:
        walk = _walk(ledger, checkpoints, report)
    except NO_RECORD:
        raise Unreadable(f"{path}: 无法解析 / cannot be parsed") from None
    size = report.size = report.entries = walk.tree.size
    report.root = base64.b64encode(walk.tree.root()).decode()
    _name_shifts(walk.shifts, size, report)
    for seq in walk.edited:
        report.add("edited", f"seq={seq}")
    _name_end(size, ledger, inside, checkpoints, report)
    _name_contradictions(walk, report)
    for one in set(outside) - set(inside):
        # The last ones may be on their way; but what is older must be in the database too.
        if one.size <= size and any(one.size < other.size for other in inside):
            report.add("checkpoint-missing", f"size={one.size}")
    signed = max((one.size for one in checkpoints), default=0)
    if size > signed:
        report.warnings.append(Finding("unsigned-tail", f"seq={signed}..{size - 1}"))
    check_stamps(ledger.stamps, ledger.notes, key, tsa_roots, report)
    return report


def _walk(ledger: Ledger, checkpoints: list[Checkpoint], report: Report) -> Walk:
    walk, times, pending, expected = Walk(), Times(checkpoints, report), list(checkpoints), 0
    _compare(walk, pending, report)
    for row in ledger.rows():
        if row.seq > expected:
            report.add("deleted", f"seq={expected}" + (f"..{row.seq - 1}" if row.seq - 1 > expected else ""))
        elif row.seq < expected:
            report.add("inserted", f"seq={row.seq}")
        expected = max(expected, row.seq + 1)
        _look_at(row, walk, times, report)
        walk.tree.add(row.record)
        _compare(walk, pending, report)
    return walk


def _look_at(row: Row, walk: Walk, times: Times, report: Report) -> None:
    try:
        record = read_record(row.record)
    except NO_RECORD:
        report.add("unreadable", f"seq={row.seq}")
        return
    shift = record.seq - row.seq
    if shift:
        last = walk.shifts[-1] if walk.shifts else None
        if last and last[1] == row.seq - 1 and last[2] == shift:
            last[1] = row.seq
        else:
            walk.shifts.append([row.seq, row.seq, shift])
    elif leaf_hash(row.record) != row.leaf_hash:
        walk.edited.append(row.seq)
    if shift:  # where it belongs is unknown, so nothing more can be said about it
        return
    if (record.kind, record.at) != (row.kind, _moment(row.created_at)):
        report.add("columns-edited", f"seq={row.seq}")
    times.check(row.seq, record.at)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _compare(walk: Walk, pending: list[Checkpoint], report: Report) -> None:
    """Hold the tree against the checkpoints of its present size."""
    while pending and pending[0].size == walk.tree.size:
        checkpoint = pending.pop(0)
        if walk.tree.root() != checkpoint.root:
            walk.contradicted.append(checkpoint)
            continue
        walk.matched.append(checkpoint)
        for seq in walk.edited:  # the signature covers the record: only the stored hash was touched
            report.add("hash-column-edited", f"seq={seq}")
        walk.edited.clear()


def _name_shifts(shifts: list[list[int]], size: int, report: Report) -> None:
    """Say what moved the records: two swapped, or a run shifted by an insertion or a deletion."""
    moved = {first: shift for first, last, shift in shifts if first == last}
    before = 0
    for first, last, shift in shifts:
        if first == last and moved.get(first + shift) == -shift:
            if shift > 0:
                report.add("swapped", f"seq={first},{first + shift}")
        elif last > first or last == size - 1:
            report.add("deleted" if shift > before else "inserted", f"seq={first - (shift < before)}")
            before = shift
        else:
            report.add("edited", f"seq={first}")


def _name_end(
    size: int, ledger: Ledger, inside: list[Checkpoint], checkpoints: list[Checkpoint], report: Report
) -> None:
    signed = max((one.size for one in checkpoints), default=0)
    signed_inside = max((one.size for one in inside), default=0)
    head = size if ledger.head is None else ledger.head
    if report.has("deleted"):
        return
    if size < max(signed_inside, head):
        report.add("truncated", f"size={size} < {max(signed_inside, head)}")
    elif size < signed:
        report.add("rolled-back", f"size={size} < {signed}")
    elif size > head and not report.has("inserted"):
        report.add("inserted", f"seq={head}")


def _name_contradictions(walk: Walk, report: Report) -> None:
    if not walk.contradicted:
        return
    good = max((one.size for one in walk.matched), default=0)
    first = walk.contradicted[0]
    if first.size < good:
        report.add("forked", f"size={first.size}")
    elif not report.has("edited", "deleted", "inserted", "swapped", "unreadable", "forked"):
        report.add("rewritten", f"seq={good}..{first.size - 1}")


# --- An evidence bundle ----------------------------------------------------------------------------------


def verify_evidence(
    path: Path, key: Key | None, trusted: list[Path], tsa_roots: Path | None = None
) -> Report:
    """Check every record, proof, checkpoint and attachment of a bundle."""
    report = Report("evidence")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names):
                raise Unreadable(f"{path}: 文件名重复 / a name twice")
            if key is None:
                key = read_key(_member(archive, "public_key.txt").decode())
                report.warnings.append(Finding("key-unknown", key.name))
            try:
                checkpoint = read_checkpoint(_member(archive, "checkpoint.txt").decode(), key)
            except Forged:
                report.add("checkpoint-forged", "checkpoint.txt")
                return report
            report.size, report.root = checkpoint.size, base64.b64encode(checkpoint.root).decode()
            manifest = json.loads(_member(archive, "manifest.json"))
            known = _check_chain(archive, checkpoint, key, trusted, report)
            bodies = _check_entries(archive, manifest, checkpoint, known, report)
            _check_attachments(archive, manifest, bodies, report)
            _check_bundled_stamps(archive, manifest, key, tsa_roots, report)
    except (*BROKEN_ZIP, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable(f"{path}: {type(error).__name__}") from None
    return report


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > MAX_SMALL_FILE:
        raise Unreadable(f"{name}: 过大 / too large")
    return archive.read(name)


def _check_chain(
    archive: zipfile.ZipFile, final: Checkpoint, key: Key, trusted: list[Path], report: Report
) -> list[Checkpoint]:
    """Check that each checkpoint only added to the one before, through the trusted ones to the final."""
    lines = [json.loads(line) for line in _member(archive, "checkpoints.jsonl").splitlines()]
    chain = verified((line["note"] for line in lines), key, report, "checkpoints.jsonl")
    own = [
        one
        for file in trusted
        for one in verified(read_notes(small_file(file).decode("utf-8", "replace")), key, report, file.name)
    ]
    if not own:
        report.warnings.append(Finding("no-outside-checkpoint", "--trusted-checkpoint"))
    ordered = check_checkpoints([*chain, *own, final], report)
    if report.has("checkpoint-forged", "forked"):
        return ordered
    before = Checkpoint(0, hashlib.sha256(b"").digest(), final.at, final.origin)
    for one, line in zip(chain, lines, strict=True):
        step = [base64.b64decode(value, validate=True) for value in line["consistency"]]
        if not consistent(before.size, one.size, step, before.root, one.root):
            report.add("forked", f"size={before.size}->{one.size}")
        before = one
    if before[:2] != final[:2]:
        report.add("checkpoint-missing", f"size={final.size}")
    sizes = {one.size for one in chain}
    for one in own:
        if one.size > final.size:
            where = f"size={final.size} < {one.size}"
            if final.at > one.at:  # signed after yours, and yet it knows less
                report.add("rolled-back", where)
            else:
                report.warnings.append(Finding("older-than-yours", where))
        elif one.size not in sizes and one.size > 0:
            report.add("checkpoint-missing", f"size={one.size}")
    return ordered


def _check_entries(
    archive: zipfile.ZipFile, manifest: Any, checkpoint: Checkpoint, known: list[Checkpoint], report: Report
) -> list[Any]:
    """Check each record with its proof; give the bodies of those that are proven."""
    names = set(archive.namelist())
    present = {int(name[8:-5]) for name in names if name.startswith("entries/") and name.endswith(".json")}
    for seq in sorted({*manifest["entries"]} - present):
        report.add("deleted", f"seq={seq}")
    for seq in sorted(present - {*manifest["entries"]}):
        report.add("inserted", f"seq={seq}")
    bodies, times = [], Times(known, report)
    for seq in sorted(present):
        raw = _member(archive, f"entries/{seq}.json")
        proof = _read_proof(archive, names, seq, checkpoint)
        try:
            record = read_record(raw)
        except NO_RECORD:
            report.add("edited", f"seq={seq}")
            continue
        if record.seq != seq:
            report.add("swapped", f"seq={seq},{record.seq}")
        elif proof is None:
            report.add("proof-invalid", f"seq={seq}")
        elif not included(leaf_hash(raw), seq, checkpoint.size, proof, checkpoint.root):
            report.add("edited", f"seq={seq}")
        else:
            bodies.append(record.body)
            times.check(seq, record.at)
    report.entries = len(present)
    return bodies


def _read_proof(
    archive: zipfile.ZipFile, names: set[str], seq: int, checkpoint: Checkpoint
) -> list[bytes] | None:
    """Read a C2SP tlog-proof@v1; its copy of the checkpoint must be of the one already verified."""
    name = f"proofs/{seq}.tlog-proof"
    if name not in names:
        return None
    head, _, note = _member(archive, name).decode("utf-8", "replace").partition("\n\n")
    lines = head.split("\n")
    if lines[:2] != ["c2sp.org/tlog-proof@v1", f"index {seq}"]:
        return None
    stated = note.split("\n")[:3]
    if stated != [checkpoint.origin, str(checkpoint.size), base64.b64encode(checkpoint.root).decode()]:
        return None
    try:
        return [base64.b64decode(line, validate=True) for line in lines[2:]]
    except ValueError:
        return None


def _check_attachments(archive: zipfile.ZipFile, manifest: Any, bodies: list[Any], report: Report) -> None:
    named = {text for body in bodies for text in _texts(body)}
    present = {name for name in archive.namelist() if name.startswith("attachments/")}
    for attachment in manifest["attachments"]:
        if f"attachments/{attachment['name']}" not in present:
            report.add("attachment-missing", attachment["name"])
    for name in sorted(present):
        try:
            with archive.open(name) as handle:
                digest = hashlib.file_digest(handle, "sha256").hexdigest()  # type: ignore[arg-type]
        except BROKEN_ZIP:
            digest = ""
        if digest not in named:
            report.add("attachment-altered", name.removeprefix("attachments/"))
    report.attachments = len(present)


def _check_bundled_stamps(
    archive: zipfile.ZipFile, manifest: Any, key: Key, roots: Path | None, report: Report
) -> None:
    names = {name for name in archive.namelist() if name.startswith("timestamps/")}
    for size in manifest.get("timestamps", []):
        if f"timestamps/{size}.tsr" not in names:
            report.add("timestamp-missing", f"size={size}")
    stamps = [(int(name[11:].removesuffix(".tsr")), _member(archive, name)) for name in sorted(names)]
    notes = [json.loads(line)["note"] for line in _member(archive, "checkpoints.jsonl").splitlines()]
    check_stamps(stamps, notes, key, roots, report)
    if roots is not None:
        stamped = max((size for size, _ in report.timestamps), default=0)
        for seq in manifest["entries"]:
            if seq >= stamped:
                report.warnings.append(Finding("not-timestamped", f"seq={seq}"))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


# --- Command line ----------------------------------------------------------------------------------------


def small_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_SMALL_FILE:
            raise Unreadable(f"{path}: 过大 / too large")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise Unreadable(f"{path}: {getattr(error, 'strerror', error)}") from None


def say(report: Report, language: str) -> None:
    """Print the report for people."""

    def both(chinese: str, english: str) -> str:
        return {"zh": chinese, "en": english}.get(language, f"{chinese} / {english}")

    unit = both("条", "entries")
    print(f"{both('账本', 'ledger') if report.kind == 'ledger' else both('证据包', 'evidence bundle')}: "
          f"{report.entries} {unit}, {both('检查点', 'checkpoints')} {report.checkpoints}, "
          f"{both('附件', 'attachments')} {report.attachments}")  # fmt: skip
    print(f"{both('大小与根哈希', 'size and root')}: {report.size} {report.root}")
    if report.timestamps:
        stamped = ", ".join(f"{size} ≤ {at:%F %T} UTC" for size, at in report.timestamps[:3])
        more = " …" if len(report.timestamps) > 3 else ""
        print(f"{both('时间戳', 'timestamps')}: {len(report.timestamps)} ({stamped}{more})")
    shown: Counter[str] = Counter()
    for code, where in report.findings:
        shown[code] += 1
        if shown[code] <= MAX_SHOWN:
            print(f"✗ [{code}] {where}: {both(*TEXTS[code])}")
    for code, count in shown.items():
        if count > MAX_SHOWN:
            print(f"✗ [{code}] … +{count - MAX_SHOWN}")
    for code, where in report.warnings:
        print(f"! [{code}] {where}: {both(*TEXTS[code])}")
    verdicts = {
        OK: both("✓ 全部通过", "✓ everything holds"),
        TAMPERED: both("✗ 发现篡改迹象", "✗ signs of tampering"),
        UNANCHORED: both(
            "? 内容自洽，但未能全部确认，见上", "? consistent, yet not all is certain: see above"
        ),
    }
    print(verdicts[report.exit_code])


def as_json(report: Report) -> str:
    def items(found: list[Finding]) -> list[dict[str, str]]:
        return [
            {"code": code, "where": where, "zh": TEXTS[code][0], "en": TEXTS[code][1]}
            for code, where in found
        ]

    value = {
        "ok": report.exit_code == OK,
        "exit_code": report.exit_code,
        "kind": report.kind,
        "size": report.size,
        "root": report.root,
        "entries": report.entries,
        "checkpoints": report.checkpoints,
        "attachments": report.attachments,
        "timestamps": [{"size": size, "at": at.isoformat()} for size, at in report.timestamps],
        "findings": items(report.findings),
        "warnings": items(report.warnings),
    }
    return json.dumps(value, ensure_ascii=False, indent=2)


def parser() -> argparse.ArgumentParser:
    build = argparse.ArgumentParser(
        description="离线验证账本或证据包 / verify a ledger or an evidence bundle offline",
        epilog="退出码 / exit codes: 0 通过 holds; 1 篡改 tampered; 2 无法读取 unreadable; 3 未给公钥 no key",
    )
    kinds = build.add_subparsers(dest="kind", required=True)
    ledger = kinds.add_parser("ledger", help="SQLite 数据库或 JSONL 导出 / SQLite file or JSON-lines export")
    ledger.add_argument("--checkpoints", type=Path, action="append", default=[], metavar="FILE",
                        help="服务器外的检查点日志 / checkpoint log kept outside the database")  # fmt: skip
    evidence = kinds.add_parser("evidence", help="证据包 zip / evidence bundle")
    for one in (ledger, evidence):
        one.add_argument("path", type=Path)
        one.add_argument("--public-key", required=one is ledger, metavar="KEY",
                         help="您保存的账本公钥 / the ledger's key that you kept")  # fmt: skip
        one.add_argument("--trusted-checkpoint", type=Path, action="append", default=[], metavar="FILE",
                         help="您此前保存的检查点 / a checkpoint that you kept")  # fmt: skip
        one.add_argument("--tsa-roots", type=Path, metavar="FILE",
                         help="时间戳机构的根证书 PEM / the timestamp authority's roots")  # fmt: skip
        one.add_argument("--json", action="store_true", help="机器可读 / machine-readable")
        one.add_argument("--lang", choices=("zh", "en", "both"), default="both")
    return build


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        key = read_key(options.public_key) if options.public_key else None
        if options.kind == "ledger":
            assert key is not None  # noqa: S101 - argparse requires it
            report = verify_ledger(
                options.path, key, options.checkpoints, options.trusted_checkpoint, options.tsa_roots
            )
        else:
            report = verify_evidence(options.path, key, options.trusted_checkpoint, options.tsa_roots)
    except Unreadable as error:
        print(json.dumps({"ok": False, "exit_code": UNREADABLE, "error": str(error)}, ensure_ascii=False)
              if options.json else f"✗ {error}", file=sys.stdout if options.json else sys.stderr)  # fmt: skip
        return UNREADABLE
    if options.json:
        print(as_json(report))
    else:
        say(report, options.lang)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
