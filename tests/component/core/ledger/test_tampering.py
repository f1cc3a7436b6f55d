"""Each attack on a ledger is found, and named, by the stand-alone verifier; the untouched ledger passes.

Every test starts from `victim`, whose fixture checks that the verifier is content, and ends with a finding:
green before, red after. The attacker owns the database and knows the format, but not the signing key.
"""

import ast
import base64
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.db import Database
from core.ledger.export import export_lines
from core.ledger.merkle import Frontier, leaf_hash
from core.ledger.notes import LedgerSigner
from core.ledger.record import make_entry
from core.sealed import Secret
from tests.support.ledger import ORIGIN, SEED, VERIFIER, Verdict, grow, make_service, run_verifier, verify

SIZE = 23
INSERT = "INSERT INTO core_ledger_entries (seq, kind, record, leaf_hash, created_at) VALUES (?, ?, ?, ?, ?)"
EMPTY = ("DELETE FROM core_ledger_entries", "DELETE FROM core_ledger_nodes", "DELETE FROM core_ledger_head")


@dataclass
class Victim:
    """A ledger of 23 entries: checkpoints at 5, 12 and 20, a log outside, and an auditor's copy at 12."""

    folder: Path
    clock: ManualClock
    key: str

    @property
    def database(self) -> Path:
        return self.folder / "maskline.db"

    @property
    def log(self) -> Path:
        return self.folder / "checkpoints.log"

    def check(self, *extra: object, path: Path | None = None) -> Verdict:
        return verify(
            "ledger",
            path or self.database,
            "--public-key",
            self.key,
            "--checkpoints",
            self.log,
            *extra,
            cwd=self.folder,
        )

    @contextmanager
    def sql(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.database)
        with connection:
            yield connection
        connection.close()

    def records(self) -> list[bytes]:
        with self.sql() as sql:
            return [
                record for (record,) in sql.execute("SELECT record FROM core_ledger_entries ORDER BY seq")
            ]

    def rebuild(self, records: list[bytes]) -> Frontier:
        """Write records with hashes, nodes and head all recomputed: what the owner of the database can do."""
        edge = Frontier()
        with self.sql() as sql:
            for statement in EMPTY:
                sql.execute(statement)
            for seq, record in enumerate(records):
                value = json.loads(record)
                at = value["at"].replace("T", " ").rstrip("Z")
                row = (seq, value["kind"], record, leaf_hash(record), at)
                sql.execute(INSERT, row)
                edge, nodes = edge.append(leaf_hash(record))
                sql.executemany(
                    "INSERT INTO core_ledger_nodes (level, position, hash) VALUES (?, ?, ?)",
                    [(*node, value) for node, value in nodes.items()],
                )
            sql.execute("INSERT INTO core_ledger_head VALUES (1, ?, ?)", (edge.size, edge.dump()))
        return edge


@pytest.fixture
async def victim(sqlite_url: str, tmp_path: Path, clock: ManualClock) -> Victim:
    database = Database(sqlite_url)
    service = make_service(database, clock, tmp_path)
    for start, end in ((0, 5), (5, 12), (12, 20)):
        await grow(service, database, clock, end - start, start=start)
        checkpoint = await service.sign_checkpoint()
        (tmp_path / f"auditor-{checkpoint.size}.txt").write_text(checkpoint.note)
    await grow(service, database, clock, SIZE - 20, start=20)
    await database.close()
    victim = Victim(tmp_path, clock, service.verifier.vkey)
    untouched = victim.check("--trusted-checkpoint", tmp_path / "auditor-12.txt")
    assert (untouched.exit_code, untouched.codes, untouched.warnings) == (0, [], ["unsigned-tail"])
    assert untouched.report["entries"] == SIZE
    assert untouched.report["checkpoints"] == 3
    return victim


def test_edit_of_a_record(victim: Victim) -> None:
    with victim.sql() as sql:
        record = victim.records()[7].replace(b'"number":7', b'"number":8')
        sql.execute("UPDATE core_ledger_entries SET record = ? WHERE seq = 7", (record,))
    verdict = victim.check()
    assert (verdict.exit_code, verdict.codes) == (1, ["edited"])
    assert verdict.report["findings"][0]["where"] == "seq=7"


def test_edit_of_the_unsigned_tail(victim: Victim) -> None:
    with victim.sql() as sql:
        sql.execute("UPDATE core_ledger_entries SET record = replace(record, '22}', '99}') WHERE seq = 22")
    assert victim.check().codes == ["edited"]


