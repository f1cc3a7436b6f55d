"""Who sends by which channel: each process its own; what has no channel any more ends in order."""

from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.db import Database
from core.outbox import OutboxRow
from gateway.contact.model import Outcome, Purpose
from gateway.messages.errors import ChannelMissing
from gateway.messages.machine import Cause
from gateway.messages.memory import InMemoryChannel
from gateway.messages.model import ChannelKind, MessageState
from tests.support.messaging import Post


@pytest.fixture
async def post(database: Database, clock: ManualClock):
    post = Post(
        database, clock, channels=[InMemoryChannel(ChannelKind.SMS), InMemoryChannel(ChannelKind.SIP)]
    )
    await post.set_up()
    return post


async def test_a_process_takes_the_messages_of_its_own_channels_only(post):
    sms, sip = post.channels
    by_sms = await post.send(channel=ChannelKind.SMS)
    by_sip = await post.send(channel=ChannelKind.SIP)
    both = post.channels
    post.channels = [sip]  # the calls process
    post.wire("calls")
    await post.dispatcher.drain()
    assert (len(sms.sent), len(sip.sent)) == (0, 1)
    assert (await post.row(by_sms)).state is MessageState.QUEUED
    post.channels = both[:1]
    post.wire("messages")
    await post.dispatcher.drain()
    assert (len(sms.sent), len(sip.sent)) == (1, 1)
    states = {(await post.row(one)).state for one in (by_sms, by_sip)}
    assert states <= {MessageState.SENT, MessageState.DELIVERED}


async def test_a_channel_that_is_gone_ends_what_waits_for_it(post, clock):
    waiting = await post.send(channel=ChannelKind.SIP)
    post.channels = post.channels[:1]
    post.wire()
    await post.messages.sweep()
    assert (await post.row(waiting)).state is MessageState.QUEUED, "it may come back"
    clock.advance(timedelta(hours=5))
    await post.messages.sweep()
    row = await post.row(waiting)
    assert (row.state, row.cause) == (MessageState.FAILED, Cause.CHANNEL_GONE)
    assert (await post.contact(waiting)).outcome is Outcome.FAILED
    async with post.database.read() as session:
        outbox = await session.get(OutboxRow, row.outbox_id or "")
    assert outbox is None or outbox.done_at is not None
    with pytest.raises(ChannelMissing):
        await post.send(channel=ChannelKind.SIP)


async def test_a_chat_link_needs_a_web_chat(post):
    templates = post.messages.templates
    text = "【{{institution}}】请在此与我们沟通 {{chat_link}} {{opt_out}}"
    draft = await templates.create(post.supervisor, "网聊邀请", Purpose.COLLECTION, text, ())
    await templates.decide(post.reviewer, draft.id, approve=True)
    with pytest.raises(ChannelMissing):
        await post.send("", template_version_id=draft.id, channel=ChannelKind.SMS)
