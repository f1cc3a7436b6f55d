"""The outbox hands a message out until somebody acknowledges it, and never to two workers at once."""

from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.db import Database
from core.outbox import LEASE_S, MAX_ATTEMPTS, Backlog, Outbox, backlog, revive


@pytest.fixture
def outbox(clock: ManualClock) -> Outbox:
    return Outbox(clock)


async def _put(database: Database, outbox: Outbox, key: str | None = None) -> str:
    async with database.begin() as session:
        return await outbox.put(session, "call.ended", {"call_id": "c1"}, key=key)


async def test_message_is_published_again_until_it_is_acknowledged(
    database: Database, outbox: Outbox, clock: ManualClock
) -> None:
    outbox_id = await _put(database, outbox)
    async with database.begin() as session:
        assert [message.outbox_id for message in await outbox.take_due(session)] == [outbox_id]
    async with database.begin() as session:
        assert await outbox.take_due(session) == []
    clock.advance(timedelta(seconds=6))
    async with database.begin() as session:
        assert [message.outbox_id for message in await outbox.take_due(session)] == [outbox_id]
    async with database.begin() as session:
        assert await outbox.ack(session, outbox_id)
        assert not await outbox.ack(session, outbox_id)
    clock.advance(timedelta(days=1))
    async with database.begin() as session:
        assert await outbox.take_due(session) == []


async def test_rolled_back_transaction_leaves_no_message(database: Database, outbox: Outbox) -> None:
    async def put_and_fail() -> None:
        async with database.begin() as session:
            await outbox.put(session, "call.ended", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await put_and_fail()
    async with database.begin() as session:
        assert await outbox.take_due(session) == []


async def test_same_key_is_the_same_message(database: Database, outbox: Outbox) -> None:
    assert await _put(database, outbox, "contact-1") == await _put(database, outbox, "contact-1")


async def test_lease_keeps_a_second_worker_out_until_it_runs_out(
    database: Database, outbox: Outbox, clock: ManualClock
) -> None:
    outbox_id = await _put(database, outbox)
    async with database.begin() as session:
        assert await outbox.claim(session, outbox_id, "w1")
    async with database.begin() as session:
        assert await outbox.claim(session, outbox_id, "w2") is None
        assert await outbox.renew(session, outbox_id, "w1")
        assert not await outbox.renew(session, outbox_id, "w2")
    clock.advance(timedelta(seconds=LEASE_S + 1))
    async with database.begin() as session:
        message = await outbox.claim(session, outbox_id, "w2")
    assert message is not None
    assert message.attempts == 2


async def test_message_that_always_fails_is_laid_aside(
    database: Database, outbox: Outbox, clock: ManualClock
) -> None:
    outbox_id = await _put(database, outbox)
    for _ in range(MAX_ATTEMPTS):
        async with database.begin() as session:
            assert await outbox.claim(session, outbox_id, "w1")
            await outbox.fail(session, outbox_id, ValueError("text that must not be kept"))
        clock.advance(timedelta(hours=1))
    async with database.begin() as session:
        assert await outbox.claim(session, outbox_id, "w1") is None
        assert await outbox.take_due(session) == []


async def test_the_backlog_counts_what_waits_and_what_was_given_up(
    database: Database, outbox: Outbox, clock: ManualClock
) -> None:
    begun = clock.now()
    waiting = await _put(database, outbox)
    done = await _put(database, outbox)
    async with database.begin() as session:
        assert await outbox.ack(session, done)
        assert await backlog(session) == Backlog(1, begun, 0)
    for _ in range(MAX_ATTEMPTS + 1):
        clock.advance(timedelta(hours=1))
        async with database.begin() as session:
            await outbox.claim(session, waiting, "worker")
    async with database.begin() as session:
        assert await backlog(session) == Backlog(0, None, 1)
        assert await revive(session, clock.now()) == 1
        assert await revive(session, clock.now()) == 0
        assert [message.outbox_id for message in await outbox.take_due(session)] == [waiting]


async def test_what_workers_have_not_come_to_is_published_ever_more_seldom(
    database: Database, outbox: Outbox, clock: ManualClock
) -> None:
    """Found by the soak: workers that fell behind were buried under copies of what they had not come to."""
    async with database.begin() as session:
        await outbox.put(session, "t", {})
    published = 0
    for _ in range(120):
        async with database.begin() as session:
            published += len(await outbox.take_due(session))
        clock.advance(timedelta(seconds=30))
    assert 8 < published < 20
