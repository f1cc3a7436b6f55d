"""Parts of inbound messages: in any order, twice, with a crash between, and with one that never comes."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core.clock import ManualClock
from core.db import Database
from gateway.customers.phone import PhoneNumber
from gateway.messages.channels.smpp import segments
from gateway.messages.model import ChannelKind, Fragment, Received
from gateway.messages.models import FragmentRow, MessageRow
from gateway.messages.ports import Delivery
from tests.support.messaging import PHONE, Post

TEXT = "我想说明一下情况😀" * 20


@pytest.fixture
async def post(database: Database, clock: ManualClock) -> Post:
    post = Post(database, clock)
    await post.set_up()
    return post


def parts_of(post, text=TEXT):
    made = []
    for segment in segments.split(text, 3):
        piece = segments.read_piece(segment.esm_class, segment.data_coding, segment.payload)
        made.append(
            Fragment(
                ChannelKind.SMS, "g1", piece.part, piece.total, piece.data_coding, piece.payload,
                PhoneNumber.parse(PHONE), post.line.number,
            )
        )  # fmt: skip
    return made


async def texts(post):
    async with post.database.read() as session:
        rows = list(await session.scalars(select(MessageRow).order_by(MessageRow.id)))
    return [(await post.messages.queries.message(post.agent, row.id)).text for row in rows]


async def test_in_any_order_and_twice(post):
    parts = parts_of(post)
    assert len(parts) == 3
    for part in (parts[2], parts[0], parts[0], parts[1]):
        await post.messages.fragments.take(part)
    assert await texts(post) == [TEXT]
    async with post.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(FragmentRow)) == 0


async def test_a_line_that_is_not_ours_is_kept_masked(post):
    for part in parts_of(post):
        await post.messages.fragments.take(replace(part, line_number="+8613977778888"))
        async with post.database.read() as session:
            assert set(await session.scalars(select(FragmentRow.line_number))) <= {"139****8888"}
    assert await texts(post) == [TEXT]


async def test_a_part_that_never_comes(post):
    parts = parts_of(post)
    await post.messages.fragments.take(parts[0])
    await post.messages.fragments.take(parts[2])
    assert await post.messages.fragments.sweep() == 0
    post.clock.advance(timedelta(hours=2))
    assert await post.messages.fragments.sweep() == 1
    (text,) = await texts(post)
    assert text.count("[…]") == 1
    assert text.startswith("我想说明")
    await post.messages.fragments.take(parts[1])
    post.clock.advance(timedelta(hours=2))
    for part in parts_of(post, "别的内容" * 40):
        await post.messages.fragments.take(part)
    assert len(await texts(post)) == 3
    assert (await texts(post))[1].startswith(" […] ")
    assert (await texts(post))[2] == "别的内容" * 40


async def test_the_host_settles_only_what_is_kept(post):
    said = []

    async def settle():
        said.append("settled")

    async def give_back():
        said.append("given back")

    await post.host.take(post.channel, Delivery(parts_of(post)[0], settle, give_back))
    await post.database.close()
    broken = Received(ChannelKind.SMS, "x", sender=PhoneNumber.parse(PHONE), line_number="1", text="x")
    post.messages.inbox._senders = None
    await post.host.take(post.channel, Delivery(broken, settle, give_back))
    assert said == ["settled", "given back"]
