"""What phones hand in: once each, in any order, by consent, policy and hours, without anybody's number."""

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core.access.model import Role
from core.db import Base
from core.outbox import OutboxRow
from core.sealed import Field
from devicepolicy.canonical import sha256_of
from devicepolicy.uploads import recordings
from devicepolicy.uploads.model import RecordingState
from devicepolicy.uploads.models import (
    UploadEventRow,
    UploadPieceRow,
    UploadRecordingRow,
    UploadRecordRow,
)
from tests.support.fleet import House
from tests.support.uploading import CHAT_APP, CUSTOMER, POLICY, STRANGER, Desk, open_desk

SOUND = b"#!AMR\n" + bytes(range(256)) * 40


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    async with open_desk(house) as desk:
        yield desk


async def rows(desk: Desk, table: Any) -> list[Any]:
    async with desk.house.database.read() as session:
        return list(await session.scalars(select(table).order_by(table.id)))


def with_policy(**more: Any) -> dict[str, Any]:
    return {"maskline": {**POLICY["maskline"], **more}}


async def test_a_record_is_kept_once_and_another_hash_under_its_id_is_told_and_kept(desk: Desk) -> None:
    phone = await desk.phone()
    first, other = phone.call(), phone.sms()
    assert await phone.records(first, other, first) == ["kept", "kept", "duplicate"]
    assert await phone.records(other, first) == ["duplicate", "duplicate"], "sent again after a lost answer"
    changed = {name: value for name, value in first.items() if name != "sha256"} | {"duration_s": 1}
    changed["sha256"] = sha256_of(changed)
    assert await phone.records(changed) == ["contradiction"]
    kept = await rows(desk, UploadRecordRow)
    assert [row.contradicts for row in kept] == [None, None, kept[0].id]
    booked = [body for kind, body in await desk.house.booked() if kind == "upload.records"]
    assert [entry[1:] for body in booked for entry in body["records"]] == [
        [first["sha256"], "kept"],
        [other["sha256"], "kept"],
        [changed["sha256"], "contradiction"],
    ]


async def test_a_wrong_hash_is_told_and_nothing_of_it_kept(desk: Desk) -> None:
    phone = await desk.phone()
    assert await phone.records({**phone.call(), "sha256": "0" * 64}) == ["hash-mismatch"]
    assert await rows(desk, UploadRecordRow) == []


async def test_nothing_is_taken_before_the_terms_are_agreed_to_nor_of_the_time_before(desk: Desk) -> None:
    phone = await desk.phone()
    early = phone.call(at=(phone.now() - timedelta(days=2)).isoformat())
    assert await phone.records(early) == ["before-consent"]
    desk.house.clock.advance(timedelta(days=1))  # other terms take effect
    for what in ("records", "events"):
        item = phone.call() if what == "records" else phone.item("ROOT_FOUND")
        status, answer = await phone.hand_in(what, [item])
        assert (status, answer["code"]) == (403, "consent-required")
    status, answer = await phone.announce(phone.recording(SOUND))
    assert (status, answer["code"]) == (403, "consent-required")
    assert await rows(desk, UploadRecordRow) == []


async def test_only_what_the_policy_names_is_collected(desk: Desk) -> None:
    await desk.house.policy({"maskline": {"conductEvents": ["ROOT_FOUND"]}})
    phone = await desk.phone()
    assert await phone.records(phone.call(), phone.sms(), phone.chat()) == ["not-wanted"] * 3
    found = await phone.events(phone.item("ROOT_FOUND"), phone.item("SIM_CHANGED", evidence={"sim": 1}))
    assert found == ["kept", "not-wanted"]
    status, answer = await phone.announce(phone.recording(SOUND))
    assert (status, answer["code"], answer["facts"]["reason"]) == (409, "recording-not-wanted", "not-wanted")
    await desk.house.policy(with_policy(), phone.device_id)
    assert await phone.records(phone.chat(app="com.private.app"), phone.chat()) == ["not-wanted", "kept"]


