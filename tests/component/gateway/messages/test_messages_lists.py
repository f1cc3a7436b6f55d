"""Lists of threads: the one in which something happened last first, with its last message."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.errors import MasklineError
from core.web.paging import CursorInvalid, encode_cursor
from gateway.calls.analysis import Span
from gateway.contact.model import Channel, Purpose
from gateway.customers.consent import BlockAsked
from gateway.customers.model import BlockReason
from gateway.messages.errors import ThreadUnknown
from gateway.messages.listing import MessageCounts, MessageFilter, MessageListing, MessageOutcome
from gateway.messages.model import ChannelKind
from gateway.messages.queries import ThreadFilter
from gateway.messages.service import SendRequest
from tests.support.desk import shanghai
from tests.support.messaging import Post


@pytest.fixture
async def post(database: Database, clock: ManualClock) -> Post:
    clock.set(shanghai(10))
    post = Post(database, clock)
    await post.set_up(Purpose.SERVICE)
    return post


async def write(post: Post, binding_id: str, text: str) -> str:
    request = SendRequest(binding_id=binding_id, channel=ChannelKind.SMS, text=text)
    message_id = await post.messages.service.send(post.agent, request)
    post.clock.advance(timedelta(minutes=1))
    return (await post.row(message_id)).thread_id


async def test_the_last_thread_comes_first_and_pages_fit(post: Post) -> None:
    threads = [await write(post, post.binding.id, "一")]
    for index in range(3):
        customer = await post.desk.customer(post.agent, f"1390013900{index}")
        binding = await post.desk.bind(post.agent, customer.id, purpose=Purpose.SERVICE)
        threads.append(await write(post, binding.id, "二"))
    await write(post, post.binding.id, "请打 13922223333")
    wanted = [threads[0], *threads[:0:-1]]
    for limit in (1, 3, 10):
        seen: list[str] = []
        cursor = None
        while True:
            views, cursor = await post.messages.queries.recent(
                post.agent, ThreadFilter(), cursor=cursor, limit=limit
            )
            seen += [view.row.id for view in views]
            if cursor is None:
                break
        assert seen == wanted, limit
    last = await post.messages.queries.latest(post.agent, threads)
    assert set(last) == set(threads)
    assert last[threads[0]].text == "请打 139****3333"
    assert await post.messages.queries.latest(await post.principal(Role.AGENT), threads) == {}


async def test_messages_are_found_by_their_contacts_within_scope(post: Post) -> None:
    message_id = await post.send("您好")
    row = await post.row(message_id)
    found = await post.messages.queries.of_contacts(post.agent, [row.contact_id or ""])
    assert [one.id for one in found.values()] == [message_id]
    stranger = await post.principal_elsewhere()
    assert await post.messages.queries.of_contacts(stranger, list(found)) == {}


async def test_the_pulse_changes_with_every_event_and_only_then(post: Post) -> None:
    message_id = await post.send("您好")
    thread_id = (await post.row(message_id)).thread_id
    first = await post.messages.queries.pulse(post.agent, thread_id)
    assert await post.messages.queries.pulse(post.agent, thread_id) == first
    await post.dispatcher.drain()
    second = await post.messages.queries.pulse(post.agent, thread_id)
    await post.come("收到")
    third = await post.messages.queries.pulse(post.agent, thread_id)
    assert len({first, second, third}) == 3
    with pytest.raises(ThreadUnknown):
        await post.messages.queries.pulse(await post.principal_elsewhere(), thread_id)


@pytest.mark.parametrize("cursor", ["x", encode_cursor("1"), encode_cursor("2026-11-21", "a")])
async def test_a_strange_cursor_is_refused(post: Post, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        await post.messages.queries.recent(post.agent, ThreadFilter(), cursor=cursor)


async def test_every_count_is_the_length_of_the_list_behind_it(post: Post) -> None:
    spans = [Span(shanghai(0, day=day), shanghai(0, day=day + 1)) for day in (20, 21, 22)]
    await post.send("您好")
    await post.send("收到请回复")
    await post.come("收到")
    admin = await post.principal(Role.ADMINISTRATOR)
    no = BlockAsked(BlockReason.CUSTOMER_REQUEST, channel=Channel.MESSAGE)
    await post.desk.consents.block(admin, post.binding.customer_id, no)
    with suppress(MasklineError):
        await post.send("还在吗")
    auditor = await post.principal(Role.AUDITOR)
    listing = MessageListing(post.database, subject_keys=post.desk.keys, sealing=post.desk.sealing)
    whole = MessageFilter(since=spans[0].since, until=spans[-1].until)
    counts = (await listing.by_employee(auditor, whole))[post.agent.employee_id]
    assert counts.sent + counts.waiting >= 1
    assert (counts.received, counts.total) == (1, 4)
    assert await listing.by_span(auditor, spans, whole) == [MessageCounts(), counts, MessageCounts()]
    for outcome in MessageOutcome:
        wanted = replace(whole, outcome=outcome, employee_id=post.agent.employee_id)
        lines, _ = await listing.find(auditor, wanted)
        assert len(lines) == getattr(counts, outcome.value), outcome
    refusals = await listing.refusals(auditor, whole)
    assert sum(rule.count for _, rule in refusals) == counts.refused >= 1
    for cause, rule in refusals:
        lines, _ = await listing.find(auditor, replace(whole, cause=cause, rule_id=rule.rule_id or None))
        assert len(lines) == rule.count
    lines, cursor = await listing.find(auditor, whole, limit=3)
    rest, end = await listing.find(auditor, whole, cursor=cursor, limit=3)
    assert (len(lines), len(rest), end) == (3, 1, None)
    assert all("****" in line.customer_phone for line in lines)
    stranger = await post.principal_elsewhere()
    assert await listing.find(stranger, whole) == ([], None)
    assert await listing.by_employee(stranger, whole) == {}
