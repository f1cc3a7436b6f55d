"""The scaled set-up: the same processes and the same call on PostgreSQL and a broker of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery.contrib.testing.worker import start_worker
from kombu import Connection
from pydantic import SecretStr

from core.config import Settings
from maskline.celery_app import DEFAULT_QUEUE, QUEUES, TASK, make_celery, publish
from maskline.demo.phone import Phone
from tests.acceptance.books import assert_all_right
from tests.acceptance.conftest import open_for_business
from tests.acceptance.talking import talking
from tests.support.brokers import BROKERS, BrokerMissing
from tests.support.postgres import PostgresServer
from tests.support.running import Supervised, supervised
from tests.support.system import outside
from tests.support.system_desk import desk_of

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(600)]


@contextmanager
def broker(name: str) -> Iterator[str]:
    """Run a broker of our own, or skip with what to install."""
    try:
        server = BROKERS[name]()
        url = server.__enter__()
    except BrokerMissing as error:
        pytest.skip(str(error))
    try:
        yield url
    finally:
        server.__exit__(None, None, None)


@pytest.fixture
def rabbitmq_url() -> Iterator[str]:
    with broker("rabbitmq") as url:
        yield url


@pytest.fixture
def scaled(postgres: PostgresServer, rabbitmq_url: str) -> Iterator[Supervised]:
    postgres.execute("CREATE DATABASE scaled")
    with supervised(secrets={"database_url": postgres.url("scaled"), "broker_url": rabbitmq_url}) as system:
        outside(open_for_business(system))
        yield system
    postgres.execute("DROP DATABASE scaled WITH (FORCE)")


async def test_a_call_is_inspected_and_the_worker_may_die(scaled, rabbitmq_url):
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
                until_s = await talk.said_s()
                await talk.staff.hang_up()
                await asyncio.wait_for(customer.ended.wait(), 60)
            await assert_all_right(desk, talk, "completed", until_s)
    finally:
        await customer.close()
    assert not list((scaled.data / "broker").glob("*.msg")), "the built-in broker was not used"
    assert not (scaled.data / "maskline.db").exists()
    await asyncio.to_thread(_assert_quorum_queues, rabbitmq_url)


def _assert_quorum_queues(url: str) -> None:
    """RabbitMQ refuses a declaration that differs from the queue there is."""
    with Connection(url) as connection:
        for name in {DEFAULT_QUEUE, *QUEUES.values()}:
            channel = connection.channel()
            channel.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"})
            channel.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_message_crosses_redis(tmp_path):
    pytest.importorskip("redis", reason="pip install celery[redis]")
    came = threading.Event()
    with broker("redis") as url:
        app = make_celery(Settings(data_dir=tmp_path, broker_url=SecretStr(url)))

        @app.task(name=TASK)
        def deliver(outbox_id: str) -> None:
            if outbox_id == "o1":
                came.set()

        publish(app, "call.ended", "o1")
        with start_worker(app, pool="solo", perform_ping_check=False, queues=list(QUEUES.values())):
            assert came.wait(20)