async def test_outside_of_the_permitted_hours_only_work_and_the_phones_own_state(desk: Desk) -> None:
    desk.house.clock.set(datetime(2026, 11, 23, 4, 0, tzinfo=UTC))  # Monday 12:00 in Shanghai
    window = {"day": "MONDAY", "startMinutes": 540, "endMinutes": 1080}
    await desk.house.policy(with_policy(permittedHours=[window]))
    await desk.customer()
    phone = await desk.phone()
    assert await phone.records(phone.call(STRANGER)) == ["kept"]
    desk.house.clock.advance(timedelta(hours=7))
    assert await phone.records(phone.call(STRANGER), phone.sms(CUSTOMER)) == ["outside-hours", "kept"]
    outside = [
        phone.item("LOCATION_SHARED", evidence={"counterpart": CUSTOMER}),
        phone.item("NAME_CARD_PUSHED", evidence={"counterpart": STRANGER}),
        phone.item("NAME_CARD_PUSHED", evidence={"counterpart": CUSTOMER}),
        phone.item("DEVELOPER_MODE_ON"),
    ]
    assert await phone.events(*outside) == ["outside-hours", "outside-hours", "kept", "kept"]
    assert [row.outside_hours for row in await rows(desk, UploadRecordRow)] == [False, True]


async def test_both_clocks_are_kept_and_the_hours_go_by_ours(desk: Desk) -> None:
    phone = await desk.phone()
    phone.drift = timedelta(hours=-30)
    item = phone.call()
    status, answer = await phone.hand_in("records", [item])
    assert (status, answer["skew_s"], answer["results"][0]["outcome"]) == (200, 30 * 3600, "kept")
    (row,) = await rows(desk, UploadRecordRow)
    assert row.device_at == datetime.fromisoformat(item["at"])
    assert row.at == desk.house.clock.now() == row.received_at


async def test_nobodys_number_is_in_the_clear_and_strangers_are_shown_masked(desk: Desk) -> None:
    customer_id = await desk.customer()
    phone = await desk.phone()
    item = phone.sms(f"+86{CUSTOMER}", f"打我 {STRANGER}", id=f"sms-{STRANGER}")
    await phone.records(item, phone.call(STRANGER), phone.chat(STRANGER))
    await phone.events(phone.item("CONTACT_DELETED", evidence={"counterpart": STRANGER}))
    await phone.send_all(phone.recording(SOUND, CUSTOMER), SOUND, 4000)
    await desk.work()
    admin = desk.house.admin
    seen = ""
    for part in ("records", "conduct", "recordings"):
        status, page = await desk.house.ask(admin, "GET", f"/devices/{phone.device_id}/{part}")
        assert status == 200, page
        seen += json.dumps(page)
        if part == "records":
            shown = [(line["customer_id"], line["counterpart"]) for line in page["items"]]
            assert shown == [(None, "139****2222"), (None, "139****2222"), (customer_id, "138****8000")]
    async with desk.house.database.read() as session:
        for table in Base.metadata.sorted_tables:
            if table.name.startswith(("dp_", "core_")):
                seen += repr((await session.execute(table.select())).all())
    assert CUSTOMER not in seen
    assert STRANGER not in seen


async def test_what_is_kept_can_be_hashed_again(desk: Desk) -> None:
    phone = await desk.phone()
    await phone.records(phone.sms(text="原文"))
    (row,) = await rows(desk, UploadRecordRow)
    body = json.loads(desk.house.vault.open(Field("dp_upload_records", "body", row.id), row.body))
    assert (body["text"], sha256_of(body)) == ("原文", row.sha256)


async def test_what_is_deleted_on_the_phone_stays_and_somebody_is_told_at_once(desk: Desk) -> None:
    await desk.customer()
    phone = await desk.phone()
    first, late = phone.sms(CUSTOMER), phone.sms(CUSTOMER)
    other, after = phone.sms(STRANGER), None
    await phone.records(first, other)
    gone = phone.item("CONTACT_DELETED", evidence={"counterpart": CUSTOMER})
    assert await phone.events(gone, gone) == ["kept", "duplicate"]
    desk.house.clock.advance(timedelta(minutes=5))
    after = phone.sms(CUSTOMER)
    await phone.records(late, after)
    marks = {row.sha256: row.deleted_at is not None for row in await rows(desk, UploadRecordRow)}
    wanted = {first["sha256"]: True, late["sha256"]: True, other["sha256"]: False, after["sha256"]: False}
    assert marks == wanted, "a record that comes late is marked, one that was written later is not"
    (event,) = await rows(desk, UploadEventRow)
    assert (event.marked, event.conduct_id is not None) == (1, True)
    assert [kind for kind, _ in desk.neighbours.seen_conduct] == ["CONTACT_DELETED"]


