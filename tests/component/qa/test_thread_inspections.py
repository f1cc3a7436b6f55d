"""Messages are inspected like calls: at once, day by day, exactly once, whatever dies; on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.errors import Unavailable
from core.ledger.models import EntryRow
from core.outbox import OutboxRow
from gateway.messages.events import DAY_CLOSED, MESSAGE_FINISHED, VOICE_RECEIVED
from gateway.messages.models import AttachmentRow, MessageRow, ThreadDayRow
from maskline.coverage import contacts_without_one_inspection
from qa.inspection.errors import InspectionUnknown
from qa.inspection.events import InspectionDone
from qa.inspection.model import AlertState
from qa.inspection.models import AlertRow, CoveredContactRow, FindingRow, InspectionRow, SentenceRow
from qa.inspection.sealing import ERASED_TEXT
from tests.support.desk import shanghai
from tests.support.threads import ScriptedEar, ThreadDesk
from tests.support.voices import voice_file

THREAT = "再不还钱，我就告诉你家人和同事。"
INSULT = "你个王八蛋，臭不要脸。"


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> ThreadDesk:
    desk = ThreadDesk(database, clock)
    await desk.set_up()
    await desk.link()
    return desk


async def count(desk: ThreadDesk, table: type) -> int:
    async with desk.database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def thread_day(desk: ThreadDesk) -> ThreadDayRow:
    async with desk.database.read() as session:
        return (await session.scalars(select(ThreadDayRow))).one()


async def uncovered(desk: ThreadDesk, *, finished: bool = False) -> list:
    async with desk.database.read() as session:
        return await contacts_without_one_inspection(session, finished=finished)


async def test_what_staff_wrote_elsewhere_alerts_at_once_and_counts_once(desk: ThreadDesk) -> None:
    desk.records.say("您好")
    reference = desk.records.say(THREAT)
    await desk.archived()
    await desk.deliver()
    reviewer = desk.sees(Role.REVIEWER)
    (alert,), _ = await desk.reader.alerts(reviewer)
    async with desk.database.read() as session:
        message = await session.scalar(select(MessageRow).where(MessageRow.provider_reference == reference))
    assert (alert.category, alert.severity, alert.state) == ("disclosure", "severe", "open")
    assert (alert.thread_id, alert.message_id, alert.contact_id) == (message.thread_id, message.id, None)
    assert (alert.employee_id, alert.customer_id) == (desk.agent.employee_id, desk.customer.id)
    assert alert.customer_phone == "138****8000"
    early = await desk.reader.get(reviewer, alert.inspection_id)
    assert (early.summary.state, early.summary.score, early.summary.finding_count) == ("waiting", None, 1)
    await desk.close_day()
    late = await desk.reader.of_thread_day(reviewer, message.thread_day_id)
    assert late.summary.id == early.summary.id
    assert (late.summary.state, late.summary.channel, late.summary.day.isoformat()) == (
        "done",
        "message",
        "2026-11-21",
    )
    assert (late.summary.finding_count, late.summary.severe_count, late.summary.score) == (1, 1, 70)
    assert {item.id for item in late.findings} == {item.id for item in early.findings}
    assert [item.text for item in late.findings][:1] == ["告诉你家人"]
    assert [(item.message_id, item.sentence_index, item.deduction) for item in late.findings] == [
        (message.id, 1, 30)
    ]
    assert [item.text for item in late.transcript] == ["您好", THREAT]
    assert late.transcript[1].at == shanghai(10)
    assert (await desk.reader.alerts(reviewer))[0] == (alert,)
    assert (late.report.thread.messages, late.report.thread.staff, late.report.talk) == (2, 2, None)
    async with desk.database.read() as session:
        kinds = list(await session.scalars(select(EntryRow.kind)))
    assert (kinds.count("inspection.done"), kinds.count("alert.raised")) == (1, 1)


async def test_a_day_is_inspected_with_both_sides_and_every_contact_is_covered(desk: ThreadDesk) -> None:
    told: list[InspectionDone] = []

    async def listen(session, event) -> None:
        told.append(event)

    desk.desk.events.subscribe(InspectionDone, listen)
    sent = await desk.send("您好，请于明天还款。")
    blocked = await desk.send("我弄死你")
    held = await desk.send("我们保证下款")
    await desk.come("我的号码是13900001234，别再找我了，王八蛋")
    await desk.dispatcher.drain()
    await desk.deliver()
    row = await desk.row(sent)
    await desk.close_day()
    reviewer = desk.sees(Role.REVIEWER)
    detail = await desk.reader.of_contact(reviewer, row.contact_id)
    assert [item.role for item in detail.transcript] == ["staff", "staff", "customer"]
    assert [item.message_id for item in detail.transcript][:2] == [sent, held]
    assert blocked not in {item.message_id for item in detail.transcript}
    assert detail.transcript[2].text == "我的号码是***********，别再找我了，王八蛋"
    assert detail.report.thread.stopped == 1
    assert {(item.category, item.role) for item in detail.findings} >= {("insult", "customer")}
    assert len(told) == 1
    assert told[0].thread_id == row.thread_id
    assert await count(desk, InspectionRow) == 1
    assert await count(desk, CoveredContactRow) == 4
    assert await uncovered(desk) == []
    async with desk.database.read() as session:
        entry = (
            await session.scalars(select(EntryRow.record).where(EntryRow.kind == "inspection.done"))
        ).one()
    assert row.thread_day_id.encode() in entry
    assert detail.transcript_hash.encode() in entry
    found, _ = await desk.reader.of_thread(reviewer, row.thread_id)
    assert [item.id for item in found] == [detail.summary.id]


async def test_each_message_has_one_alert_with_all_rules_that_it_hit(desk: ThreadDesk) -> None:
    desk.records.say("再不还钱我就告诉你家人，弄死你")
    desk.records.say("我还要告诉你家人")
    await desk.archived()
    await desk.deliver()
    reviewer = desk.sees(Role.REVIEWER)
    found, _ = await desk.reader.alerts(reviewer)
    second, first = found
    assert first.message_id != second.message_id
    assert (first.hits, [rule.id for rule in first.rules]) == (2, ["staff-disclosure", "staff-threat"])
    assert (second.hits, [rule.id for rule in second.rules]) == (1, ["staff-disclosure"])
    assert {first.state, second.state} == {AlertState.OPEN}
    await desk.alerts.close(reviewer, first.id, "约谈")
    desk.records.say("明天就告诉你家人")
    await desk.archived()
    await desk.deliver()
    await desk.close_day()
    alerts, _ = await desk.reader.alerts(reviewer)
    assert sorted((alert.state, alert.hits) for alert in alerts) == [("closed", 2), ("open", 1), ("open", 1)]


async def test_double_delivery_and_two_workers_write_one_of_each(desk: ThreadDesk) -> None:
    reference = desk.records.say(THREAT)
    desk.records.say(INSULT)
    await desk.archived()
    await desk.deliver()
    async with desk.database.read() as session:
        message = await session.scalar(select(MessageRow).where(MessageRow.provider_reference == reference))
    before = await count(desk, FindingRow), await count(desk, AlertRow)
    await asyncio.gather(*(desk.handle(MESSAGE_FINISHED, message_id=message.id) for _ in range(3)))
    assert (await count(desk, FindingRow), await count(desk, AlertRow)) == before
    await asyncio.gather(*(desk.threads.inspect_day(message.thread_day_id) for _ in range(3)))
    await desk.handle(DAY_CLOSED, thread_day_id=message.thread_day_id)
    await desk.handle(MESSAGE_FINISHED, message_id=message.id)
    assert await count(desk, InspectionRow) == 1
    assert await count(desk, SentenceRow) == 2
    assert (await count(desk, FindingRow), await count(desk, AlertRow)) == before
    async with desk.database.read() as session:
        kinds = list(await session.scalars(select(EntryRow.kind)))
    assert kinds.count("inspection.done") == 1


async def test_a_process_that_dies_leaves_nothing_half(desk: ThreadDesk) -> None:
    crash = [True]

    async def die(session, event) -> None:
        if crash[0]:
            raise SystemExit  # not an Exception: as if the process had been killed

    desk.records.say(THREAT)
    await desk.archived()
    await desk.deliver()
    day = await thread_day(desk)
    desk.desk.events.subscribe(InspectionDone, die)
    desk.clock.set(shanghai(1, day=22))
    await desk.messages.days.sweep()
    (message,) = await desk.topics(DAY_CLOSED)
    with pytest.raises(SystemExit):
        await desk.threads.inspect_day(day.id, outbox_id=message.id)
    assert await count(desk, SentenceRow) == 0
    assert await count(desk, FindingRow) == 1  # what was found at once stays
    assert (await desk.topics(DAY_CLOSED))[0].done_at is None
    crash[0] = False
    await desk.threads.inspect_day(day.id, outbox_id=message.id)
    assert (await count(desk, SentenceRow), await count(desk, FindingRow)) == (1, 1)
    assert (await desk.topics(DAY_CLOSED))[0].done_at is not None


async def test_screening_dies_before_its_end_and_comes_again(desk: ThreadDesk) -> None:
    real, crash = desk.alerts.raise_for, [True]

    async def die(*args, **more) -> None:
        if crash.pop():
            raise SystemExit
        await real(*args, **more)

    desk.alerts.raise_for = die
    desk.records.say(THREAT)
    await desk.archived()
    (message,) = await desk.topics(MESSAGE_FINISHED)
    with pytest.raises(SystemExit):
        await desk.threads.screen(message.payload["message_id"], outbox_id=message.id)
    assert await count(desk, InspectionRow) == 0
    assert (await desk.topics(MESSAGE_FINISHED))[0].done_at is None
    desk.alerts.raise_for = real
    await desk.deliver()
    assert await count(desk, AlertRow) == 1


@pytest.mark.parametrize(("media_type", "codec"), [("amr", "libopencore_amrnb"), ("ogg", "libopus")])
async def test_a_voice_message_is_read_and_its_words_are_inspected(
    desk: ThreadDesk, media_type: str, codec: str
) -> None:
    desk.ear.words = ("你再不还钱", "我就告诉你家人", "电话一三八零零一三八零零零")
    desk.records.files["voice-1"] = voice_file(media_type, codec)
    desk.records.add("voice", {"voice_size": 3, "play_length": 2, "sdkfileid": "voice-1"})
    await desk.archived()
    await desk.deliver()
    reviewer = desk.sees(Role.REVIEWER)
    (alert,), _ = await desk.reader.alerts(reviewer)
    assert alert.category == "disclosure"
    async with desk.database.read() as session:
        file = (await session.scalars(select(AttachmentRow))).one()
    assert (file.read_result, file.cleared_at) == ("read", None)
    assert "告诉".encode() not in bytes(file.read_text.raw)
    (seen,) = (await desk.messages.queries.message(desk.agent, file.message_id)).attachments
    assert seen.text == "你再不还钱\n我就告诉你家人\n电话***********"
    await desk.close_day()
    detail = await desk.reader.of_thread_day(reviewer, (await thread_day(desk)).id)
    assert [item.attachment_id for item in detail.transcript] == [file.id]
    assert detail.transcript[0].text == "你再不还钱\n我就告诉你家人\n电话***********"
    assert {item.attachment_id for item in detail.findings} == {file.id}
    assert desk.ear.heard == 1


async def test_a_voice_that_cannot_be_decoded_is_said_to_be_so(desk: ThreadDesk) -> None:
    desk.records.files["voice-1"] = b"#!AMR\n" + bytes([0xFF]) * 40
    desk.records.add("voice", {"voice_size": 3, "play_length": 2, "sdkfileid": "voice-1"})
    desk.records.say("您好")
    await desk.archived()
    await desk.close_day()
    async with desk.database.read() as session:
        file = (await session.scalars(select(AttachmentRow))).one()
    assert file.read_result == "unreadable"
    detail = await desk.reader.of_thread_day(desk.sees(Role.REVIEWER), (await thread_day(desk)).id)
    assert detail.report.thread.unread_voices == 1
    assert desk.ear.heard == 0


async def test_a_day_waits_for_the_engine_and_reads_voices_itself(desk: ThreadDesk) -> None:
    desk.ear.words = ("我就告诉你家人",)
    desk.ear.faults = [Unavailable(), Unavailable()]
    desk.records.files["voice-1"] = voice_file("amr", "libopencore_amrnb")
    desk.records.add("voice", {"voice_size": 3, "play_length": 2, "sdkfileid": "voice-1"})
    await desk.archived()
    await desk.deliver()
    assert (await desk.topics(VOICE_RECEIVED))[0].last_error == "Unavailable"
    day = await thread_day(desk)
    desk.clock.set(shanghai(1, day=22))
    await desk.messages.days.sweep()
    with pytest.raises(Unavailable):
        await desk.threads.inspect_day(day.id)
    reviewer = desk.sees(Role.REVIEWER)
    failed = await desk.reader.of_thread_day(reviewer, day.id)
    assert (failed.summary.state, failed.summary.reason, failed.summary.retryable) == (
        "failed",
        "unavailable",
        True,
    )
    await desk.threads.inspect_day(day.id)
    done = await desk.reader.of_thread_day(reviewer, day.id)
    assert (done.summary.state, done.summary.severe_count) == ("done", 1)
    desk.clock.advance(timedelta(minutes=5))
    await desk.deliver()
    assert all(row.done_at for row in await desk.topics(VOICE_RECEIVED))
    assert await count(desk, FindingRow) == 1


async def test_erasure_before_the_day_ends_fails_for_good_and_afterwards_leaves_no_word(
    desk: ThreadDesk,
) -> None:
    desk.records.say(THREAT)
    desk.records.say("在吗", by_staff=False)
    await desk.archived()
    await desk.deliver()
    async with desk.database.begin() as session:
        await desk.desk.keys.destroy(session, desk.customer.id)
    await desk.close_day()
    day = await thread_day(desk)
    reviewer = desk.sees(Role.REVIEWER)
    detail = await desk.reader.of_thread_day(reviewer, day.id)
    assert (detail.summary.state, detail.summary.reason, detail.summary.retryable) == (
        "failed",
        "subject-erased",
        False,
    )
    assert {item.text for item in detail.findings} == {ERASED_TEXT}
    assert (await desk.topics(DAY_CLOSED))[0].done_at is not None
    assert await uncovered(desk) == []
    found = await desk.reader.thread_findings(reviewer, day.thread_id)
    assert found.erased
    (alert,), _ = await desk.reader.alerts(reviewer)
    assert (alert.customer_name, alert.customer_phone) == ("", "")
    for message in await desk.topics(MESSAGE_FINISHED):
        await desk.handle(MESSAGE_FINISHED, message_id=message.payload["message_id"])


async def test_findings_of_a_thread_by_message_and_only_within_reach(desk: ThreadDesk) -> None:
    reference = desk.records.say(THREAT)
    desk.records.say("好的")
    await desk.archived()
    await desk.deliver()
    async with desk.database.read() as session:
        message = await session.scalar(select(MessageRow).where(MessageRow.provider_reference == reference))
    own = await desk.reader.thread_findings(desk.sees(Role.AGENT, like=desk.agent), message.thread_id)
    assert {key: len(items) for key, items in own.by_message.items()} == {message.id: 1}
    assert {item.text for item in own.by_message[message.id]} >= {"告诉你家人"}
    auditor = await desk.reader.thread_findings(desk.sees(Role.AUDITOR), message.thread_id)
    assert {item.text for item in auditor.by_message[message.id]} == {None}
    assert (await desk.reader.thread_findings(desk.sees(Role.AGENT), message.thread_id)).by_message == {}
    none = await desk.reader.thread_findings(desk.sees(Role.REVIEWER), message.thread_id, ["x"])
    assert none.by_message == {}
    with pytest.raises(InspectionUnknown):
        await desk.reader.of_thread_day(desk.sees(Role.AGENT), message.thread_day_id)


async def test_a_refused_message_and_an_opt_out_are_covered_too(desk: ThreadDesk) -> None:
    await desk.come("退订", "in-1")
    await desk.dispatcher.drain()
    refused = await desk.send("您好")
    assert (await desk.row(refused)).state == "blocked"
    await desk.deliver()
    assert await uncovered(desk) == []
    await desk.close_day()
    assert await uncovered(desk, finished=True) == []
    detail = await desk.reader.of_contact(desk.sees(Role.REVIEWER), (await desk.row(refused)).contact_id)
    assert [item.role for item in detail.transcript] == ["customer"]


async def test_a_day_on_which_nothing_left_has_nothing_to_inspect(desk: ThreadDesk) -> None:
    blocked = await desk.send("我弄死你")
    await desk.close_day()
    detail = await desk.reader.of_contact(desk.sees(Role.REVIEWER), (await desk.row(blocked)).contact_id)
    assert (detail.summary.state, detail.summary.nothing, detail.summary.score) == ("done", "no-text", None)


async def test_the_check_sees_what_is_missing_and_what_is_unfinished(desk: ThreadDesk) -> None:
    sent = await desk.send("您好，请于明天还款。")
    await desk.dispatcher.drain()
    await desk.come("好的")
    contacts = {(await desk.row(sent)).contact_id}
    missing = {item.contact_id for item in await uncovered(desk)}
    assert missing  # the worker has not worked yet
    await desk.deliver()
    assert await uncovered(desk) == []
    assert {item.why for item in await uncovered(desk, finished=True)} == {"unfinished"}
    async with desk.database.begin() as session:
        await session.execute(CoveredContactRow.__table__.delete())
    assert {item.contact_id for item in await uncovered(desk)} >= missing - contacts
    assert {item.why for item in await uncovered(desk)} == {"count"}


async def test_no_outbox_message_stays_behind(desk: ThreadDesk) -> None:
    desk.ear.words = ("好",)
    desk.records.say(THREAT)
    desk.records.add("external_redpacket", {"type": 1, "wish": "大吉", "totalcnt": 1, "totalamount": 200})
    await desk.archived()
    await desk.send("您好，请于明天还款。")
    await desk.dispatcher.drain()
    await desk.close_day()
    async with desk.database.read() as session:
        open_topics = list(await session.scalars(select(OutboxRow.topic).where(OutboxRow.done_at.is_(None))))
    assert open_topics == []


def test_the_ear_of_these_tests_hears_what_it_is_told() -> None:
    assert ScriptedEar(("甲",)).words == ("甲",)
