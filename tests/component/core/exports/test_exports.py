"""Evidence exports: previewed, made in the background, sealed, taken with a trace, and gone after a day."""

import asyncio
import hashlib
import io
import subprocess
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.access.model import Principal, Role, Scope
from core.blobs import LocalBlobStore
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.exports import Chosen, Contents, EvidenceExports, Export, ExportState, Gathered
from core.exports.errors import ExportBusy, ExportNotReady, ExportUnknown, NothingChosen, NothingFound
from core.exports.models import ExportRow
from core.exports.permissions import EVIDENCE_EXPORT
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.ledger.evidence import Attachment, EvidenceExporter
from core.ledger.models import EntryRow
from core.ledger.record import read_entry
from core.vault import Keyring, Vault
from tests.support.ledger import grow, make_service, run_verifier

WAV = b"RIFF" + bytes(range(256)) * 4000
CHOSEN = Chosen(customer_id="c" * 32)


@dataclass
class OneRecording:
    """A source with one recording; `gate` holds its second half back, `fault` breaks it."""

    seqs: tuple[int, ...]
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    fault: Exception | None = None

    async def contents(self, principal: Principal, chosen: Chosen) -> Contents:
        del principal
        if chosen.contact_id == "0" * 32:
            raise NothingFound
        return Contents(1, len(self.seqs), 1, len(WAV))

    @asynccontextmanager
    async def gather(self, principal: Principal, chosen: Chosen) -> AsyncIterator[Gathered]:
        contents = await self.contents(principal, chosen)
        yield Gathered(contents, self.seqs, [Attachment("call.wav", self._pieces())])

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield WAV[: len(WAV) // 2]
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        yield WAV[len(WAV) // 2 :]


class Office:
    """Everything that an export needs, on a folder."""

    def __init__(self, database: Database, clock: ManualClock, folder: Path, seqs: tuple[int, ...]) -> None:
        self.database, self.clock, self.folder = database, clock, folder
        self.ledger_service = make_service(database, clock, folder)
        self.source = OneRecording(seqs)
        self.blobs = LocalBlobStore(folder / "blobs")
        self.exports = EvidenceExports(
            database,
            clock,
            vault=Vault(Keyring.generate()),
            blobs=self.blobs,
            ledger=Ledger(clock),
            exporter=EvidenceExporter(database=database, ledger=self.ledger_service, clock=clock),
            source=self.source,
        )
        self.auditor = self.person({EVIDENCE_EXPORT: Scope.ALL})

    def person(self, grants: dict[str, Scope]) -> Principal:
        return Principal(
            new_id(), None, "", frozenset({Role.AUDITOR}), grants, new_id(), self.clock.now(), "Sun"
        )

    async def ended(self, export: Export) -> Export:
        async with asyncio.timeout(60):
            await self.exports.settled()
        return await self.exports.get(self.auditor, export.id)

    async def told(self, kind: str) -> list[dict[str, object]]:
        async with self.database.read() as session:
            records = await session.scalars(select(EntryRow.record).where(EntryRow.kind == kind))
            return [read_entry(record).body for record in records]


@pytest.fixture
async def office(database: Database, clock: ManualClock, tmp_path: Path) -> Office:
    (tmp_path / "blobs").mkdir()
    service = make_service(database, clock, tmp_path)
    await grow(service, database, clock, 4)
    async with database.begin() as session:
        body: dict[str, JSON] = {
            "call_id": "c" * 32,
            "recording": {"sha256": hashlib.sha256(WAV).hexdigest()},
        }
        entry = await service.append(session, "call.ended", body)
    return Office(database, clock, tmp_path, (1, entry.seq))


async def test_a_bundle_is_made_sealed_taken_and_verified(office: Office) -> None:
    export = await office.exports.start(office.auditor, CHOSEN)
    assert (export.state, export.percent) == (ExportState.RUNNING, 0)
    with pytest.raises(ExportNotReady):
        await office.exports.take(office.auditor, export.id)
    office.source.gate.set()
    done = await office.ended(export)
    assert (done.state, done.percent, done.contents.entries) == (ExportState.DONE, 100, 2)
    reader = await office.exports.take(office.auditor, export.id)
    data = await reader.read(0, reader.size)
    await reader.aclose()
    assert (done.size, done.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    stored = b"".join(path.read_bytes() for path in (office.folder / "blobs").rglob("*") if path.is_file())
    assert WAV[100:400] not in stored, "at rest the bundle is sealed"
    assert zipfile.ZipFile(io.BytesIO(data)).read("attachments/call.wav") == WAV
    bundle = office.folder / "bundle.zip"
    bundle.write_bytes(data)
    key = office.ledger_service.verifier.vkey
    run: subprocess.CompletedProcess[str] = run_verifier(
        "evidence", bundle, "--public-key", key, cwd=office.folder
    )
    assert run.returncode == 0, run.stdout
    (exported,) = await office.told("evidence.exported")
    (taken,) = await office.told("evidence.taken")
    assert exported["sha256"] == taken["sha256"] == done.sha256
    assert exported["by"] == taken["by"] == office.auditor.employee_id
    assert exported["customer"] == "c" * 32


async def test_only_its_maker_sees_it_and_only_with_the_right(office: Office) -> None:
    office.source.gate.set()
    export = await office.exports.start(office.auditor, CHOSEN)
    await office.ended(export)
    other = office.person({EVIDENCE_EXPORT: Scope.ALL})
    for use in (office.exports.get, office.exports.take):
        with pytest.raises(ExportUnknown):
            await use(other, export.id)
        with pytest.raises(Forbidden):
            await use(office.person({}), export.id)
    assert await office.exports.mine(other) == []
    assert [one.id for one in await office.exports.mine(office.auditor)] == [export.id]
    with pytest.raises(Forbidden):
        await office.exports.start(office.person({}), CHOSEN)


async def test_a_choice_must_name_something_that_there_is(office: Office) -> None:
    with pytest.raises(NothingChosen):
        await office.exports.start(office.auditor, Chosen())
    with pytest.raises(NothingFound):
        await office.exports.preview(office.auditor, replace(CHOSEN, contact_id="0" * 32))


async def test_one_at_a_time_and_a_fault_leaves_nothing(office: Office) -> None:
    export = await office.exports.start(office.auditor, CHOSEN)
    with pytest.raises(ExportBusy):
        await office.exports.start(office.auditor, CHOSEN)
    office.source.fault = NothingFound()
    office.source.gate.set()
    failed = await office.ended(export)
    assert (failed.state, failed.fault) == (ExportState.FAILED, "evidence-nothing-found")
    assert await office.told("evidence.exported") == []
    assert [path for path in (office.folder / "blobs").rglob("*") if path.is_file()] == []
    office.source.fault = None
    again = await office.exports.start(office.auditor, CHOSEN)
    assert (await office.ended(again)).state is ExportState.DONE


async def test_a_process_that_died_is_noticed(office: Office) -> None:
    export = await office.exports.start(office.auditor, CHOSEN)
    office.clock.advance(timedelta(minutes=3))
    assert (await office.exports.get(office.auditor, export.id)).state is ExportState.LOST
    office.source.gate.set()
    assert (await office.ended(export)).state is ExportState.DONE, "it had only been slow"


async def test_a_bundle_is_deleted_after_a_day(office: Office) -> None:
    office.source.gate.set()
    export = await office.exports.start(office.auditor, CHOSEN)
    await office.ended(export)
    assert await office.exports.sweep() == 0
    office.clock.advance(timedelta(hours=25))
    with pytest.raises(ExportNotReady):
        await office.exports.take(office.auditor, export.id)
    assert await office.exports.sweep() == 1
    assert await office.exports.sweep() == 0
    assert [path for path in (office.folder / "blobs").rglob("*") if path.is_file()] == []
    assert (await office.exports.get(office.auditor, export.id)).state is ExportState.EXPIRED
    async with office.database.begin() as session:
        await session.execute(update(ExportRow).values(state=ExportState.DONE))
    with pytest.raises(ExportNotReady):
        await office.exports.take(office.auditor, export.id)