@pytest.mark.parametrize("first", ["records", "events"])
async def test_what_was_deleted_is_told_by_the_phones_numbers_where_clocks_cross(
    desk: Desk, first: str
) -> None:
    """A message and its deletion a moment apart, and a request that took long: by our clock it came after."""
    await desk.customer()
    phone = await desk.phone()
    said, gone = phone.sms(CUSTOMER), phone.item("CONTACT_DELETED", evidence={"counterpart": CUSTOMER})
    desk.house.clock.advance(timedelta(minutes=1))
    for what in ("records", "events") if first == "records" else ("events", "records"):
        phone.drift = timedelta(seconds=-20 if what == "records" else 0)
        assert (await phone.hand_in(what, [said] if what == "records" else [gone]))[0] == 200
    (record,) = await rows(desk, UploadRecordRow)
    (event,) = await rows(desk, UploadEventRow)
    assert record.at > event.at
    assert record.deleted_by == event.id


async def test_a_deleted_chat_may_name_its_messages(desk: Desk) -> None:
    phone = await desk.phone()
    one, two = phone.chat(), phone.chat()
    await phone.records(one, two)
    deleted = phone.item("CHAT_DELETED", evidence={"counterpart": STRANGER, "records": [one["id"]]})
    await phone.events(deleted)
    assert [row.deleted_at is None for row in await rows(desk, UploadRecordRow)] == [False, True]


async def test_a_sim_call_with_a_customer_is_one_deed_however_it_is_told(desk: Desk) -> None:
    await desk.customer()
    phone = await desk.phone()
    call = phone.call(CUSTOMER)
    evidence = {"counterpart": CUSTOMER, "records": [call["id"]]}
    await phone.events(phone.item("SIM_CALL_OUTSIDE_GATEWAY", evidence=evidence))
    await phone.records(call, phone.call(STRANGER))
    assert [kind for kind, _ in desk.neighbours.seen_conduct] == ["SIM_CALL_OUTSIDE_GATEWAY"]
    await desk.house.policy(with_policy(simCalls="SIM_CALLS_RECORDED"))
    await phone.records(phone.call(CUSTOMER))
    assert len(desk.neighbours.seen_conduct) == 1, "calls that the policy permits are no conduct"


async def test_an_event_carries_only_what_its_kind_may(desk: Desk) -> None:
    phone = await desk.phone()
    status, answer = await phone.hand_in(
        "events", [phone.item("ROOT_FOUND", evidence={"counterpart": STRANGER})]
    )
    assert (status, answer["code"]) == (422, "request-invalid")
    assert STRANGER not in json.dumps(answer)


async def test_what_was_written_with_a_customer_goes_where_it_is_inspected(desk: Desk) -> None:
    customer_id = await desk.customer()
    phone = await desk.phone()
    sms = phone.sms(CUSTOMER, "请还款", direction="out")
    taken_back = phone.chat(CUSTOMER, recalls="r77")
    await phone.records(sms, taken_back, phone.sms(STRANGER), phone.call(CUSTOMER))
    await phone.send_all(phone.recording(SOUND, CUSTOMER), SOUND, 5000)
    assert len(await desk.work()) == 3
    written = list(desk.neighbours.messages.values())
    assert [(one.customer_id, one.text, one.outgoing) for one in written] == [
        (customer_id, "请还款", True),
        (customer_id, "您好", True),
    ]
    assert written[1].recalls is not None
    assert list(desk.neighbours.calls.values()) == [SOUND]
    async with desk.house.database.read() as session:
        assert await session.scalar(select(OutboxRow.id).where(OutboxRow.done_at.is_(None))) is None
    async with desk.house.database.begin() as session:
        await desk.keys.destroy(session, customer_id)
        await desk.uploads.forget_customer(session, customer_id)
    status, page = await desk.house.ask(desk.house.admin, "GET", f"/devices/{phone.device_id}/records")
    assert status == 200
    hidden = [line["counterpart"] for line in page["items"] if line["customer_id"] == customer_id]
    assert hidden == ["", "", ""]


