"""Messages from the verdict to the receipt, over both databases."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core.clock import ManualClock
from core.db import Database
from core.outbox import LEASE_S
from gateway.contact.errors import BindingUnknown
from gateway.contact.model import Outcome, Purpose
from gateway.contact.models import ContactRow
from gateway.messages.errors import (
    ChannelMissing,
    ChannelRefused,
    ChannelThrottled,
    ChannelUnavailable,
    MessageInvalid,
    MessageKeyMismatch,
    MessageUnknown,
    NotHeld,
    OutcomeUnknown,
    OwnMessage,
    ScreeningUnavailable,
    TemplateRequired,
)
from gateway.messages.events import DAY_CLOSED, MESSAGE_FINISHED, MESSAGE_SEND, ThreadDayClosed
from gateway.messages.machine import Cause
from gateway.messages.memory import InMemoryChannel
from gateway.messages.model import ChannelKind, MessageState, Receipt, ReceiptState, Traits
from gateway.messages.models import MessageRow
from gateway.messages.service import SendRequest
from tests.support.desk import shanghai
from tests.support.messaging import Post


@pytest.fixture
async def post(database: Database, clock: ManualClock) -> Post:
    post = Post(database, clock)
    await post.set_up()
    return post


def receipt(row, state=ReceiptState.DELIVERED, code=""):
    return Receipt(ChannelKind.SMS, state, provider_reference=f"m-{row.reference}", code=code)


async def take(post, event):
    await post.messages.receipts.take(event, post.channel.traits)


async def test_delivered(post):
    message_id = await post.send()
    assert (await post.row(message_id)).state is MessageState.QUEUED
    assert await post.dispatcher.drain() == 1
    row = await post.row(message_id)
    assert row.state is MessageState.SENT
    assert [(o.text, o.to.e164, o.line_number) for o in post.channel.sent] == [
        ("您好，请于明天还款。", "+8613800138000", post.line.number)
    ]
    await take(post, receipt(row))
    await take(post, receipt(row))
    row = await post.row(message_id)
    assert row.state is MessageState.DELIVERED
    assert (await post.contact(message_id)).outcome is Outcome.CONNECTED
    assert len(await post.topics(MESSAGE_FINISHED)) == 1
    view = await post.messages.queries.message(post.agent, message_id)
    assert [event.kind for event in view.events] == ["accepted", "try", "taken", "receipt"]
    assert all(row.done_at for row in await post.topics(MESSAGE_SEND))


async def test_a_number_is_masked_before_it_leaves(post):
    message_id = await post.send("请联系我 13912345678，微信 zhang_san88")
    await post.dispatcher.drain()
    row = await post.row(message_id)
    assert row.action == "mask"
    assert {finding["category"] for finding in row.findings} == {"contact_data.phone", "contact_data.wechat"}
    assert post.channel.sent[0].text == "请联系我 139****5678，微信 ***"
    view = await post.messages.queries.message(post.agent, message_id)
    assert view.text == post.channel.sent[0].text


async def test_held_released_by_another_person(post):
    message_id = await post.send("我们保证下款")
    row = await post.row(message_id)
    assert (row.state, row.reason_code) == (MessageState.HELD, "screening-hold")
    assert row.reason_zh
    assert await post.dispatcher.drain() == 0
    with pytest.raises(MessageUnknown):
        await post.messages.review.release(await post.principal_elsewhere(), message_id)
    await post.messages.review.release(post.supervisor, message_id, "下次请写明条件，或打 13912345678 问我")
    told = await post.messages.queries.message(post.agent, message_id)
    assert told.review_note == "下次请写明条件，或打 139****5678 问我"
    with pytest.raises(NotHeld):
        await post.messages.review.reject(post.supervisor, message_id)
    await post.dispatcher.drain()
    assert (await post.row(message_id)).state is MessageState.SENT


async def test_nobody_releases_their_own(post):
    binding = await post.desk.bind(
        post.supervisor, (await post.desk.customer(post.supervisor, "13700137000")).id
    )
    request = SendRequest(binding.id, ChannelKind.SMS, "我们保证下款")
    message_id = await post.messages.service.send(post.supervisor, request)
    with pytest.raises(OwnMessage):
        await post.messages.review.release(post.supervisor, message_id)
    await post.messages.review.reject(post.reviewer, message_id)
    row = await post.row(message_id)
    assert (row.state, row.cause) == (MessageState.BLOCKED, Cause.REJECTED)
    assert (await post.contact(message_id)).outcome is Outcome.REFUSED


async def test_blocked_by_its_words(post):
    message_id = await post.send("再不还钱弄死你")
    row = await post.row(message_id)
    assert (row.state, row.cause, row.reason_code) == (
        MessageState.BLOCKED,
        Cause.SCREENING,
        "screening-block",
    )
    assert (await post.contact(message_id)).outcome is Outcome.REFUSED
    assert await post.dispatcher.drain() == 0


async def test_blocked_by_the_hour_when_sent_and_when_released(post):
    held = await post.send("我们保证下款")
    post.clock.set(shanghai(22, 30))
    refused = await post.row(await post.send())
    assert (refused.state, refused.cause) == (MessageState.BLOCKED, Cause.VERDICT)
    assert (refused.rule_id, refused.reason_code) == ("hours-collection", "quiet-hours")
    assert refused.next_allowed_at == shanghai(8, day=22)
    await post.messages.review.release(post.supervisor, held)
    await post.dispatcher.drain()
    row = await post.row(held)
    assert (row.state, row.reason_code) == (MessageState.BLOCKED, "quiet-hours")
    assert post.channel.sent == []


async def test_the_cap_counts_queued_messages(post):
    for _ in range(3):
        await post.send()
    fourth = await post.row(await post.send())
    assert (fourth.state, fourth.reason_code) == (MessageState.BLOCKED, "cap-reached")


async def test_each_message_has_one_contact_and_one_day(post):
    for text in ("您好", "再不还钱弄死你", "我们保证下款", "您好二", "您好三"):
        await post.send(text)
    async with post.database.read() as session:
        messages = list(await session.scalars(select(MessageRow)))
        contacts = await session.scalar(select(func.count()).select_from(ContactRow))
    assert len({row.contact_id for row in messages}) == len(messages) == contacts == 5
    assert len({row.thread_day_id for row in messages}) == 1


async def test_nothing_is_written_when_screening_breaks(post):
    with pytest.raises(ScreeningUnavailable):
        await post.send("坏掉")
    async with post.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(ContactRow)) == 0


async def test_what_cannot_be_sent(post):
    with pytest.raises(MessageInvalid):
        await post.send("  ")
    with pytest.raises(MessageInvalid):
        await post.send("a" * 1001)
    with pytest.raises(MessageInvalid):
        await post.send("a\x1bb")
    with pytest.raises(ChannelMissing):
        await post.send("x", channel=ChannelKind.WEBCHAT)
    request = SendRequest(post.binding.id, ChannelKind.SMS, "x")
    with pytest.raises(BindingUnknown):
        await post.messages.service.send(post.supervisor, request)


async def test_sales_by_sms_needs_a_template(post):
    customer = await post.desk.customer(post.agent, "13700137000")
    binding = await post.desk.bind(post.agent, customer.id, purpose=Purpose.SALES)
    with pytest.raises(TemplateRequired):
        await post.messages.service.send(post.agent, SendRequest(binding.id, ChannelKind.SMS, "优惠"))


async def test_the_same_key_is_the_same_message(post):
    first = await post.send(idempotency_key="k1")
    assert await post.send(idempotency_key="k1") == first
    with pytest.raises(MessageKeyMismatch):
        await post.send("别的内容", idempotency_key="k1")


async def test_tried_again_with_growing_pauses_then_failed(post):
    message_id = await post.send()
    tries = 0
    while (await post.row(message_id)).state is MessageState.QUEUED:
        post.channel.faults = [ChannelUnavailable("X")]
        await post.dispatcher.drain()
        tries += 1
        post.clock.advance(timedelta(seconds=2200))
    row = await post.row(message_id)
    assert (row.state, row.cause) == (MessageState.FAILED, Cause.UNREACHABLE)
    assert 1 < tries <= 7
    assert (await post.contact(message_id)).outcome is Outcome.FAILED


async def test_refused_for_good(post):
    message_id = await post.send()
    post.channel.faults = [ChannelRefused("ESME_RINVDSTADR")]
    await post.dispatcher.drain()
    row = await post.row(message_id)
    assert (row.state, row.cause, row.provider_code) == (
        MessageState.FAILED,
        Cause.REFUSED,
        "ESME_RINVDSTADR",
    )


async def test_throttling_waits_and_is_no_failed_try(post):
    message_id = await post.send()
    post.channel.faults = [ChannelThrottled("58", retry_after_s=3) for _ in range(9)]
    for _ in range(10):
        await post.dispatcher.drain()
        post.clock.advance(timedelta(seconds=7))
    assert (await post.row(message_id)).state is MessageState.SENT


@pytest.mark.parametrize("dedupes", [True, False])
async def test_dying_between_submission_and_book(database, clock, dedupes):
    traits = Traits(needs_number=True, dedupes=dedupes, receipts=True)
    post = Post(database, clock, channels=[InMemoryChannel(traits=traits)])
    await post.set_up()
    message_id = await post.send()
    post.channel.lose_answer = [asyncio.CancelledError()]
    with pytest.raises(asyncio.CancelledError):
        await post.dispatcher.drain()
    assert (await post.row(message_id)).in_flight
    post.wire("w2")
    assert await post.dispatcher.drain() == 0  # the lease of the dead one still stands
    for _ in range(2):  # the lease runs out, then the pause
        post.clock.advance(timedelta(seconds=LEASE_S + 1))
        await post.dispatcher.drain()
    row = await post.row(message_id)
    assert len(post.channel.sent) == 1
    if dedupes:
        assert row.state is MessageState.SENT
    else:
        assert (row.state, row.cause) == (MessageState.FAILED, Cause.UNKNOWN_OUTCOME)
        late = Receipt(ChannelKind.SMS, ReceiptState.DELIVERED, reference=row.reference)
        await take(post, late)
        assert (await post.row(message_id)).state is MessageState.DELIVERED


async def test_an_answer_that_never_came_counts_as_unknown(post):
    message_id = await post.send()
    post.channel.lose_answer = [OutcomeUnknown()]
    await post.dispatcher.drain()
    assert await post.dispatcher.drain() == 0  # not at once: who did not answer is not pressed
    post.clock.advance(timedelta(seconds=6))
    await post.dispatcher.drain()
    assert (await post.row(message_id)).state is MessageState.SENT
    assert len(post.channel.sent) == 1


async def test_a_receipt_that_overtakes_is_kept(post):
    message_id = await post.send()
    row = await post.row(message_id)
    await take(post, receipt(row))
    await post.dispatcher.drain()
    assert (await post.row(message_id)).state is MessageState.DELIVERED


async def test_undelivered_and_no_receipt(post):
    first, second = await post.send(), await post.send()
    await post.dispatcher.drain()
    await take(post, receipt(await post.row(first), ReceiptState.FAILED, "UNDELIV:011"))
    row = await post.row(first)
    assert (row.state, row.cause, row.provider_code) == (
        MessageState.FAILED,
        Cause.UNDELIVERED,
        "UNDELIV:011",
    )
    post.clock.advance(timedelta(days=4))
    await post.messages.days.sweep()
    assert (await post.contact(second)).outcome is Outcome.UNANSWERED
    assert (await post.row(second)).state is MessageState.SENT


async def test_a_day_closes_once_after_midnight(post):
    closed = []

    async def hear(session, event):
        closed.append(event)

    post.desk.events.subscribe(ThreadDayClosed, hear)
    message_id = await post.send("我们保证下款")
    await post.come("好的", "in-1")
    post.clock.set(shanghai(0, 10, day=22))
    await post.messages.days.sweep()
    assert closed == []
    post.clock.set(shanghai(0, 31, day=22))
    await post.messages.days.sweep()
    await post.messages.days.sweep()
    assert [event.day.isoformat() for event in closed] == ["2026-11-21"]
    (outbox,) = await post.topics(DAY_CLOSED)
    spoken = await post.messages.spoken.messages(outbox.payload["thread_day_id"])
    assert spoken[0].message_id == message_id
    assert [message.text for message in spoken] == ["我们保证下款", "好的"]
    await post.come("还在吗", "in-2")
    post.clock.set(shanghai(1, day=23))
    await post.messages.days.sweep()
    assert [event.day.isoformat() for event in closed] == ["2026-11-21", "2026-11-22"]


async def test_erasure_waits_for_open_messages_and_then_forgets_texts(post):
    message_id = await post.send("您好，请还款。")
    await post.dispatcher.drain()
    await take(post, receipt(await post.row(message_id)))
    await post.desk.customers.erase(post.admin, post.customer.id)
    view = await post.messages.queries.message(post.agent, message_id)
    assert view.text == ""


async def test_a_fault_of_ours_is_tried_again_whatever_the_relay_does(post):
    message_id = await post.send()
    post.channel.faults = [RuntimeError("broken")]
    await post.dispatcher.drain()
    assert (await post.row(message_id)).in_flight
    for _ in range(3):
        async with post.database.begin() as session:
            await post.outbox.take_due(session)  # as the relay does: it moves the outbox's own time
        post.clock.advance(timedelta(seconds=20))
        await post.dispatcher.drain()
    assert (await post.row(message_id)).state is MessageState.SENT


async def test_what_breaks_again_and_again_fails_in_the_end(post):
    message_id = await post.send()
    for _ in range(60):
        post.channel.faults = [RuntimeError("broken")]
        await post.dispatcher.drain()
        post.clock.advance(timedelta(seconds=100))
        if (await post.row(message_id)).state.final:
            break
    assert (await post.row(message_id)).state is MessageState.FAILED
    assert (await post.contact(message_id)).outcome is not Outcome.PENDING
