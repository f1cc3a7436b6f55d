"""The reference agent hands in what happens on its phone: against the real services, with each fault."""

import hashlib
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from core.blobs import InMemoryBlobStore
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from devicepolicy.agent.faults import UPLOAD_POINTS, PowerLost
from devicepolicy.agent.life import happen, made_up, sound
from devicepolicy.agent.store import FileStore
from devicepolicy.uploads.model import RecordingState
from devicepolicy.uploads.models import UploadEventRow, UploadRecordingRow, UploadRecordRow
from tests.support.agents import Handset, Site, open_site, yes
from tests.support.uploading import CHAT_APP, POLICY, STRANGER, Desk

CALL = {"do": "call", "number": STRANGER, "outgoing": True, "duration_s": 40, "sound_bytes": 700_000}
SMS = {"do": "sms", "number": STRANGER, "outgoing": False, "text": "好的"}
CHAT = {"do": "chat", "app": CHAT_APP, "contact": "wxid_a", "outgoing": True, "text": "您好"}
ROOT = {"do": "event", "kind": "ROOT_FOUND"}
DEEDS = (CALL, SMS, CHAT, ROOT)


@dataclass
class Shop:
    """A site with uploads, and one phone in somebody's hand."""

    site: Site
    desk: Desk
    handset: Handset

    async def phone(self, policy: Mapping[str, Any], **more: Any) -> Handset:
        """A phone under this policy, which holds on it."""
        await self.site.house.policy(policy)
        self.handset = await self.site.handset(**more)
        self.site.house.clock.advance(timedelta(minutes=2))
        assert await self.handset.round() == "ok"
        return self.handset

    def happen(self, *deeds: Mapping[str, Any]) -> None:
        """Each deed happens once; a phone without power does not notice it and is switched on again."""
        for deed in deeds:
            try:
                happen(self.handset.agent.collector, deed)
            except PowerLost:
                self.handset.power_cuts += 1
                self.handset.start()

    async def rounds(self, count: int = 6) -> list[str]:
        return [await self.handset.round() for _ in range(count)]

    async def rows(self, table: Any) -> list[Any]:
        async with self.site.house.database.read() as session:
            return list(await session.scalars(select(table).order_by(table.id)))

    async def kinds(self) -> list[str]:
        return [row.kind.value for row in await self.rows(UploadRecordRow)]


def with_policy(**more: Any) -> dict[str, Any]:
    """As the server merges it: lists that are sets are sorted."""
    events = sorted(POLICY["maskline"]["conductEvents"])
    return {"maskline": {**POLICY["maskline"], "conductEvents": events, **more}}


PERMITTED = with_policy(simCalls="SIM_CALLS_RECORDED")


@pytest.fixture
async def shop(sqlite_url: str, clock: ManualClock, settings: Settings) -> AsyncIterator[Shop]:
    """On SQLite alone: the services have tests of their own on both engines."""
    database, desks = Database(sqlite_url), []

    def uploads(site: Site) -> Any:
        desks.append(Desk(site.house, InMemoryBlobStore()))
        return desks[0].uploads.endpoints(site.house.fleet.gate)

    async with open_site(database, clock, settings, uploads) as site:
        yield Shop(site, desks[0], None)  # type: ignore[arg-type]
    await database.close()


async def test_what_happens_on_the_phone_stands_in_the_books_with_its_hashes(shop: Shop) -> None:
    handset = await shop.phone(PERMITTED)
    shop.happen(*DEEDS)
    assert handset.agent.backlog.count() == (4, 1)
    assert await handset.round() == "ok"
    assert handset.agent.backlog.count() == (0, 0)
    assert handset.agent.uploads.outcomes == {"kept": 4, "complete": 1}
    assert await shop.kinds() == ["CALL", "SMS", "CHAT"]
    records, (recording,) = await shop.rows(UploadRecordRow), await shop.rows(UploadRecordingRow)
    (event,) = await shop.rows(UploadEventRow)
    assert sorted(row.seq for row in [*records, event]) == [1, 2, 3, 4]
    assert (recording.state, recording.call_key) == (RecordingState.COMPLETE, records[0].key)
    found = shop.desk.uploads.recordings.content(recording.id)
    assert b"".join([chunk async for chunk in found]) == sound(700_000, 0)


async def test_nothing_is_collected_before_the_terms_nor_after_they_are_taken_back(shop: Shop) -> None:
    await shop.site.house.policy(PERMITTED)
    shop.handset = handset = await shop.site.handset(enrol=False)
    shop.happen(*DEEDS)
    await handset.enrol()
    shop.happen(*DEEDS)
    assert handset.agent.backlog.count() == (0, 0), "no policy holds yet: nothing is asked for"
    await handset.round()
    await handset.agent.withdraw()
    shop.happen(*DEEDS)
    assert handset.agent.backlog.count() == (0, 0)
    assert await handset.agent.agree(yes)
    shop.happen(*DEEDS)
    assert handset.agent.backlog.count() == (4, 1)


