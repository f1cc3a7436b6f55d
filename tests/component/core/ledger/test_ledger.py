"""Appending in the caller's transaction, in order, by many at once; checkpoints and proofs over it."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import delete, event, func, select, text, update

from core.clock import ManualClock
from core.db import Database
from core.ledger import (
    EntryUnknown,
    Ledger,
    LedgerBodyInvalid,
    LedgerRolledBack,
    LedgerService,
    ProofImpossible,
)
from core.ledger.merkle import EMPTY_ROOT, leaf_hash
from core.ledger.models import CheckpointRow, EntryRow, HeadRow, NodeRow
from tests.support.ledger import grow, make_service, mth, verifier


@pytest.fixture
def service(database: Database, clock: ManualClock, tmp_path: Path) -> LedgerService:
    return make_service(database, clock, tmp_path)


async def records(database: Database) -> list[bytes]:
    async with database.read() as session:
        return list(await session.scalars(select(EntryRow.record).order_by(EntryRow.seq)))


async def test_entry_holds_canonical_json_with_number_kind_and_time(
    database: Database, clock: ManualClock
) -> None:
    async with database.begin() as session:
        entry = await Ledger(clock).append(
            session, "contact.verdict", {"规则": "é", "b": 1, "a": [True, None]}
        )
    assert entry.record.decode() == (
        '{"at":"2026-11-21T02:00:00.000000Z","body":{"a":[true,null],"b":1,"规则":"é"},'
        '"kind":"contact.verdict","seq":0,"v":1}'
    )
    assert entry.leaf_hash == leaf_hash(entry.record)
    async with database.read() as session:
        assert await Ledger(clock).entry(session, 0) == entry
        with pytest.raises(EntryUnknown):
            await Ledger(clock).entry(session, 1)


async def test_entries_of_a_rolled_back_transaction_never_were(
    database: Database, clock: ManualClock
) -> None:
    ledger = Ledger(clock)

    class Stop(Exception):
        pass

    async with database.begin() as session:
        await ledger.append(session, "test.fact", {"n": 0})
    with suppress(Stop):
        async with database.begin() as session:
            await ledger.append(session, "test.fact", {"n": 1})
            await ledger.append(session, "test.fact", {"n": 2})
            raise Stop
    async with database.begin() as session:
        assert (await ledger.append(session, "test.fact", {"n": 3})).seq == 1


async def test_two_processes_that_take_turns_continue_each_others_tree(
    database: Database, service: LedgerService, clock: ManualClock
) -> None:
    """Each remembers another edge than the database has, and each other time its guess is wrong."""
    processes = (Ledger(clock), Ledger(clock))
    seqs = []
    for turn, count in enumerate((1, 1, 3, 2, 1, 1, 1, 4)):
        async with database.begin() as session:
            for _ in range(count):
                entry = await processes[turn % 3 % 2].append(session, "test.fact", {"turn": turn})
                seqs.append(entry.seq)
    assert seqs == list(range(14))
    assert (await service.verify()).ok
    assert (await service.sign_checkpoint()).root == mth(await records(database))


async def test_a_remembered_edge_of_another_tree_is_not_continued(
    database: Database, service: LedgerService, clock: ManualClock
) -> None:
    """The same size is not the same tree: a copy put back, or another process after our rollback."""
    one, other = Ledger(clock), Ledger(clock)
    with suppress(ZeroDivisionError):
        async with database.begin() as session:
            await one.append(session, "test.fact", {"n": 1})
            raise ZeroDivisionError
    async with database.begin() as session:
        await other.append(session, "test.fact", {"n": 2})
    async with database.begin() as session:
        assert (await one.append(session, "test.fact", {"n": 3})).seq == 1
    assert (await service.verify()).ok


async def test_a_refused_body_leaves_no_guess_behind(
    database: Database, service: LedgerService, clock: ManualClock
) -> None:
    one, other = Ledger(clock), Ledger(clock)
    for ledger in (one, other):
        async with database.begin() as session:
            await ledger.append(session, "test.fact", {})
    async with database.begin() as session:
        with pytest.raises(LedgerBodyInvalid):
            await one.append(session, "test.fact", {"phone": "13800138000"})
        assert (await one.append(session, "test.fact", {})).seq == 2
        with pytest.raises(LedgerBodyInvalid):
            await one.append(session, "test.fact", {"phone": "13800138000"})
    assert (await service.verify()).ok
    assert (await service.verify()).size == 3


async def test_what_a_transaction_appended_is_read_in_it(database: Database, clock: ManualClock) -> None:
    ledger = Ledger(clock)
    async with database.begin() as session:
        entries = [await ledger.append(session, "test.fact", {"n": n}) for n in range(3)]
        assert await ledger.entry(session, 1) == entries[1]
        last = await ledger.append(session, "test.fact", {"n": 3})
        assert await ledger.entry(session, 3) == last
    assert len(await records(database)) == 4


async def test_no_append_in_a_savepoint(
    database: Database, service: LedgerService, clock: ManualClock
) -> None:
    ledger = Ledger(clock)
    async with database.begin() as session:
        await ledger.append(session, "test.fact", {"n": 0})
        with suppress(ZeroDivisionError):
            async with session.begin_nested():
                with pytest.raises(RuntimeError):
                    await ledger.append(session, "test.fact", {"n": 1})
                raise ZeroDivisionError
        assert (await ledger.append(session, "test.fact", {"n": 2})).seq == 1
    assert (await service.verify()).ok


async def test_a_session_of_several_transactions(
    database: Database, service: LedgerService, clock: ManualClock
) -> None:
    ledger = Ledger(clock)
    async with database.begin() as session:
        await ledger.append(session, "test.fact", {"n": 0})
        await session.rollback()
    async with database.begin() as session:
        await ledger.append(session, "test.fact", {"n": 1})
    assert (await service.verify()).size == 1
    assert (await service.verify()).ok


async def test_ten_appends_cost_as_many_statements_as_two(database: Database, clock: ManualClock) -> None:
    ledger, said = Ledger(clock), []
    event.listen(
        database.engine.sync_engine, "before_cursor_execute", lambda *args: said.append(args[2].split()[0])
    )
    costs = []
    for count in (4, 1, 2, 10):
        said.clear()
        async with database.begin() as session:
            for n in range(count):
                await ledger.append(session, "test.fact", {"n": n})
        costs.append(sorted(word for word in said if word != "BEGIN"))
    assert costs[1] == ["INSERT", "UPDATE"]
    assert costs[2] == costs[3] == ["INSERT", "INSERT", "UPDATE", "UPDATE"]


async def test_appends_of_many_at_once_are_numbered_without_gaps(
    database: Database, service: LedgerService, clock: ManualClock
) -> None:
    async def write(worker: int) -> list[int]:
        seqs = []
        for number in range(6):
            async with database.begin() as session:
                entry = await service.append(session, "test.fact", {"worker": worker, "number": number})
            seqs.append(entry.seq)
        return seqs

    numbers = await asyncio.gather(*(write(worker) for worker in range(6)))
    assert sorted(seq for seqs in numbers for seq in seqs) == list(range(36))
    assert all(before < after for seqs in numbers for before, after in pairwise(seqs))
    checkpoint = await service.sign_checkpoint()
    assert checkpoint.root == mth(await records(database))
    assert (await service.verify()).ok


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("", {}),
        ("Upper.case", {}),
        ("two words", {}),
        ("x" * 65, {}),
        ("ok", {"big": 2**60}),
        ("ok", {"nan": float("nan")}),
        ("ok", {"bytes": b"x"}),
        ("ok", {1: "x"}),
        ("ok", {"surrogate": "\ud800"}),
        ("ok", {"long": "x" * 70_000}),
        ("ok", {"phone": "13800138000"}),
        ("ok", {"deep": [{"note": "call +8613800138000 back"}]}),
        ("ok", {"13800138000": 1}),
        ("ok", {"phone": "010-88886666"}),
        ("ok", {"phone": "+14155552671"}),
    ],
)
async def test_unfit_bodies_are_refused_and_nothing_is_written(
    database: Database, clock: ManualClock, kind: str, body: dict[str, object]
) -> None:
    async with database.begin() as session:
        with pytest.raises(LedgerBodyInvalid) as caught:
            await Ledger(clock).append(session, kind, body)  # type: ignore[arg-type]
        assert "138" not in str(caught.value)
        assert await session.scalar(select(func.count()).select_from(EntryRow)) == 0


@pytest.mark.parametrize(
    "value",
    [
        "0192f0c1a1b27c3d8e4f5a6b7c8d9e0f",
        "13800138000" + "ab" * 26,
        "a" * 53 + "13800138000",
        "2026-11-21T02:00:00.000000Z",
        "95533",
        "GB/T 45251-2025",
        "1732154400000",
    ],
)
async def test_ids_hashes_and_times_are_not_taken_for_numbers(
    database: Database, clock: ManualClock, value: str
) -> None:
    async with database.begin() as session:
        await Ledger(clock).append(session, "test.fact", {"value": value})


async def test_proofs_over_a_growing_ledger_hold_by_an_independent_checker(
    database: Database, service: LedgerService, clock: ManualClock
) -> None:
    checkpoints = [await service.sign_checkpoint()]
    for step in (1, 2, 5, 9):
        await grow(service, database, clock, step)
        checkpoints.append(await service.sign_checkpoint())
    raw = await records(database)
    assert [one.size for one in checkpoints] == [0, 1, 3, 8, 17]
    for one in checkpoints:
        assert one.root == mth(raw[: one.size])
        for seq in range(one.size):
            proof = list(await service.inclusion_proof(seq, one.size))
            assert verifier.included(leaf_hash(raw[seq]), seq, one.size, proof, one.root)
    for old in checkpoints:
        for new in checkpoints[checkpoints.index(old) :]:
            proof = list(await service.consistency_proof(old.size, new.size))
            assert verifier.consistent(old.size, new.size, proof, old.root, new.root)
    assert await service.checkpoints() == checkpoints
    inclusion = await service.inclusion(4)
    assert (inclusion.size, inclusion.root, inclusion.entry.record) == (17, checkpoints[-1].root, raw[4])


async def test_impossible_proofs_are_refused(
    database: Database, service: LedgerService, clock: ManualClock
) -> None:
    await grow(service, database, clock, 3)
    for seq, size in ((3, 3), (-1, 3)):
        with pytest.raises(EntryUnknown):
            await service.inclusion_proof(seq, size)
    with pytest.raises(ProofImpossible):
        await service.inclusion_proof(0, 4)
    for old, new in ((3, 2), (1, 4), (-1, 2)):
        with pytest.raises(ProofImpossible):
            await service.consistency_proof(old, new)


async def test_proof_reads_few_rows_of_a_large_ledger(
    sqlite_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    service = make_service(database, clock, tmp_path)
    async with database.begin() as session:
        for number in range(600):
            await service.append(session, "test.fact", {"number": number})
    async with database.read() as session:
        nodes = await session.scalar(select(func.count()).select_from(NodeRow))
        head = (await session.execute(select(HeadRow))).scalar_one()
    assert nodes == 600 - (600).bit_count()
    assert len(head.frontier) == 32 * (600).bit_count()
    assert len(await service.inclusion_proof(77, 600)) <= 10
    await database.close()


async def test_checkpoint_is_signed_once_for_a_size_and_logged(
    database: Database, service: LedgerService, clock: ManualClock, tmp_path: Path
) -> None:
    assert await service.latest_checkpoint() is None
    empty = await service.sign_checkpoint()
    assert (empty.size, empty.root) == (0, EMPTY_ROOT)
    await grow(service, database, clock, 2)
    first = await service.sign_checkpoint()
    clock.advance(timedelta(hours=1))
    assert await service.sign_checkpoint() == first == await service.latest_checkpoint()
    logged = [json.loads(line)["note"] for line in (tmp_path / "checkpoints.log").read_text().splitlines()]
    assert logged == [empty.note, first.note]
    assert (tmp_path / "checkpoints.log").stat().st_mode & 0o777 == 0o600


async def test_log_catches_up_after_a_crash_between_database_and_file(
    database: Database, service: LedgerService, clock: ManualClock, tmp_path: Path
) -> None:
    log = tmp_path / "checkpoints.log"
    for count in (1, 2, 3):
        await grow(service, database, clock, count)
        await service.sign_checkpoint()
    whole = log.read_bytes()
    first_line = whole.index(b"\n") + 1
    for torn in (whole[:first_line], whole[: first_line + 30], whole[:-1], b""):
        log.write_bytes(torn)
        await service.sign_checkpoint()
        assert log.read_bytes() == whole
    log.unlink()
    await service.sign_checkpoint()
    assert log.read_bytes() == whole


async def test_two_relays_sign_the_same_thing(database: Database, clock: ManualClock, tmp_path: Path) -> None:
    one, other = (
        make_service(database, clock, tmp_path),
        make_service(database, clock, tmp_path, log="other.log"),
    )
    await grow(one, database, clock, 3)
    signed = await asyncio.gather(*(service.sign_checkpoint() for service in (one, other) for _ in range(3)))
    assert len(set(signed)) == 1


async def test_nothing_is_signed_over_a_rolled_back_database(
    database: Database, service: LedgerService, clock: ManualClock
) -> None:
    await grow(service, database, clock, 5)
    await service.sign_checkpoint()
    async with database.begin() as session:
        for table in (EntryRow, NodeRow, HeadRow, CheckpointRow):
            await session.execute(delete(table))
    await grow(service, database, clock, 2)
    with pytest.raises(LedgerRolledBack):
        await service.sign_checkpoint()
    await grow(service, database, clock, 6)
    with pytest.raises(LedgerRolledBack):
        await service.sign_checkpoint()
    assert await service.latest_checkpoint() is None


@pytest.mark.parametrize("seq", [0, 4, 5, 7])
async def test_nothing_is_signed_over_an_altered_record(
    database: Database, service: LedgerService, clock: ManualClock, seq: int
) -> None:
    await grow(service, database, clock, 4)
    await service.sign_checkpoint()
    await grow(service, database, clock, 4)
    async with database.begin() as session:
        record = await session.scalar(select(EntryRow.record).where(EntryRow.seq == seq))
        assert record is not None
        altered = record.replace(b'"number":', b'"number":9')
        await session.execute(
            update(EntryRow).where(EntryRow.seq == seq).values(record=altered, leaf_hash=leaf_hash(altered))
        )
    if seq >= 4:
        with pytest.raises(LedgerRolledBack):
            await service.sign_checkpoint()
    report = await service.verify()
    assert not report.ok
    assert {"node-mismatch", "head-mismatch"} & {finding.code for finding in report.findings}


DAMAGE = {
    "UPDATE core_ledger_entries SET kind = 'test.other' WHERE seq = 2": {"entry-columns"},
    "UPDATE core_ledger_head SET size = 7": {"head-mismatch"},
    "DELETE FROM core_ledger_head": {"head-mismatch"},
    "DELETE FROM core_ledger_nodes WHERE level = 1 AND position = 0": {"node-mismatch", "node-extra"},
    "DELETE FROM core_ledger_entries WHERE seq = 3": {"entry-missing"},
    "DELETE FROM core_ledger_entries WHERE seq >= 3": {"checkpoint-ahead"},
    "UPDATE core_ledger_checkpoints SET note = 'x'": {"checkpoint-invalid"},
}


@pytest.mark.parametrize("statement", DAMAGE)
async def test_self_check_names_the_damage(
    database: Database, service: LedgerService, clock: ManualClock, statement: str
) -> None:
    await grow(service, database, clock, 6)
    await service.sign_checkpoint()
    sound = await service.verify()
    assert (sound.ok, sound.size, sound.signed_size, sound.checkpoints) == (True, 6, 6, 1)
    async with database.begin() as session:
        await session.execute(text(statement))
    report = await service.verify()
    assert DAMAGE[statement] <= {finding.code for finding in report.findings}
    assert all(finding.zh and finding.en for finding in report.findings)


async def test_self_check_of_an_empty_ledger(service: LedgerService) -> None:
    report = await service.verify()
    assert (report.ok, report.size, report.root) == (True, 0, EMPTY_ROOT)


async def test_bounds_of_the_self_check(
    database: Database, service: LedgerService, clock: ManualClock
) -> None:
    await grow(service, database, clock, 1)
    async with database.begin() as session:
        for number in range(1, 120):
            await session.execute(
                EntryRow.__table__.insert().values(
                    seq=number, kind="x", record=b"junk", leaf_hash=b"", created_at=clock.now()
                )
            )
    report = await service.verify()
    assert len(report.findings) == 100