def test_edit_of_the_columns_beside_a_record(victim: Victim) -> None:
    with victim.sql() as sql:
        sql.execute("UPDATE core_ledger_entries SET kind = 'test.other' WHERE seq = 3")
        sql.execute("UPDATE core_ledger_entries SET created_at = '2020-01-01 00:00:00.000000' WHERE seq = 4")
    assert victim.check().codes == ["columns-edited", "columns-edited"]


def test_edit_of_a_stored_hash_is_told_from_an_edit_of_the_record(victim: Victim) -> None:
    with victim.sql() as sql:
        sql.execute("UPDATE core_ledger_entries SET leaf_hash = zeroblob(32) WHERE seq = 3")
    assert victim.check().codes == ["hash-column-edited"]


def test_delete_of_a_row(victim: Victim) -> None:
    with victim.sql() as sql:
        sql.execute("DELETE FROM core_ledger_entries WHERE seq = 9")
    verdict = victim.check()
    assert (verdict.exit_code, verdict.codes) == (1, ["deleted"])
    assert verdict.report["findings"][0]["where"] == "seq=9"


def test_delete_of_a_row_with_the_rest_moved_up(victim: Victim) -> None:
    with victim.sql() as sql:
        sql.execute("DELETE FROM core_ledger_entries WHERE seq = 9")
        sql.execute("UPDATE core_ledger_entries SET seq = -seq WHERE seq > 9")
        sql.execute("UPDATE core_ledger_entries SET seq = -seq - 1 WHERE seq < 0")
    verdict = victim.check()
    assert (verdict.exit_code, verdict.codes) == (1, ["deleted"])
    assert verdict.report["findings"][0]["where"] == "seq=9"


@pytest.mark.parametrize(("one", "other"), [(6, 7), (2, 15), (0, 22)])
def test_swap_of_two_rows(victim: Victim, one: int, other: int) -> None:
    with victim.sql() as sql:
        for old, new in ((one, -1), (other, one), (-1, other)):
            sql.execute("UPDATE core_ledger_entries SET seq = ? WHERE seq = ?", (new, old))
    verdict = victim.check()
    assert (verdict.exit_code, verdict.codes) == (1, ["swapped"])
    assert verdict.report["findings"][0]["where"] == f"seq={one},{other}"


@pytest.mark.parametrize("kept", [22, 19, 6, 0])
def test_truncation_of_the_end(victim: Victim, kept: int) -> None:
    with victim.sql() as sql:
        sql.execute("DELETE FROM core_ledger_entries WHERE seq >= ?", (kept,))
    assert victim.check().codes == ["truncated"]


def test_truncation_with_head_and_tree_made_to_fit(victim: Victim) -> None:
    victim.rebuild(victim.records()[:15])
    assert victim.check().codes == ["truncated"]


def test_truncation_with_the_database_s_checkpoints_removed_too(victim: Victim) -> None:
    victim.rebuild(victim.records()[:15])
    with victim.sql() as sql:
        sql.execute("DELETE FROM core_ledger_checkpoints WHERE size > 15")
    assert victim.check().codes == ["rolled-back"]


def test_insertion_of_a_row_in_the_middle(victim: Victim, clock: ManualClock) -> None:
    forged = make_entry(9, "test.fact", clock.now() - timedelta(minutes=SIZE - 9), {"number": 999})
    with victim.sql() as sql:
        sql.execute("UPDATE core_ledger_entries SET seq = -seq - 1 WHERE seq >= 9")
        sql.execute("UPDATE core_ledger_entries SET seq = -seq WHERE seq < 0")
        at = forged.at.strftime("%Y-%m-%d %H:%M:%S.%f")
        sql.execute(
            INSERT,
            (9, forged.kind, forged.record, forged.leaf_hash, at),
        )
    verdict = victim.check()
    assert (verdict.exit_code, verdict.codes) == (1, ["inserted"])
    assert verdict.report["findings"][0]["where"] == "seq=9"


def test_insertion_at_the_end_past_the_server(victim: Victim, clock: ManualClock) -> None:
    forged = make_entry(SIZE, "test.fact", clock.now(), {"number": 999})
    with victim.sql() as sql:
        at = forged.at.strftime("%Y-%m-%d %H:%M:%S.%f")
        sql.execute(
            INSERT,
            (SIZE, forged.kind, forged.record, forged.leaf_hash, at),
        )
    assert victim.check().codes == ["inserted"]


