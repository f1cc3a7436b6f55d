"""Whatever is done to a file, the verifier gives a verdict: it never crashes and never calls damage sound."""

import base64
import random
import sqlite3
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.db import Database
from core.ledger.evidence import Attachment, EvidenceExporter
from core.ledger.export import export_lines
from tests.support.ledger import grow, make_service, verifier


@pytest.fixture
async def files(sqlite_url: str, clock: ManualClock, tmp_path: Path) -> dict[str, Path]:
    database = Database(sqlite_url)
    service = make_service(database, clock, tmp_path)
    await grow(service, database, clock, 6)
    await service.sign_checkpoint()
    await grow(service, database, clock, 6)
    await service.sign_checkpoint()
    exporter = EvidenceExporter(database=database, ledger=service, clock=clock)
    await exporter.export(tmp_path / "evidence.zip", [1, 7], [Attachment("a.bin", b"x" * 500)])
    lines = [line async for line in export_lines(database, service.verifier)]
    await database.close()
    (tmp_path / "export.jsonl").write_text("".join(lines))
    (tmp_path / "key.txt").write_text(service.verifier.vkey)
    return {
        "evidence": tmp_path / "evidence.zip",
        "export": tmp_path / "export.jsonl",
        "database": tmp_path / "maskline.db",
    }


def test_damaged_export_is_never_sound(files: dict[str, Path]) -> None:
    path, chance = files["export"], random.Random(1)  # noqa: S311
    key = verifier.read_key(str(path.parent / "key.txt"))
    sound, root = path.read_bytes(), _root(path)
    verdicts = Counter[str]()
    for _ in range(600):
        raw = bytearray(sound)
        raw[chance.randrange(sound.index(b"\n"), len(raw))] ^= 1 << chance.randrange(8)
        path.write_bytes(raw)
        try:
            report = verifier.verify_ledger(path, key, [path.parent / "checkpoints.log"], [])
        except verifier.Unreadable:
            verdicts["unreadable"] += 1
            continue
        verdicts["sound" if report.exit_code == 0 else "tampered"] += 1
        # A flip may leave the meaning alone (the case of a hexadecimal digit), but never a changed record.
        assert report.exit_code == 1 or report.root == root
    assert verdicts["tampered"] > 150
    assert verdicts["sound"] < 60


def _root(path: Path) -> str:
    tree = verifier.Tree()
    with sqlite3.connect(path.parent / "maskline.db") as connection:
        for (record,) in connection.execute("SELECT record FROM core_ledger_entries ORDER BY seq"):
            tree.add(record)
    connection.close()
    return base64.b64encode(tree.root()).decode()


def test_damaged_bundle_never_crashes_the_verifier(files: dict[str, Path]) -> None:
    path, chance = files["evidence"], random.Random(2)  # noqa: S311
    key = verifier.read_key(str(path.parent / "key.txt"))
    sound, records = path.read_bytes(), _records(path)
    verdicts = Counter[str]()
    for turn in range(600):
        raw = bytearray(sound)
        if turn % 2:
            raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        else:
            start = chance.randrange(len(raw))
            del raw[start : start + chance.randrange(1, 200)]
        path.write_bytes(raw)
        try:
            report = verifier.verify_evidence(path, key, [])
        except verifier.Unreadable:
            verdicts["unreadable"] += 1
            continue
        verdicts["sound" if report.exit_code == 0 else "tampered"] += 1
        # Dates and attributes of the archive, or its copy of the README, may change unseen; records may not.
        assert report.exit_code == 1 or _records(path) == records
    assert verdicts["sound"] < 200
    assert min(verdicts["unreadable"], verdicts["tampered"]) > 10


def _records(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if name.startswith(("entries/", "attachments/"))
        }


def test_damaged_database_never_crashes_the_verifier(files: dict[str, Path]) -> None:
    path, chance = files["database"], random.Random(3)  # noqa: S311
    key = verifier.read_key(str(path.parent / "key.txt"))
    sound = path.read_bytes()
    pages = [
        at
        for at in range(0, len(sound), 4096)
        if b"test.fact" in sound[at : at + 4096] or b"ledger.test" in sound[at : at + 4096]
    ]
    verdicts = Counter[str]()
    for turn in range(400):
        raw = bytearray(sound)
        for _ in range(turn % 20 + 1):
            raw[chance.choice(pages) + chance.randrange(4096)] ^= 1 << chance.randrange(8)
        path.write_bytes(raw)
        try:
            report = verifier.verify_ledger(path, key, [path.parent / "checkpoints.log"], [])
        except verifier.Unreadable:
            verdicts["unreadable"] += 1
            continue
        verdicts["sound" if report.exit_code == 0 else "tampered"] += 1
    assert min(verdicts["unreadable"], verdicts["tampered"]) > 10


@pytest.mark.parametrize(
    ("column", "value"),
    [("record", 5), ("record", "[" * 100_000), ("record", "{}"), ("leaf_hash", "x"),
     ("created_at", "yesterday"), ("created_at", 7), ("kind", 5), ("seq", "text"), ("seq", -4), ("seq", 10**15)],
)  # fmt: skip
def test_cells_of_another_kind_are_findings(files: dict[str, Path], column: str, value: object) -> None:
    path = files["database"]
    key = verifier.read_key(str(path.parent / "key.txt"))
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE core_ledger_entries SET {column} = ? WHERE seq = 4", (value,))  # noqa: S608
    connection.close()
    try:
        report = verifier.verify_ledger(path, key, [path.parent / "checkpoints.log"], [])
    except verifier.Unreadable:
        return
    assert report.exit_code == 1