async def test_a_recording_is_resumed_from_the_servers_offset(desk: Desk) -> None:
    phone = await desk.phone()
    told = phone.recording(SOUND)
    _, open_ = await phone.announce(told)
    status, answer = await phone.piece(open_["id"], 0, SOUND[:3000])
    assert (status, answer["offset"]) == (200, 3000)
    for wrong in (0, 2999, 3001):
        status, answer = await phone.piece(open_["id"], wrong, SOUND[wrong : wrong + 10])
        assert (status, answer["code"], answer["facts"]["offset"]) == (409, "offset-wrong", 3000)
    status, answer = await phone.piece(open_["id"], 3000, SOUND[3000:] + b"!")
    assert (status, answer["code"]) == (422, "piece-invalid")
    status, answer, _ = await phone.send("GET", f"/uploads/recordings/{open_['id']}")
    assert (status, answer["offset"]) == (200, 3000)
    status, answer = await phone.send_all(told, SOUND, 2500)
    assert (status, answer["state"]) == (200, "COMPLETE")
    assert b"".join([chunk async for chunk in desk.uploads.recordings.content(open_["id"])]) == SOUND
    assert await desk.house.count(UploadPieceRow) == 0, "pieces are dropped, blobs and all"
    assert len(desk.blobs._stored) == 1
    stranger = await desk.phone()
    status, answer, _ = await stranger.send("GET", f"/uploads/recordings/{open_['id']}")
    assert (status, answer["code"]) == (404, "recording-unknown"), "another phone's"


async def test_a_recording_with_another_hash_is_refused_and_may_come_again(desk: Desk) -> None:
    phone = await desk.phone()
    told = phone.recording(SOUND)
    status, answer = await phone.send_all(told, bytes(len(SOUND)), 6000)
    assert (status, answer["code"]) == (409, "recording-broken")
    assert desk.blobs._stored == {}
    status, answer = await phone.send_all(told, SOUND, 6000)
    assert (status, answer["state"]) == (200, "COMPLETE")
    (row,) = await rows(desk, UploadRecordingRow)
    assert (row.failures, row.state) == (1, RecordingState.COMPLETE)


