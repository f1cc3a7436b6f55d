"""One contact, one inspection: under double delivery, crashes, failures and erasure; on both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.errors import Unavailable
from core.ledger.models import EntryRow
from core.outbox import OutboxRow
from maskline.worker import Deliverer
from qa.inspection.errors import InspectionUnknown
from qa.inspection.events import AlertRaised, InspectionDone
from qa.inspection.models import AlertRow, FindingRow, InspectionRow, SentenceRow
from qa.inspection.sealing import ERASED_TEXT
from qa.memory import ScriptedTranscriber
from qa.tasks import handlers
from tests.support.inspection import AGENT, InspectionDesk, principal, say

BAD_CALL = say(
    ("staff", "您好，我是示例金融的催收员。"),
    ("customer", "你们是谁啊？我的号码是13800138000，别再打了。"),
    ("staff", "你再不还钱，我就告诉你家人和同事，让你单位都知道。"),
    ("staff", "你个王八蛋，臭不要脸。"),
)
REVIEWER = principal(Role.REVIEWER)


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> InspectionDesk:
    return InspectionDesk(database, clock, ScriptedTranscriber(BAD_CALL))


async def count(database: Database, table: type) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_bad_call_leaves_score_findings_alerts_and_ledger_entry(desk: InspectionDesk) -> None:
    told: list[object] = []

    async def listen(session, event) -> None:
        told.append(event)

    desk.bus.subscribe(InspectionDone, listen)
    desk.bus.subscribe(AlertRaised, listen)
    facts = await desk.call()
    outbox_id = await desk.put(facts)
    inspection_id = await desk.service.inspect(facts.contact_id, outbox_id=outbox_id)
    detail = await desk.reader.get(REVIEWER, inspection_id)
    assert detail.summary.state == "done"
    assert detail.summary.score == 100 - 30 - 30 - 30 - 10
    assert detail.summary.band == "flag"
    assert {item.category for item in detail.findings} == {"disclosure", "insult"}
    assert next(item.text for item in detail.findings) == "告诉你家人"
    assert all(item.begin_ms >= 4000 for item in detail.findings)
    assert detail.report is not None
    assert detail.report.fatal is False
    alerts, _ = await desk.reader.alerts(REVIEWER)
    assert sorted(alert.category for alert in alerts) == ["disclosure", "insult"]
    assert sum(isinstance(event, AlertRaised) for event in told) == 2
    assert sum(isinstance(event, InspectionDone) for event in told) == 1
    async with desk.database.read() as session:
        records = (await session.scalars(select(EntryRow.record).order_by(EntryRow.seq))).all()
        message = await session.get(OutboxRow, outbox_id)
    assert message.done_at is not None
    joined = b"".join(records).decode()
    assert "告诉" not in joined
    assert "13800138000" not in joined
    assert detail.transcript_hash in joined


async def test_no_word_of_the_call_lies_in_the_database(desk: InspectionDesk) -> None:
    facts = await desk.call()
    await desk.service.inspect(facts.contact_id)
    async with desk.database.read() as session:
        for table in (InspectionRow, SentenceRow, FindingRow, AlertRow):
            rows = (await session.execute(text(f"SELECT * FROM {table.__tablename__}"))).all()  # noqa: S608
            assert rows
            stored = repr(rows)
            assert "告诉你家人" not in stored
            assert "告诉你家人".encode() not in b"".join(
                bytes(cell) for row in rows for cell in row if isinstance(cell, bytes | memoryview)
            )


async def test_double_delivery_makes_one_inspection(desk: InspectionDesk) -> None:
    facts = await desk.call()
    first, second = await desk.put(facts), await desk.put(facts)
    ids = await asyncio.gather(
        desk.service.inspect(facts.contact_id, outbox_id=first),
        desk.service.inspect(facts.contact_id, outbox_id=second),
    )
    assert ids[0] == ids[1]
    assert await desk.service.inspect(facts.contact_id, outbox_id=first) == ids[0]
    assert await count(desk.database, InspectionRow) == 1
    assert await count(desk.database, SentenceRow) == len(BAD_CALL)
    assert await count(desk.database, AlertRow) == 2
    async with desk.database.read() as session:
        done = (await session.scalars(select(OutboxRow.done_at))).all()
        kinds = (await session.scalars(select(EntryRow.kind))).all()
    assert all(done)
    assert kinds.count("inspection.done") == 1


async def test_crash_in_the_last_transaction_leaves_nothing_and_the_message_comes_again(
    desk: InspectionDesk,
) -> None:
    crash = [True]

    async def die(session, event) -> None:
        if crash[0]:
            raise SystemExit  # not an Exception: as if the process had been killed

    desk.bus.subscribe(InspectionDone, die)
    facts = await desk.call()
    outbox_id = await desk.put(facts)
    with pytest.raises(SystemExit):
        await desk.service.inspect(facts.contact_id, outbox_id=outbox_id)
    for table in (SentenceRow, FindingRow, AlertRow, EntryRow):
        assert await count(desk.database, table) == 0
    async with desk.database.read() as session:
        assert (await session.get(OutboxRow, outbox_id)).done_at is None
        assert await session.scalar(select(InspectionRow.state)) == "running"
    crash[0] = False
    await desk.service.inspect(facts.contact_id, outbox_id=outbox_id)
    assert await count(desk.database, InspectionRow) == 1
    assert await count(desk.database, SentenceRow) == len(BAD_CALL)


class Flaky(ScriptedTranscriber):
    """Fails at its first try."""

    failed = False

    def transcribe(self, pcm, sample_rate):
        if not self.failed:
            self.failed = True
            raise Unavailable
        return super().transcribe(pcm, sample_rate)


async def test_engine_failure_is_noted_and_tried_again(desk: InspectionDesk, clock: ManualClock) -> None:
    service = desk.build(Flaky(BAD_CALL))
    facts = await desk.call()
    outbox_id = await desk.put(facts)
    deliverer = Deliverer(desk.database, desk.outbox, handlers(service))
    assert not await deliverer.deliver(outbox_id)
    detail = await desk.reader.of_contact(REVIEWER, facts.contact_id)
    assert (detail.summary.state, detail.summary.reason, detail.summary.retryable) == (
        "failed",
        "unavailable",
        True,
    )
    clock.advance(timedelta(minutes=1))
    assert await deliverer.deliver(outbox_id)
    detail = await desk.reader.of_contact(REVIEWER, facts.contact_id)
    assert (detail.summary.state, detail.summary.reason) == ("done", None)


async def test_contact_without_recording_is_done_with_nothing(desk: InspectionDesk) -> None:
    facts = await desk.call(recorded=False)
    outbox_id = await desk.put(facts)
    await desk.service.inspect(facts.contact_id, outbox_id=outbox_id)
    detail = await desk.reader.of_contact(REVIEWER, facts.contact_id)
    assert (detail.summary.state, detail.summary.nothing, detail.summary.score) == (
        "done",
        "no-recording",
        None,
    )
    assert detail.report.summary.zh == "本次触达没有录音，无可质检内容。"


async def test_erasure_leaves_score_and_categories_but_no_word(desk: InspectionDesk) -> None:
    facts = await desk.call()
    await desk.service.inspect(facts.contact_id)
    before = await desk.reader.of_contact(REVIEWER, facts.contact_id)
    async with desk.database.begin() as session:
        await desk.keys.destroy(session, facts.subject_id)
    after = await desk.reader.of_contact(REVIEWER, facts.contact_id)
    assert after.erased
    assert after.summary.score == before.summary.score
    assert [item.category for item in after.findings] == [item.category for item in before.findings]
    assert {item.text for item in after.findings} == {ERASED_TEXT}
    assert {item.text for item in after.transcript} == {ERASED_TEXT}
    assert after.keywords == ()


async def test_customer_erased_before_inspection_is_a_final_failure(desk: InspectionDesk) -> None:
    facts = await desk.call()
    outbox_id = await desk.put(facts)
    async with desk.database.begin() as session:
        await desk.keys.destroy(session, facts.subject_id)
    await desk.service.inspect(facts.contact_id, outbox_id=outbox_id)
    detail = await desk.reader.of_contact(REVIEWER, facts.contact_id)
    assert (detail.summary.state, detail.summary.reason, detail.summary.retryable) == (
        "failed",
        "subject-erased",
        False,
    )
    assert await count(desk.database, SentenceRow) == 0
    async with desk.database.read() as session:
        assert (await session.get(OutboxRow, outbox_id)).done_at is not None


async def test_number_dictated_over_two_sentences_is_masked_for_everybody(desk: InspectionDesk) -> None:
    service = desk.build(
        ScriptedTranscriber(
            say(("customer", "我的电话是一三八零"), ("staff", "嗯"), ("customer", "0 1 3 8 0 0 0，记好了"))
        )
    )
    facts = await desk.call(purpose="sales")
    await service.inspect(facts.contact_id)
    for reader in (REVIEWER, principal(Role.AGENT, AGENT)):
        detail = await desk.reader.of_contact(reader, facts.contact_id)
        assert [item.text for item in detail.transcript] == ["我的电话是****", "嗯", "* * * * * * *，记好了"]


async def test_scope_own_and_texts_need_their_permission(desk: InspectionDesk) -> None:
    facts = await desk.call()
    await desk.service.inspect(facts.contact_id)
    own = await desk.reader.of_contact(principal(Role.AGENT, AGENT), facts.contact_id)
    assert own.transcript is not None
    with pytest.raises(InspectionUnknown):
        await desk.reader.of_contact(principal(Role.AGENT, "f" * 32), facts.contact_id)
    auditor = await desk.reader.of_contact(principal(Role.AUDITOR), facts.contact_id)
    assert auditor.transcript is None
    assert {item.text for item in auditor.findings} == {None}
    assert auditor.keywords == ()