async def test_the_simulated_phone_blocks_edits_and_is_signed_in_elsewhere(shop: Shop) -> None:
    handset = await shop.phone(PERMITTED)
    wrong = {"app": CHAT_APP, "contact": STRANGER, "outgoing": True}
    first = handset.agent.collector.chat(text="三个点", **wrong)
    said = {"counterpart": STRANGER, "app": CHAT_APP}
    shop.happen(
        {"do": "event", "kind": "MESSAGE_EDITED", "evidence": {**said, "records": [first]}},
        {"do": "event", "kind": "CONTACT_BLOCKED", "evidence": said},
        {"do": "event", "kind": "CHAT_APP_NEW_LOGIN", "evidence": {"app": CHAT_APP, "platform": "web"}},
    )
    assert await handset.round() == "ok"
    assert handset.agent.uploads.outcomes == {"kept": 4}
    kinds = [row.kind.value for row in await shop.rows(UploadEventRow)]
    assert kinds == ["MESSAGE_EDITED", "CONTACT_BLOCKED", "CHAT_APP_NEW_LOGIN"]


async def test_only_what_the_policy_names_and_in_its_hours(shop: Shop) -> None:
    clock = shop.site.house.clock
    clock.set(datetime(2026, 11, 23, 4, 0, tzinfo=UTC))  # Monday 12:00 in Shanghai
    window = {"day": "MONDAY", "startMinutes": 540, "endMinutes": 1080}
    handset = await shop.phone(with_policy(permittedHours=[window], simCalls="SIM_CALLS_ALLOWED"))
    shop.happen(SMS, {**CHAT, "app": "com.private.app"})
    assert handset.agent.backlog.count() == (1, 0), "nothing of an app that is not under policy"
    clock.advance(timedelta(hours=7))
    handset.faults.clock_s = -7 * 3600.0  # set back to noon: the hours go by the server's clock
    shop.happen(*DEEDS)
    assert handset.agent.backlog.count() == (2, 0), "of the evening only that the phone is rooted"
    assert await shop.rounds(2) == ["ok", "ok"]
    assert await shop.kinds() == ["SMS"]
    assert [row.kind.value for row in await shop.rows(UploadEventRow)] == ["ROOT_FOUND"]
    await shop.site.house.policy({"maskline": {"uploads": {"callLog": True}}})
    await handset.round()
    handset.faults.clock_s = 0.0
    shop.happen(SMS, CALL, ROOT)
    assert handset.agent.backlog.count() == (1, 0), "what is not named any more is not collected"


async def test_a_call_under_the_effective_duration_has_no_recording(shop: Shop) -> None:
    uploads = {"callLog": True, "simRecordings": True, "effectiveCallSeconds": 15}
    handset = await shop.phone({"maskline": {"uploads": uploads, "simCalls": "SIM_CALLS_RECORDED"}})
    shop.happen({**CALL, "duration_s": 14}, {**CALL, "duration_s": 0}, {**CALL, "duration_s": 15})
    assert handset.agent.backlog.count() == (3, 1)
    await handset.round()
    assert [row.duration_s for row in await shop.rows(UploadRecordRow)] == [14, 0, 15]
    assert [row.duration_s for row in await shop.rows(UploadRecordingRow)] == [15]
    handset.phone.body.values["maskline.uploads.effectiveCallSeconds"] = 0  # an agent that collects too much
    shop.happen({**CALL, "duration_s": 3})
    await handset.round()
    assert handset.agent.uploads.outcomes["recording-not-wanted"] == 1
    assert len(await shop.rows(UploadRecordingRow)) == 1


@pytest.mark.parametrize("point", [*UPLOAD_POINTS, "request", "answer"])
async def test_power_or_network_lost_anywhere_loses_and_doubles_nothing(shop: Shop, point: str) -> None:
    handset = await shop.phone(PERMITTED)
    if point in UPLOAD_POINTS:
        handset.faults.power = point
    shop.happen(*DEEDS)
    if point in {"noticed", "recorded"}:  # it happened while the phone was off: nobody can know of it
        shop.happen(CALL)
    for number in range(4 if point in UPLOAD_POINTS else 10):
        if point not in UPLOAD_POINTS:
            handset.faults.drops = [None] * number + [point]
        await handset.round()
    assert handset.faults.power is None
    assert handset.power_cuts == (point in UPLOAD_POINTS)
    assert handset.agent.backlog.count() == (0, 0)
    calls = 2 if point == "recorded" else 1
    assert sorted(await shop.kinds()) == ["CALL"] * calls + ["CHAT", "SMS"]
    assert len(await shop.rows(UploadEventRow)) == 1
    assert [row.state for row in await shop.rows(UploadRecordingRow)] == [RecordingState.COMPLETE]
    seqs = [row.seq for table in (UploadRecordRow, UploadEventRow) for row in await shop.rows(table)]
    assert sorted(seqs) == list(range(1, len(seqs) + 1)), "power cuts leave no holes"