async def test_a_death_between_a_piece_and_its_commit_costs_that_piece_only(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = await desk.phone()
    told = phone.recording(SOUND)
    _, open_ = await phone.announce(told)
    await phone.piece(open_["id"], 0, SOUND[:1000])
    real, asked = recordings._check, []

    def dies(*anything: Any) -> None:
        asked.append(anything)
        if len(asked) == 2:
            raise RuntimeError
        real(*anything)

    with monkeypatch.context() as patched:
        patched.setattr(recordings, "_check", dies)
        assert (await phone.piece(open_["id"], 1000, SOUND[1000:2000]))[0] == 500
    status, answer = await phone.announce(told)
    assert (status, answer["offset"]) == (200, 1000)
    status, answer = await phone.send_all(told, SOUND, 4000)
    assert answer["state"] == "COMPLETE"
    desk.house.clock.advance(timedelta(hours=2))
    await desk.uploads.sweep()
    assert len(desk.blobs._stored) == 1, "the blob that was never counted is gone too"


async def test_a_death_while_pieces_are_put_together_is_made_good(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = await desk.phone()
    told = phone.recording(SOUND)
    real = recordings.Recordings._assemble

    async def dies(*anything: Any) -> None:
        await real(*anything)
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(recordings.Recordings, "_assemble", dies)
        assert (await phone.send_all(told, SOUND, 6000))[0] == 500
    status, answer = await phone.announce(told)
    assert (status, answer["state"], answer["offset"]) == (200, "COMPLETE", len(SOUND))
    assert len(desk.blobs._stored) == 1


async def test_a_backlog_in_any_order_cut_and_sent_twice_is_kept_once(desk: Desk) -> None:
    """A soak in small: what the books hold is what the phone made, whatever happened on the way."""
    chance = random.Random(4)  # noqa: S311 - a replayable order, no secret
    await desk.customer()
    phone = await desk.phone()
    made = [chance.choice((phone.call, phone.sms, phone.chat))(CUSTOMER) for _ in range(120)]
    deleted = phone.item("CHAT_DELETED", evidence={"records": [item["id"] for item in made[:30]]})
    sent = [*made, *chance.sample(made, 60)]
    chance.shuffle(sent)
    told = False
    while sent:
        batch, sent = sent[:25], sent[25:]
        if chance.random() < 0.3:
            await phone.records(*batch)  # the answer is lost: all of it comes again
            sent += batch
            continue
        if not told:
            told = await phone.events(deleted) == ["kept"]
        assert set(await phone.records(*batch)) <= {"kept", "duplicate"}
    kept = await rows(desk, UploadRecordRow)
    assert sorted(row.sha256 for row in kept) == sorted(item["sha256"] for item in made)
    gone = {item["sha256"] for item in made[:30]}
    assert {row.sha256 for row in kept if row.deleted_at is not None} == gone
    by_seq = sorted(kept, key=lambda row: row.seq)
    assert [row.sha256 for row in by_seq] == [item["sha256"] for item in made], "the phone's own order"


async def test_blocking_editing_and_a_new_sign_in_are_conduct_with_its_context(desk: Desk) -> None:
    phone = await desk.phone()
    said = phone.chat(CUSTOMER, text="年化三个点")
    await phone.records(said)
    of_customer = {"counterpart": CUSTOMER, "app": CHAT_APP}
    found = await phone.events(
        phone.item("CONTACT_BLOCKED", evidence=of_customer),
        phone.item("MESSAGE_EDITED", evidence={**of_customer, "records": [said["id"]]}),
        phone.item("CHAT_APP_NEW_LOGIN", evidence={"app": CHAT_APP, "platform": "desktop"}),
    )
    assert found == ["kept", "kept", "kept"]
    assert sorted(kind for kind, _ in desk.neighbours.seen_conduct) == [
        "CHAT_APP_NEW_LOGIN", "CONTACT_BLOCKED", "MESSAGE_EDITED",
    ]  # fmt: skip
    _, page = await desk.house.ask(desk.house.admin, "GET", f"/devices/{phone.device_id}/conduct")
    told = {line["kind"]: (line["severity"], line["evidence"]) for line in page["items"]}
    assert told == {
        "CONTACT_BLOCKED": ("severe", {"app": CHAT_APP}),
        "MESSAGE_EDITED": ("moderate", {"app": CHAT_APP}),
        "CHAT_APP_NEW_LOGIN": ("severe", {"app": CHAT_APP, "platform": "desktop"}),
    }
    async with desk.house.database.read() as session:
        (kept,) = (await session.scalars(select(UploadRecordRow))).all()
    assert kept.deleted_at is None, "what was sent first stays as it was"
    wrong = phone.item("CHAT_APP_NEW_LOGIN", evidence={"counterpart": CUSTOMER})
    assert (await phone.hand_in("events", [wrong]))[0] == 422


async def test_people_see_what_is_in_their_reach_and_close_events(desk: Desk) -> None:
    house = desk.house
    team, elsewhere = await house.department(), await house.department()
    worker = await house.employee(team)
    phone = await desk.phone(employee_id=worker)
    await phone.records(phone.call())
    await phone.events(phone.item("RED_PACKET", evidence={"counterpart": STRANGER, "amount_fen": 8800}))
    path = f"/devices/{phone.device_id}/conduct"
    for principal, wanted in (
        (house.principal(Role.SUPERVISOR, department=team), 200),
        (house.principal(Role.SUPERVISOR, department=elsewhere), 404),
        (house.principal(Role.AGENT, worker), 200),
        (house.principal(Role.AGENT), 404),
        (house.principal(Role.REVIEWER), 403),
    ):
        assert (await house.ask(principal, "GET", path))[0] == wanted
    _, page = await house.ask(house.admin, "GET", f"{path}?handled=false")
    (line,) = page["items"]
    assert (line["title_en"], line["severity"], line["evidence"]) == (
        "Red packet", "severe", {"amount_fen": 8800},
    )  # fmt: skip
    close = f"/device-conduct/{line['id']}/handle"
    other = house.principal(Role.SUPERVISOR, department=elsewhere)
    assert (await house.ask(other, "POST", close, json={"note": "已核实"}))[0] == 404
    mine = house.principal(Role.SUPERVISOR, department=team)
    status, answer = await house.ask(mine, "POST", close, json={"note": "已核实"})
    assert (status, answer["handled_by"]) == (200, mine.employee_id)
    assert (await house.ask(mine, "POST", close, json={"note": "再次"}))[0] == 409
    assert (await house.ask(other, "GET", "/device-conduct"))[1]["items"] == []
