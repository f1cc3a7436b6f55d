"""A message goes through a real broker to its handler, and comes again when the handler fails."""

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from celery.contrib.testing.worker import start_worker

from core.clock import ManualClock, SystemClock
from core.config import Settings
from core.db import Database
from core.outbox import Message, Outbox
from maskline.celery_app import QUEUES, make_celery, publish
from maskline.relay import OutboxPublisher
from maskline.worker import Deliverer, LoopThread, register


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.stop()


async def test_failed_message_is_given_back_and_done_one_is_not_repeated(
    database: Database, clock: ManualClock
) -> None:
    outbox = Outbox(clock)
    seen: list[int] = []

    async def handler(message: Message) -> None:
        seen.append(message.attempts)
        if message.attempts == 1:
            raise ValueError("first try")
        async with database.begin() as session:
            await outbox.ack(session, message.outbox_id)

    deliverer = Deliverer(database, outbox, {"call.ended": handler})
    async with database.begin() as session:
        outbox_id = await outbox.put(session, "call.ended", {})
    assert not await deliverer.deliver(outbox_id)
    clock.advance(timedelta(minutes=1))
    assert await deliverer.deliver(outbox_id)
    assert not await deliverer.deliver(outbox_id)
    assert seen == [1, 2]


async def test_a_topic_that_nobody_here_knows_waits_and_costs_nothing(
    database: Database, clock: ManualClock
) -> None:
    outbox = Outbox(clock)
    handled: list[str] = []

    async def handler(message: Message) -> None:
        handled.append(message.outbox_id)

    async with database.begin() as session:
        outbox_id = await outbox.put(session, "of.tomorrow", {"id": "x"})
    published: list[str] = []
    publisher = OutboxPublisher(database, outbox, lambda _, one: published.append(one))
    old = Deliverer(database, outbox, {"call.ended": handler})
    for _ in range(20):
        await publisher()
        assert not await old.deliver(outbox_id)
    assert published == [outbox_id]
    clock.advance(timedelta(minutes=16))
    await publisher()
    assert await Deliverer(database, outbox, {"of.tomorrow": handler}).deliver(outbox_id)
    assert handled == [outbox_id]


async def test_a_topic_with_consumers_of_its_own_is_not_published(
    database: Database, clock: ManualClock
) -> None:
    outbox = Outbox(clock)
    published: list[str] = []
    async with database.begin() as session:
        await outbox.put(session, "message.send", {})
        other = await outbox.put(session, "message.finished", {})
    await OutboxPublisher(database, outbox, lambda _, one: published.append(one), but={"message.send"})()
    assert published == [other]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_message_crosses_the_file_system_broker(
    sqlite_url: str, settings: Settings, thread: LoopThread
) -> None:
    database, outbox = Database(sqlite_url), Outbox(SystemClock())
    handled: list[str] = []

    async def handler(message: Message) -> None:
        async with database.begin() as session:
            if await outbox.ack(session, message.outbox_id):
                handled.append(message.payload["contact_id"])

    async def put() -> None:
        async with database.begin() as session:
            await outbox.put(session, "call.ended", {"contact_id": "k1"})

    app = make_celery(settings)
    register(app, thread, Deliverer(database, outbox, {"call.ended": handler}))
    publisher = OutboxPublisher(database, outbox, lambda topic, outbox_id: publish(app, topic, outbox_id))
    thread.run(put())
    thread.run(publisher())
    with start_worker(app, pool="solo", perform_ping_check=False, queues=list(QUEUES.values())):
        deadline = time.monotonic() + 60
        while not handled and time.monotonic() < deadline:
            time.sleep(0.05)
    thread.run(database.close())
    assert handled == ["k1"]
