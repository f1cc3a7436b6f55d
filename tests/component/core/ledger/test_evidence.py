"""Evidence bundles: the verifier passes them untouched and names what was done to an altered one."""

import hashlib
import json
import shutil
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from core.clock import ManualClock
from core.db import Database
from core.ledger import EntryUnknown, LedgerService, LedgerSigner
from core.ledger.evidence import Attachment, AttachmentInvalid, EvidenceExporter
from core.sealed import Secret
from tests.support.ledger import ORIGIN, Verdict, grow, make_service, run_verifier, verify

WAV = b"RIFF" + bytes(range(256)) * 400
Files = dict[str, bytes]


@dataclass
class Case:
    """A bundle with three records, the recording that one of them names, and an auditor's checkpoint."""

    folder: Path
    key: str
    bundle: Path
    auditor: Path

    def check(self, *extra: object, bundle: Path | None = None) -> Verdict:
        arguments = ("--public-key", self.key, "--trusted-checkpoint", self.auditor, *extra)
        return verify("evidence", bundle or self.bundle, *arguments, cwd=self.folder)

    def altered(self, change: Callable[[Files], object]) -> Verdict:
        """Check a copy of the bundle after `change`."""
        with zipfile.ZipFile(self.bundle) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        change(files)
        path = self.folder / "altered.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return self.check(bundle=path)


