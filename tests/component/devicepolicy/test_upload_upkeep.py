"""What is missing or contradicts itself is told; what is old or abandoned goes, unless it is held."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.phone_settings import UploadSettings
from devicepolicy.canonical import sha256_of
from devicepolicy.uploads import gaps
from devicepolicy.uploads.model import Finding
from devicepolicy.uploads.models import (
    UploadEventRow,
    UploadGapRow,
    UploadPieceRow,
    UploadRecordingRow,
    UploadRecordRow,
)
from tests.support.fleet import House
from tests.support.uploading import CUSTOMER, Desk, UploadingPhone, open_desk

SOUND = b"#!AMR\n" + bytes(range(256)) * 20
KEEP = UploadSettings(
    keep_calls_days=30, keep_messages_days=40, keep_recordings_days=50, keep_conduct_days=60
)


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    phones = house.settings.phones.model_copy(update={"uploads": KEEP})
    house.settings = house.settings.model_copy(update={"phones": phones})
    async with open_desk(house) as desk:
        yield desk


async def rows(desk: Desk, table: Any) -> list[Any]:
    async with desk.house.database.read() as session:
        return list(await session.scalars(select(table).order_by(table.id)))


def found(desk: Desk) -> list[str]:
    return sorted(kind for kind, _ in desk.neighbours.seen_conduct if kind in set(Finding))


async def told_in_ledger(desk: Desk, kind: str) -> list[Any]:
    return [body for name, body in await desk.house.booked() if name == kind]


def other(item: dict[str, Any], **more: Any) -> dict[str, Any]:
    changed = {name: value for name, value in item.items() if name != "sha256"} | more
    return {**changed, "sha256": sha256_of(changed)}


async def test_whatever_contradicts_itself_is_told_once_for_each_id(desk: Desk) -> None:
    phone = await desk.phone()
    call, event = phone.call(), phone.item("ROOT_FOUND")
    await phone.records(call, other(call, duration_s=1), other(call, duration_s=2))
    assert found(desk) == ["UPLOAD_CONTRADICTS"]
    await phone.events(event, other(event, salt="A" * 22))
    assert len(found(desk)) == 2
    assert await phone.records({**phone.sms(), "sha256": "0" * 64}) == ["hash-mismatch"]
    assert len(found(desk)) == 3
    told = phone.recording(SOUND)
    assert (await phone.send_all(told, bytes(len(SOUND)), 6000))[1]["code"] == "recording-broken"
    assert len(found(desk)) == 4
    second = {**told, "sha256": "1" * 64}
    await phone.announce(second)
    assert len(found(desk)) == 4, "one deed, one finding: it is the same recording"
    assert len(await rows(desk, UploadRecordRow)) == 3, "all stories are kept"


async def test_numbers_that_never_come_are_told_and_those_that_come_late_are_not(desk: Desk) -> None:
    phone = await desk.phone()
    made = [phone.call() for _ in range(12)]
    lie = {**made[11], "sha256": "0" * 64}
    await phone.records(*[made[place] for place in (0, 3, 9, 10)], lie)
    assert [(gap.first, gap.last) for gap in await rows(desk, UploadGapRow)] == [(2, 3), (5, 9)]
    await phone.records(made[1], made[2], made[6])
    desk.house.clock.advance(timedelta(hours=2))
    await desk.uploads.sweep()
    await desk.uploads.sweep()
    assert found(desk).count("UPLOAD_GAP") == 2
    booked = await told_in_ledger(desk, "upload.gap")
    assert [(body["first"], body["last"]) for body in booked] == [(5, 6), (8, 9)]
    path = f"/devices/{phone.device_id}/upload-gaps"
    status, page = await desk.house.ask(desk.house.admin, "GET", path)
    assert (status, [(gap["first"], gap["last"]) for gap in page["items"]]) == (200, [(5, 6), (8, 9)])
    await phone.records(made[4], made[5])
    _, page = await desk.house.ask(desk.house.admin, "GET", path)
    assert [(gap["first"], gap["filled_at"] is None) for gap in page["items"]] == [(5, False), (8, True)]
    await phone.records(phone.call())
    desk.house.clock.advance(timedelta(hours=2))
    await desk.uploads.sweep()
    assert found(desk).count("UPLOAD_GAP") == 3, "what came with a wrong hash is missing too"


async def test_a_call_whose_recording_never_comes_is_told(desk: Desk) -> None:
    phone = await desk.phone()
    here, missing, unanswered = phone.call(), phone.call(), phone.call(duration_s=0)
    early = phone.recording(SOUND, call="later")
    await phone.send_all(early, SOUND, 6000)
    await phone.records(here, missing, unanswered, phone.call(id="later"))
    await phone.send_all(phone.recording(SOUND[:-1], call=here["id"]), SOUND[:-1], 6000)
    desk.house.clock.advance(timedelta(hours=23))
    await desk.uploads.sweep()
    assert found(desk).count("RECORDING_MISSING") == 0
    desk.house.clock.advance(timedelta(hours=2))
    await desk.uploads.sweep()
    await desk.uploads.sweep()
    assert found(desk).count("RECORDING_MISSING") == 1
    (body,) = await told_in_ledger(desk, "upload.recording-missing")
    row = next(one for one in await rows(desk, UploadRecordRow) if one.id == body["record"])
    assert row.sha256 == missing["sha256"]


async def test_no_recording_is_asked_for_where_the_policy_wants_none(desk: Desk) -> None:
    await desk.house.policy({"maskline": {"uploads": {"callLog": True}, "simCalls": "SIM_CALLS_ALLOWED"}})
    phone = await desk.phone()
    await phone.records(phone.call())
    desk.house.clock.advance(timedelta(days=3))
    await desk.uploads.sweep()
    assert found(desk) == []


async def test_an_abandoned_recording_goes_with_its_pieces_and_may_come_again(desk: Desk) -> None:
    phone = await desk.phone()
    left = phone.recording(SOUND)
    _, open_ = await phone.announce(left)
    await phone.piece(open_["id"], 0, SOUND[:3000])
    await phone.announce(phone.recording(SOUND[:-2]))
    desk.house.clock.advance(timedelta(days=13))
    agreed = {"version": "next", "sha256": "1" * 64, "language": "zh"}
    assert (await phone.send("POST", "/consent", agreed))[0] == 204
    other = phone.recording(SOUND[:-1])
    assert (await phone.announce(other))[0] == 200
    await desk.uploads.sweep()
    assert (len(await rows(desk, UploadRecordingRow)), len(desk.blobs._stored)) == (3, 1)
    desk.house.clock.advance(timedelta(days=2))
    for _ in range(2):
        await desk.uploads.sweep()
    assert (len(await rows(desk, UploadRecordingRow)), desk.blobs._stored) == (1, {})
    assert await desk.house.count(UploadPieceRow) == 0
    assert len(await told_in_ledger(desk, "upload.recording-abandoned")) == 2
    again = {**left, "at": phone.now().isoformat()}
    status, answer = await phone.send_all(again, SOUND, 4000)
    assert (status, answer["state"]) == (200, "COMPLETE")


async def hand_in_one_of_each(phone: UploadingPhone) -> None:
    await phone.records(phone.call(), phone.sms(CUSTOMER), phone.chat())
    await phone.events(phone.item("CONTACT_DELETED", evidence={"counterpart": CUSTOMER}))
    status, answer = await phone.send_all(phone.recording(SOUND), SOUND, 6000)
    assert (status, answer["state"]) == (200, "COMPLETE")


async def test_each_class_is_kept_for_its_time_and_no_longer(desk: Desk) -> None:
    await desk.customer()
    phone = await desk.phone()
    await hand_in_one_of_each(phone)
    left = []
    for days in (29, 2, 10, 10, 10):
        desk.house.clock.advance(timedelta(days=days))
        await desk.uploads.sweep()
        kinds = [row.kind.value for row in await rows(desk, UploadRecordRow)]
        left.append((kinds, await desk.house.count(UploadRecordingRow), len(desk.blobs._stored)))
    everything = (["CALL", "SMS", "CHAT"], 1, 1)
    waiting = ["SMS"]  # nobody has inspected it yet: it is not let go of before
    assert left == [everything, (["SMS", "CHAT"], 1, 1), (waiting, 1, 1), (waiting, 0, 0), (waiting, 0, 0)]
    assert await desk.house.count(UploadEventRow) == 0
    await desk.work()
    await desk.uploads.sweep()
    assert await rows(desk, UploadRecordRow) == []
    booked = await told_in_ledger(desk, "upload.expired")
    assert [body["class"] for body in booked] == ["calls", "messages", "recordings", "conduct", "messages"]


@pytest.mark.parametrize("whose", ["employee", "customer"])
async def test_what_is_held_for_evidence_stays_until_it_is_let_go(desk: Desk, whose: str) -> None:
    customer_id, employee_id = await desk.customer(), await desk.house.employee()
    phone = await desk.phone(employee_id=employee_id)
    await hand_in_one_of_each(phone)
    await desk.work()
    desk.neighbours.held = {employee_id if whose == "employee" else customer_id}
    desk.house.clock.advance(timedelta(days=100))
    await desk.uploads.sweep()
    kinds = [row.kind.value for row in await rows(desk, UploadRecordRow)]
    assert kinds == (["CALL", "SMS", "CHAT"] if whose == "employee" else ["SMS"])
    assert await desk.house.count(UploadEventRow) == 1
    assert await desk.house.count(UploadRecordingRow) == (whose == "employee")
    desk.neighbours.held = set()
    await desk.uploads.sweep()
    assert [await desk.house.count(table) for table in (UploadRecordRow, UploadEventRow)] == [0, 0]
    assert desk.blobs._stored == {}


@given(order=st.permutations(range(1, 13)), size=st.integers(1, 5), lost=st.sets(st.integers(1, 12)))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_in_any_order_the_gaps_are_what_never_came(
    desk: Desk, order: list[int], size: int, lost: set[int]
) -> None:
    phone = await desk.phone()
    came = [number for number in order if number not in lost]
    batches = [came[place : place + size] for place in range(0, len(came), size)]
    async with desk.house.database.begin() as session:
        for batch in [*batches, came[:3]]:
            await gaps.seen(session, phone.device_id, batch, desk.house.clock.now())
        query = select(UploadGapRow).where(UploadGapRow.device_id == phone.device_id)
        open_ = [gap for gap in await session.scalars(query) if gap.filled_at is None]
        missing = {number for gap in open_ for number in range(gap.first, gap.last + 1)}
    assert missing == {number for number in lost if number < max(came, default=0)}
    assert sum(gap.last - gap.first + 1 for gap in open_) == len(missing)