async def test_a_backlog_of_days_goes_in_shuffled_and_twice_and_stands_once(shop: Shop) -> None:
    handset = await shop.phone(PERMITTED)
    handset.faults.shuffled = handset.faults.twice = True
    for _ in range(60):
        shop.happen({**CALL, "sound_bytes": 0}, SMS, CHAT, ROOT)
        shop.site.house.clock.advance(timedelta(minutes=30))
    assert handset.agent.backlog.count() == (240, 0)
    handset.start()
    assert await handset.round() == "ok"
    outcomes = handset.agent.uploads.outcomes
    assert (outcomes["kept"], outcomes["duplicate"]) == (240, 240)
    records = sorted(await shop.rows(UploadRecordRow), key=lambda row: row.seq)
    assert [row.kind.value for row in records] == ["CALL", "SMS", "CHAT"] * 60, "the phone's own order"
    assert all(one.at <= other.at for one, other in pairwise(records))


async def test_a_soak_in_small_loses_and_doubles_nothing(shop: Shop) -> None:
    """Power, requests and answers lost by chance, batches twice and in any order; tests/chaos has the long one."""
    handset = await shop.phone(PERMITTED)
    chance = handset.faults.chance = random.Random(4)  # noqa: S311 - a replayable order, no secret
    deeds, made = made_up(chance, [STRANGER, "13700000001"], most_bytes=9000), {}
    for number in range(40):
        faults = handset.faults
        faults.twice, faults.shuffled = chance.random() < 0.3, chance.random() < 0.3
        faults.loss = 0.15 if number < 30 else 0.0
        faults.power = chance.choice([None, None, *UPLOAD_POINTS]) if number < 30 else None
        for _ in range(4 if number < 30 else 0):
            shop.happen(next(deeds))
            kept = handset.disk.names("item-")
            made |= {one["sha256"]: one["seq"] for name in kept for one in [handset.disk.read(name)["item"]]}
        shop.site.house.clock.advance(timedelta(seconds=30))
        await handset.round()
        if number >= 30 and handset.agent.backlog.count() == (0, 0):
            break
    rows = [row for table in (UploadRecordRow, UploadEventRow) for row in await shop.rows(table)]
    assert {row.sha256: row.seq for row in rows} == made
    assert sorted(row.seq for row in rows) == list(range(1, len(made) + 1))
    recordings = await shop.rows(UploadRecordingRow)
    assert {row.state for row in recordings} == {RecordingState.COMPLETE}
    for row in recordings:
        found = shop.desk.uploads.recordings.content(row.id)
        content = b"".join([chunk async for chunk in found])
        assert hashlib.sha256(content).hexdigest() == row.sha256
    assert handset.power_cuts > 3


async def test_a_clock_that_is_set_moves_nothing(shop: Shop) -> None:
    """What was made before it was set and what was made after stand at the time when they were made."""
    handset = await shop.phone(PERMITTED)
    clock = shop.site.house.clock
    made = []
    for set_to in (0.0, -86_400.0, 7200.0):
        handset.faults.clock_s = set_to
        made.append(clock.now())
        shop.happen(SMS)
        clock.advance(timedelta(minutes=10))
    handset.start()  # what the clock was set by is on the disk
    assert await handset.round() == "ok"
    assert [row.at for row in await shop.rows(UploadRecordRow)] == made
    device_at = [row.device_at for row in await shop.rows(UploadRecordRow)]
    assert device_at[1] == made[1] - timedelta(days=1), "the phone's own clock is kept beside it"


async def test_a_lie_about_a_hash_is_seen_and_another_story_is_kept_beside_the_first(shop: Shop) -> None:
    handset = await shop.phone(PERMITTED)
    handset.faults.lies, handset.faults.changes = 1, 1
    shop.happen(SMS)
    await handset.round()
    assert handset.agent.uploads.outcomes == {"hash-mismatch": 1, "kept": 1}
    handset.faults.lies = handset.faults.changes = 1
    shop.happen(CALL)
    await handset.round()
    handset.faults.lies = 1
    shop.happen(CALL)
    for _ in range(3):
        await handset.round()
    assert handset.agent.backlog.count() == (0, 0)
    recordings = await shop.rows(UploadRecordingRow)
    whole = [row for row in recordings if row.state is RecordingState.COMPLETE]
    assert len(whole) == 2, "what really is on the phone came in the end"


async def test_an_item_that_the_server_cannot_read_holds_nothing_up(shop: Shop) -> None:
    handset = await shop.phone(PERMITTED)
    shop.happen(SMS, {**SMS, "number": "1" * 40}, SMS, CHAT)
    assert await handset.round() == "ok"
    assert handset.agent.uploads.outcomes == {"kept": 3, "unreadable": 1}
    assert (handset.agent.backlog.count(), len(handset.disk.names("aside-"))) == ((0, 0), 1)


async def test_the_backlog_lies_in_files_until_it_is_answered(shop: Shop, tmp_path: Path) -> None:
    store = FileStore(tmp_path / "phone")
    handset = await shop.phone(PERMITTED, disk=store)
    shop.happen(*DEEDS)
    handset.start()
    assert handset.agent.backlog.count() == (4, 1)
    modes = {file.stat().st_mode & 0o777 for file in (tmp_path / "phone").iterdir()}
    assert modes == {0o600}
    await handset.round()
    left = {file.stem for file in (tmp_path / "phone").iterdir()}
    assert left == {"agent", "phone", "backlog"}
