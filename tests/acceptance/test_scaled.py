"""The scaled set-up: the same processes and the same call on PostgreSQL and a broker of its own."""

import asyncio
from collections.abc import Iterator

import pytest
from kombu import Connection

from maskline.celery_app import DEFAULT_QUEUE, QUEUES
from maskline.demo.phone import Phone
from tests.acceptance.books import assert_all_right
from tests.acceptance.conftest import open_for_business
from tests.acceptance.talking import talking
from tests.support.brokers import BROKERS, BrokerMissing
from tests.support.postgres import PostgresServer
from tests.support.running import Supervised, supervised
from tests.support.system import outside
from tests.support.system_desk import desk_of

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(240)]


@pytest.fixture(params=sorted(BROKERS))
def broker_url(request: pytest.FixtureRequest) -> Iterator[str]:
    server = BROKERS[request.param]()
    try:
        url = server.__enter__()
    except BrokerMissing as error:
        pytest.skip(str(error))
    yield url
    server.__exit__(None, None, None)


@pytest.fixture
def scaled(postgres: PostgresServer, broker_url: str) -> Iterator[Supervised]:
    name = f"scaled_{broker_url.partition(':')[0]}"
    postgres.execute(f"CREATE DATABASE {name}")
    with supervised(secrets={"database_url": postgres.url(name), "broker_url": broker_url}) as system:
        outside(open_for_business(system))
        yield system
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_call_is_inspected_and_the_worker_may_die(scaled, broker_url):
    customer = Phone("trunk", port=scaled.trunk_port)
    await customer.start()
    customer.answer_calls(after_s=0.2)
    try:
        async with desk_of(scaled) as desk:
            bound = await desk.bind(await desk.hire())
            async with talking(desk, customer, bound) as talk:
                await talk.until_spoken(0.5)
                scaled.kill("worker")
                await scaled.restarted("worker")
                until_s = talk.elapsed_s()
                await talk.staff.hang_up()
                await asyncio.wait_for(customer.ended.wait(), 10)
            await assert_all_right(desk, talk, "completed", until_s)
    finally:
        await customer.close()
    assert not list((scaled.data / "broker").glob("*.msg")), "the built-in broker was not used"
    assert not (scaled.data / "maskline.db").exists()
    if broker_url.startswith("amqp"):
        await asyncio.to_thread(_assert_quorum_queues, broker_url)


def _assert_quorum_queues(url: str) -> None:
    """RabbitMQ refuses a declaration that differs from the queue there is."""
    with Connection(url) as connection:
        for name in {DEFAULT_QUEUE, *QUEUES.values()}:
            channel = connection.channel()
            channel.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
            channel.close()