def test_back_dated_row_with_everything_recomputed(victim: Victim, clock: ManualClock) -> None:
    records = victim.records()
    old = make_entry(SIZE, "test.fact", clock.now() - timedelta(days=3), {"number": 999})
    victim.rebuild([*records, old.record])
    assert victim.check().codes == ["backdated"]


async def test_back_dated_row_by_the_server_s_own_moved_clock(victim: Victim, clock: ManualClock) -> None:
    database = Database(f"sqlite+aiosqlite:///{victim.database}")
    service = make_service(database, clock, victim.folder)
    clock.set(clock.now() - timedelta(days=3))
    await grow(service, database, clock, 1, start=SIZE)
    await service.sign_checkpoint()
    await database.close()
    assert set(victim.check().codes) == {"backdated", "future-dated", "clock-moved-back"}


def test_recomputing_everything_without_the_key(victim: Victim) -> None:
    records = victim.records()
    records[7] = records[7].replace(b'"number":7', b'"number":8')
    victim.rebuild(records)
    verdict = victim.check()
    assert (verdict.exit_code, verdict.codes) == (1, ["rewritten"])
    assert verdict.report["findings"][0]["where"] == "seq=5..11"


def test_recomputing_everything_and_signing_with_a_key_of_one_s_own(victim: Victim) -> None:
    records = victim.records()
    records[7] = records[7].replace(b'"number":7', b'"number":8')
    edge = victim.rebuild(records)
    note = LedgerSigner(ORIGIN, Secret(b"\x66" * 32)).sign(edge.size, edge.root(), victim.clock.now()).note
    with victim.sql() as sql:
        sql.execute("DELETE FROM core_ledger_checkpoints")
        sql.execute(
            "INSERT INTO core_ledger_checkpoints VALUES (?, ?, '2026-11-21 03:00:00')", (edge.size, note)
        )
    victim.log.write_text(json.dumps({"note": note}) + "\n")
    assert victim.check().codes == ["checkpoint-forged", "checkpoint-forged"]


def test_checkpoint_with_another_root_under_the_old_signature(victim: Victim) -> None:
    with victim.sql() as sql:
        (note,) = sql.execute("SELECT note FROM core_ledger_checkpoints WHERE size = 12").fetchone()
        lines = note.split("\n")
        lines[2] = base64.b64encode(b"\x00" * 32).decode()
        sql.execute("UPDATE core_ledger_checkpoints SET note = ? WHERE size = 12", ("\n".join(lines),))
    assert "checkpoint-forged" in victim.check().codes


def test_checkpoint_removed_from_the_database(victim: Victim) -> None:
    with victim.sql() as sql:
        sql.execute("DELETE FROM core_ledger_checkpoints WHERE size = 12")
    assert victim.check().codes == ["checkpoint-missing"]


def test_fork_two_checkpoints_of_one_size(victim: Victim) -> None:
    other = LedgerSigner(ORIGIN, SEED).sign(12, b"\x01" * 32, victim.clock.now())
    shown = victim.folder / "shown-to-somebody-else.txt"
    shown.write_text(other.note)
    assert "forked" in victim.check("--trusted-checkpoint", shown).codes


async def test_fork_by_the_real_server_on_a_copy(victim: Victim, clock: ManualClock) -> None:
    shutil.copy(victim.database, victim.folder / "second.db")
    database = Database(f"sqlite+aiosqlite:///{victim.folder / 'second.db'}")
    service = make_service(database, clock, victim.folder, log="second.log")
    await grow(service, database, clock, 2, start=777)
    second = await service.sign_checkpoint()
    await database.close()
    (victim.folder / "second.txt").write_text(second.note)
    first = Database(f"sqlite+aiosqlite:///{victim.database}")
    service = make_service(first, clock, victim.folder)
    await grow(service, first, clock, 5, start=SIZE)
    await service.sign_checkpoint()
    await first.close()
    assert victim.check().codes == []
    assert "forked" in victim.check("--trusted-checkpoint", victim.folder / "second.txt").codes


