"""What must hold of uploads when the soak is over, asked of every book."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger.models import EntryRow
from core.outbox import OutboxRow
from core.sealed import Field
from devicepolicy.canonical import sha256_of
from devicepolicy.uploads.model import RecordingState, RecordKind
from devicepolicy.uploads.models import (
    UploadEventRow,
    UploadGapRow,
    UploadPieceRow,
    UploadRecordingRow,
    UploadRecordRow,
)
from gateway.messages.models import AttachmentRow, MessageRow
from maskline.coverage import contacts_without_one_inspection
from maskline.wiring.phones import Phones
from qa.inspection.models import InspectionRow
from tests.chaos.books import STAYS
from tests.chaos.handsets import WITNESS
from tests.support.system_desk import SystemDesk, awaited

QUIET_WITHIN_S = 600.0


@dataclass
class Witness:
    """What was on the disks of the phones: this, and nothing else, must be in the books."""

    items: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By hash: which phone's folder, and its number there."""
    sounds: dict[tuple[str, str], str] = field(default_factory=dict)
    """Hashes by folder and name: two recordings may sound the same."""

    @classmethod
    def of(cls, folders: Iterable[Path]) -> "Witness":
        """Read what each phone's witness wrote."""
        seen = cls()
        for folder in folders:
            for line in (folder / WITNESS).read_text("utf-8").splitlines():
                what, digest, name = line.split()
                if what == "item":
                    seen.items[digest] = folder.name, int(name)
                else:
                    seen.sounds[folder.name, name] = digest
        return seen


async def quiet(desk: SystemDesk) -> None:
    """Wait until every promise of the outbox is kept."""
    left: Counter[str] = Counter()

    async def look() -> bool:
        left.clear()
        async with desk.ground.database.read() as session:
            waiting = select(OutboxRow.topic).where(OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None))
            left.update(topic for topic in await session.scalars(waiting) if topic not in STAYS)
        return not left

    try:
        await awaited(look, what="the outbox is empty", timeout_s=QUIET_WITHIN_S)
    except AssertionError:
        raise AssertionError(f"left after {QUIET_WITHIN_S:g} s: {left}") from None


async def assert_right(desk: SystemDesk, services: Phones, witness: Witness) -> Counter[str]:
    """All that was on a phone's disk is in the books once, with its hash, and inspected once where it is work."""
    async with desk.ground.database.read() as session:
        records = list(await session.scalars(select(UploadRecordRow)))
        events = list(await session.scalars(select(UploadEventRow)))
        recordings = list(await session.scalars(select(UploadRecordingRow)))
        dead = list(await session.scalars(select(OutboxRow.topic).where(OutboxRow.dead_at.is_not(None))))
        booked = await _booked(session)
        await _assert_hashes(desk, session, [*records, *events])
        left = [len((await session.execute(select(table))).all()) for table in (UploadGapRow, UploadPieceRow)]
    assert not dead, f"messages that were given up: {Counter(dead)}"
    hashes = Counter(row.sha256 for row in (*records, *events))
    lost, strange = Counter(list(witness.items)) - hashes, hashes - Counter(list(witness.items))
    assert not lost, f"lost: {[witness.items[one] for one in lost]}"
    assert not strange, f"in the books twice, or never on a phone: {strange}"
    assert booked == hashes, "the ledger names each hash once"
    assert left == [0, 0], "numbers are missing, or pieces of recordings were left"
    _assert_numbers([*records, *events])
    assert Counter(row.sha256 for row in recordings) == Counter(list(witness.sounds.values()))
    assert {row.state for row in recordings} <= {RecordingState.COMPLETE}
    for row in recordings:
        digest = hashlib.sha256()
        async for chunk in services.uploads.recordings.content(row.id):
            digest.update(chunk)
        assert digest.hexdigest() == row.sha256, "a recording's bytes are not those that were announced"
    inspected = await _assert_inspected(desk, records, recordings)
    report = await desk.ground.ledger_service.verify()
    assert report.ok, report.findings
    return Counter(
        {
            "records in the books": len(records),
            "events in the books": len(events),
            "recordings in the books": len(recordings),
            "messages of them, each under one inspection": inspected,
            "ledger entries": report.size,
        }
    )


async def _booked(session: AsyncSession) -> Counter[str]:
    kinds = {"upload.records": "records", "upload.events": "events"}
    query = select(EntryRow.kind, EntryRow.record).where(EntryRow.kind.in_(kinds))
    found: Counter[str] = Counter()
    for kind, record in await session.execute(query):
        found.update(entry[1] for entry in json.loads(record)["body"][kinds[kind]])
    return found


async def _assert_hashes(desk: SystemDesk, session: AsyncSession, rows: list[Any]) -> None:
    ground = desk.ground
    ciphers = await ground.subject_keys.ciphers(session, {row.customer_id for row in rows if row.customer_id})
    for row in rows:
        place = Field(row.__tablename__, "body", row.id)
        opened = (
            ciphers[row.customer_id].open(place, row.body)
            if row.customer_id is not None
            else ground.vault.open(place, row.body)
        )
        assert sha256_of(json.loads(opened)) == row.sha256, "what is kept is not what was hashed"


def _assert_numbers(rows: list[Any]) -> None:
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        numbers[row.device_id].append(row.seq)
    for found in numbers.values():
        assert sorted(found) == list(range(1, len(found) + 1)), "a number is missing or came twice"


async def _assert_inspected(
    desk: SystemDesk, records: list[UploadRecordRow], recordings: list[UploadRecordingRow]
) -> int:
    written = [row for row in records if row.customer_id is not None and row.kind is not RecordKind.CALL]
    spoken = [row for row in recordings if row.customer_id is not None]
    expected = Counter(row.message_id for row in (*written, *spoken))
    assert None not in expected, "something with a customer was not handed on"
    assert set(expected.values()) <= {1}, "two uploads became one message"
    async with desk.ground.database.read() as session:
        messages = {row.id: row for row in await session.scalars(select(MessageRow))}
        voices = Counter(await session.scalars(select(AttachmentRow.message_id)))
        days = Counter(await session.scalars(select(InspectionRow.thread_day_id)))
        uncovered = await contacts_without_one_inspection(session)
    assert set(messages) == set(expected), "a message without an upload or the other way round"
    assert voices == Counter(row.message_id for row in spoken), "each recording is one voice message"
    assert {days[row.thread_day_id] for row in messages.values()} <= {1}, "a day with several inspections"
    assert not uncovered, uncovered
    return len(messages)