async def parts(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


async def build(service: LedgerService, database: Database, clock: ManualClock, folder: Path) -> Case:
    await grow(service, database, clock, 6)
    (folder / "auditor.txt").write_text((await service.sign_checkpoint()).note)
    async with database.begin() as session:
        digest = hashlib.sha256(WAV).hexdigest()
        await service.append(session, "call.ended", {"call_id": "c" * 32, "recording": {"sha256": digest}})
    await grow(service, database, clock, 5)
    await service.sign_checkpoint()
    await grow(service, database, clock, 3)
    exporter = EvidenceExporter(database=database, ledger=service, clock=clock)
    bundle = await exporter.export(folder / "evidence.zip", [6, 2, 14], [Attachment("call.wav", parts(WAV))])
    assert (bundle.seqs, bundle.checkpoint.size) == ((2, 6, 14), 15), "the tail was signed for the export"
    assert bundle.attachments == (("call.wav", digest),)
    return Case(folder, service.verifier.vkey, folder / "evidence.zip", folder / "auditor.txt")


@pytest.fixture
async def case(sqlite_url: str, clock: ManualClock, tmp_path: Path) -> Case:
    database = Database(sqlite_url)
    case = await build(make_service(database, clock, tmp_path), database, clock, tmp_path)
    await database.close()
    untouched = case.check()
    assert (untouched.exit_code, untouched.codes, untouched.warnings) == (0, [], [])
    assert {name: untouched.report[name] for name in ("entries", "attachments", "checkpoints")} == {
        "entries": 3, "attachments": 1, "checkpoints": 3,
    }  # fmt: skip
    return case


async def test_bundle_from_each_database_verifies(
    database: Database, clock: ManualClock, tmp_path: Path
) -> None:
    case = await build(make_service(database, clock, tmp_path), database, clock, tmp_path)
    assert (case.check().exit_code, case.altered(lambda files: files).codes) == (0, [])


PSQL_EXPORT = (
    (
        "SELECT json_build_object('type','entry','seq',seq,'kind',kind,'record',encode(record,'hex'),"
        "'leaf_hash',encode(leaf_hash,'hex'),'created_at',created_at)::text FROM core_ledger_entries ORDER BY seq"
    ),
    "SELECT json_build_object('type','checkpoint','note',note)::text FROM core_ledger_checkpoints ORDER BY size",
)


@pytest.mark.postgres
async def test_export_by_plain_sql_of_postgresql_verifies(
    postgres_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    """The documented queries, as `psql -At` would print them: no code of ours touches the export."""
    database = Database(postgres_url)
    service = make_service(database, clock, tmp_path)
    await grow(service, database, clock, 9)
    await service.sign_checkpoint()
    lines: list[str] = []
    for zone in ("UTC", "Asia/Shanghai"):
        async with database.read() as session:
            await session.execute(text(f"SET LOCAL TIME ZONE '{zone}'"))
            lines = [line for query in PSQL_EXPORT for line in await session.scalars(text(query))]
        export = tmp_path / "psql.jsonl"
        arguments = (
            export,
            "--public-key",
            service.verifier.vkey,
            "--checkpoints",
            tmp_path / "checkpoints.log",
        )
        export.write_text("\n".join(lines) + "\n")
        sound = verify("ledger", *arguments, cwd=tmp_path)
        assert (sound.exit_code, sound.codes, sound.report["entries"]) == (0, [], 9)
        export.write_text("\n".join([*lines[:4], *lines[5:]]) + "\n")
        assert verify("ledger", *arguments, cwd=tmp_path).codes == ["deleted"]
    await database.close()


def test_edited_record(case: Case) -> None:
    def change(files: Files) -> None:
        files["entries/2.json"] = files["entries/2.json"].replace(b'"number":2', b'"number":3')

    verdict = case.altered(change)
    assert (verdict.exit_code, verdict.codes) == (1, ["edited"])
    assert verdict.report["findings"][0]["where"] == "seq=2"


def test_reformatted_record(case: Case) -> None:
    def change(files: Files) -> None:
        files["entries/2.json"] = json.dumps(json.loads(files["entries/2.json"]), indent=1).encode()

    assert case.altered(change).codes == ["edited"]


def test_swapped_records(case: Case) -> None:
    def change(files: Files) -> None:
        one, other = "entries/2.json", "entries/14.json"
        files[one], files[other] = files[other], files[one]

    assert case.altered(change).codes == ["swapped", "swapped"]


def test_record_taken_out(case: Case) -> None:
    assert case.altered(lambda files: files.pop("entries/2.json")).codes == ["deleted"]


def test_record_slipped_in(case: Case) -> None:
    def change(files: Files) -> None:
        files["entries/3.json"] = files["entries/2.json"].replace(b'"seq":2', b'"seq":3')
        files["proofs/3.tlog-proof"] = files["proofs/2.tlog-proof"].replace(b"index 2", b"index 3")

    assert case.altered(change).codes == ["inserted", "edited"]


def test_altered_attachment(case: Case) -> None:
    def change(files: Files) -> None:
        files["attachments/call.wav"] = WAV[:-1] + b"\x00"

    assert case.altered(change).codes == ["attachment-altered"]


def test_altered_attachment_with_the_manifest_made_to_fit(case: Case) -> None:
    def change(files: Files) -> None:
        files["attachments/call.wav"] = WAV[:-1] + b"\x00"
        manifest = json.loads(files["manifest.json"])
        manifest["attachments"][0]["sha256"] = hashlib.sha256(files["attachments/call.wav"]).hexdigest()
        files["manifest.json"] = json.dumps(manifest).encode()

    assert case.altered(change).codes == ["attachment-altered"]


def test_bytes_of_the_attachment_flipped_in_the_zip_itself(case: Case) -> None:
    raw = bytearray(case.bundle.read_bytes())
    raw[200] ^= 0xFF
    path = case.folder / "flipped.zip"
    path.write_bytes(raw)
    verdict = case.check(bundle=path)
    assert verdict.codes == ["attachment-altered"] or verdict.exit_code == 2


def test_attachment_whose_record_was_altered_with_it(case: Case) -> None:
    def change(files: Files) -> None:
        files["attachments/call.wav"] = b"another"
        digests = [hashlib.sha256(data).hexdigest().encode() for data in (WAV, b"another")]
        files["entries/6.json"] = files["entries/6.json"].replace(*digests)

    assert case.altered(change).codes == ["edited", "attachment-altered"]


def test_missing_attachment(case: Case) -> None:
    assert case.altered(lambda files: files.pop("attachments/call.wav")).codes == ["attachment-missing"]


@pytest.mark.parametrize(
    "cut",
    [
        lambda text: text.replace("index 2", "index 3"),
        lambda _text: "junk",
        lambda text: text.replace("\n\n", "\n"),
    ],
)
def test_malformed_proof(case: Case, cut: Callable[[str], str]) -> None:
    def change(files: Files) -> None:
        files["proofs/2.tlog-proof"] = cut(files["proofs/2.tlog-proof"].decode()).encode()

    assert case.altered(change).codes == ["proof-invalid"]


def test_missing_proof(case: Case) -> None:
    assert case.altered(lambda files: files.pop("proofs/2.tlog-proof")).codes == ["proof-invalid"]


def test_checkpoint_of_a_stranger(case: Case) -> None:
    def change(files: Files) -> None:
        files["checkpoint.txt"] = files["checkpoint.txt"].replace(b"\n15\n", b"\n16\n")

    assert case.altered(change).codes == ["checkpoint-forged"]


def test_checkpoint_left_out_of_the_chain(case: Case) -> None:
    def change(files: Files) -> None:
        lines = files["checkpoints.jsonl"].splitlines(keepends=True)
        files["checkpoints.jsonl"] = b"".join(lines[1:])

    verdict = case.altered(change)
    assert verdict.exit_code == 1
    assert "checkpoint-missing" in verdict.codes


def test_whole_other_ledger_by_the_same_origin_with_another_key(case: Case) -> None:
    stranger = case.folder / "stranger.txt"
    with zipfile.ZipFile(case.bundle) as archive:
        stranger.write_bytes(archive.read("public_key.txt"))
    assert verify("evidence", case.bundle, "--public-key", stranger, cwd=case.folder).exit_code == 0


async def test_fork_shown_by_the_auditors_own_checkpoint(
    case: Case, clock: ManualClock, sqlite_url: str, tmp_path: Path
) -> None:
    """The same key signs another history; the auditor holds a checkpoint of the first."""
    shutil.copy(case.folder / "maskline.db", case.folder / "fork.db")
    fork = Database(f"sqlite+aiosqlite:///{case.folder / 'fork.db'}")
    service = make_service(fork, clock, tmp_path, log="fork.log")
    clock.advance(timedelta(minutes=9))
    await grow(service, fork, clock, 4, start=500)
    await service.sign_checkpoint()
    exporter = EvidenceExporter(database=fork, ledger=service, clock=clock)
    other = tmp_path / "fork.zip"
    await exporter.export(other, [2])
    await fork.close()
    main = Database(sqlite_url)
    service = make_service(main, clock, tmp_path)
    await grow(service, main, clock, 4, start=900)
    (tmp_path / "mine.txt").write_text((await service.sign_checkpoint()).note)
    await main.close()
    assert case.check(bundle=other).codes == []
    assert "forked" in case.check("--trusted-checkpoint", tmp_path / "mine.txt", bundle=other).codes


async def test_bundle_older_than_the_auditors_checkpoint_cannot_be_held_against_it(
    case: Case, clock: ManualClock, sqlite_url: str, tmp_path: Path
) -> None:
    """Friday's bundle and Monday's checkpoint: nobody did wrong, and nothing is certain."""
    main = Database(sqlite_url)
    service = make_service(main, clock, tmp_path)
    await grow(service, main, clock, 4)
    (tmp_path / "newer.txt").write_text((await service.sign_checkpoint()).note)
    await main.close()
    verdict = case.check("--trusted-checkpoint", tmp_path / "newer.txt")
    assert (verdict.exit_code, verdict.codes, verdict.warnings) == (3, [], ["older-than-yours"])


async def test_bundle_signed_later_than_the_auditors_checkpoint_and_knowing_less_is_a_roll_back(
    case: Case, clock: ManualClock, sqlite_url: str, tmp_path: Path
) -> None:
    shutil.copy(case.folder / "maskline.db", case.folder / "old.db")
    main = Database(sqlite_url)
    service = make_service(main, clock, tmp_path)
    await grow(service, main, clock, 9)
    (tmp_path / "newer.txt").write_text((await service.sign_checkpoint()).note)
    await main.close()
    put_back = Database(f"sqlite+aiosqlite:///{case.folder / 'old.db'}")
    clock.advance(timedelta(minutes=9))
    service = make_service(put_back, clock, tmp_path, log="old.log")
    await grow(service, put_back, clock, 1)
    exporter = EvidenceExporter(database=put_back, ledger=service, clock=clock)
    await exporter.export(tmp_path / "old.zip", [15])
    await put_back.close()
    verdict = case.check("--trusted-checkpoint", tmp_path / "newer.txt", bundle=tmp_path / "old.zip")
    assert (verdict.exit_code, verdict.codes) == (1, ["clock-moved-back", "rolled-back"])


def test_without_a_key_of_ones_own_nothing_is_certain(case: Case) -> None:
    verdict = verify("evidence", case.bundle, cwd=case.folder)
    assert verdict.exit_code == 3
    assert {"key-unknown", "no-outside-checkpoint"} == set(verdict.warnings)


def test_with_a_strangers_key_everything_is_forged(case: Case) -> None:
    key = make_key()
    verdict = verify("evidence", case.bundle, "--public-key", key, cwd=case.folder)
    assert (verdict.exit_code, verdict.codes) == (1, ["checkpoint-forged"])


def make_key() -> str:
    return LedgerSigner(ORIGIN, Secret(b"\x66" * 32)).verifier.vkey


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04junk", b"no zip"])
def test_unreadable_bundle(case: Case, content: bytes) -> None:
    path = case.folder / "junk.zip"
    path.write_bytes(content)
    assert case.check(bundle=path).exit_code == 2
    assert run_verifier("evidence", path, cwd=case.folder).stderr.startswith("✗")


def test_bundle_says_in_both_languages_how_to_verify_it(case: Case) -> None:
    with zipfile.ZipFile(case.bundle) as archive:
        readme = archive.read("README.md").decode()
    assert "退出码" in readme
    assert "Exit codes" in readme


async def test_export_refuses_what_it_cannot_prove(
    sqlite_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    service = make_service(database, clock, tmp_path)
    exporter = EvidenceExporter(database=database, ledger=service, clock=clock)
    await grow(service, database, clock, 2)
    target = tmp_path / "out.zip"
    for seqs in ([2], [-1], [0, 99]):
        with pytest.raises(EntryUnknown):
            await exporter.export(target, seqs)
    for names in (["../x"], ["a", "a"], ["", "b"], [".hidden"], ["a/b"], ["名字.wav"]):
        with pytest.raises(AttachmentInvalid):
            await exporter.export(target, [0], [Attachment(name, b"") for name in names])

    async def broken() -> AsyncIterator[bytes]:
        yield b"some"
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - any
        await exporter.export(target, [0], [Attachment("a", broken())])
    assert not target.exists()
    await exporter.export(target, [0, 0, 1], [])
    with pytest.raises(FileExistsError):
        await exporter.export(target, [0])
    assert target.exists()
    await database.close()