async def test_roll_back_of_the_whole_database_file(victim: Victim, clock: ManualClock) -> None:
    shutil.copy(victim.database, victim.folder / "old.db")
    database = Database(f"sqlite+aiosqlite:///{victim.database}")
    service = make_service(database, clock, victim.folder)
    await grow(service, database, clock, 10, start=SIZE)
    newest = await service.sign_checkpoint()
    await database.close()
    assert victim.check().codes == []
    shutil.copy(victim.folder / "old.db", victim.database)
    assert victim.check().codes == ["rolled-back"]
    (victim.folder / "newest.txt").write_text(newest.note)
    victim.log.write_text("".join(victim.log.read_text().splitlines(keepends=True)[:3]))
    assert victim.check().codes == [], "without an outside checkpoint nobody can know"
    assert victim.check("--trusted-checkpoint", victim.folder / "newest.txt").codes == ["rolled-back"]


async def test_attacks_are_seen_in_an_export_too(victim: Victim) -> None:
    database = Database(f"sqlite+aiosqlite:///{victim.database}")
    service = make_service(database, victim.clock, victim.folder)
    lines = [line async for line in export_lines(database, service.verifier)]
    await database.close()
    export = victim.folder / "export.jsonl"
    export.write_text("".join(lines))
    assert victim.check(path=export).codes == []
    attacks = {
        "deleted": [*lines[:8], *lines[9:]],
        "inserted": [*lines[:8], lines[7], *lines[8:]],
        "swapped": [*lines[:8], _renumbered(lines[9], 7), _renumbered(lines[8], 8), *lines[10:]],
        "truncated": [*lines[:10], *lines[24:]],
        "rolled-back": lines[:10],
        "edited": [*lines[:8], lines[8].replace(b'"number":7'.hex(), b'"number":8'.hex()), *lines[9:]],
    }
    for code, altered in attacks.items():
        export.write_text("".join(altered))
        assert victim.check(path=export).codes == [code]


def _renumbered(line: str, seq: int) -> str:
    return json.dumps(json.loads(line) | {"seq": seq}) + "\n"


def test_wrong_key_finds_every_checkpoint_forged(victim: Victim) -> None:
    stranger = LedgerSigner(ORIGIN, Secret(b"\x66" * 32)).verifier.vkey
    verdict = verify(
        "ledger", victim.database, "--public-key", stranger, "--checkpoints", victim.log, cwd=victim.folder
    )
    assert (verdict.exit_code, set(verdict.codes)) == (1, {"checkpoint-forged"})


def test_no_outside_checkpoint_is_said_aloud(victim: Victim) -> None:
    verdict = verify("ledger", victim.database, "--public-key", victim.key, cwd=victim.folder)
    assert verdict.exit_code == 0
    assert "no-outside-checkpoint" in verdict.warnings


@pytest.mark.parametrize(
    "content", [b"", b"junk", b"SQLite format 3\x00junk", b'{"type": "entry"}\n', b"[]\n", b"\xff\xfe"]
)
def test_unreadable_input_is_exit_code_two(victim: Victim, content: bytes) -> None:
    path = victim.folder / "junk"
    path.write_bytes(content)
    verdict = verify("ledger", path, "--public-key", victim.key, cwd=victim.folder)
    if content:
        assert verdict.exit_code == 2
        assert verdict.report["error"]
    assert (
        verify("ledger", victim.folder / "none", "--public-key", victim.key, cwd=victim.folder).exit_code == 2
    )
    assert verify("ledger", victim.database, "--public-key", "nonsense", cwd=victim.folder).exit_code == 2


def test_people_read_it_in_both_languages(victim: Victim) -> None:
    with victim.sql() as sql:
        sql.execute("DELETE FROM core_ledger_entries WHERE seq = 9")
    arguments = ("ledger", victim.database, "--public-key", victim.key, "--checkpoints", victim.log)
    chinese = run_verifier(*arguments, "--lang", "zh", cwd=victim.folder)
    english = run_verifier(*arguments, "--lang", "en", cwd=victim.folder)
    both = run_verifier(*arguments, cwd=victim.folder)
    assert chinese.returncode == english.returncode == both.returncode == 1
    assert "记录被删除" in chinese.stdout
    assert "was deleted" not in chinese.stdout
    assert "was deleted" in english.stdout
    assert "删除" not in english.stdout
    assert "记录被删除 / a record was deleted" in both.stdout


def test_verifier_imports_nothing_of_ours() -> None:
    tree = ast.parse(VERIFIER.read_text())
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules - sys.stdlib_module_names == {"cryptography"}
