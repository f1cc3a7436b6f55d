"""The worker process: takes outbox messages from the broker and runs their handlers.

Celery's tasks are synchronous; our services are not. One event loop runs in a thread of this
process for as long as it lives, so that engine and connections belong to one loop.
"""

import asyncio
import os
import socket
import threading
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from celery import Celery
from celery.platforms import SecurityWarning

from core.db import Database
from core.logging import get_logger
from core.outbox import Message, Outbox
from core.tasks import cancel, spawn
from maskline.celery_app import TASK

T = TypeVar("T")
Handler = Callable[[Message], Awaitable[None]]
_log = get_logger(__name__)


class LoopThread:
    """An event loop in a daemon thread, and a way in from outside."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="maskline-loop", daemon=True)
        self._thread.start()

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for its result."""
        return self.start(coro).result()

    def start(self, coro: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start a coroutine on the loop without waiting."""
        return asyncio.run_coroutine_threadsafe(coro, self.loop)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(timeout=5)


class Deliverer:
    """Claims a message, keeps its lease alive while the handler works, and gives it back on an error.

    A handler acknowledges the message itself, in the transaction of its effect (`core.outbox`).
    """

    def __init__(self, database: Database, outbox: Outbox, handlers: Mapping[str, Handler]) -> None:
        self._database = database
        self._outbox = outbox
        self._handlers = handlers
        self._name = f"{socket.gethostname()}:{os.getpid()}"[-64:]

    async def deliver(self, outbox_id: str) -> bool:
        """Handle one message; False when it was done already or is in other hands."""
        async with self._database.begin() as session:
            message = await self._outbox.claim(session, outbox_id, self._name, topics=self._handlers.keys())
        if message is None:
            return False
        keeper = spawn(self._keep_lease(outbox_id), name=f"lease-{outbox_id}")
        try:
            await self._handlers[message.topic](message)
        except Exception as error:  # noqa: BLE001 - any error is kept with the message, which is tried again
            _log.error("message.failed", topic=message.topic, outbox_id=outbox_id,
                       error_type=type(error).__name__, attempts=message.attempts)  # fmt: skip
            async with self._database.begin() as session:
                await self._outbox.fail(session, outbox_id, error)
            return False
        finally:
            await cancel(keeper)
        return True

    async def _keep_lease(self, outbox_id: str) -> None:
        while True:
            await asyncio.sleep(self._outbox.lease_s / 3)
            try:
                async with self._database.begin() as session:
                    await self._outbox.renew(session, outbox_id, self._name)
            except Exception as error:  # noqa: BLE001 - a database that is away comes back; the work goes on
                _log.warning("message.lease", outbox_id=outbox_id, error_type=type(error).__name__)


def register(app: Celery, thread: LoopThread, deliverer: Deliverer) -> None:
    """Make the app's one task hand its message to `deliverer`."""

    @app.task(name=TASK)
    def deliver(outbox_id: str) -> None:
        thread.run(deliverer.deliver(str(outbox_id)))


def run_celery(app: Celery, queues: str) -> None:
    """Run Celery's worker in this process until SIGTERM. One task at a time: audio must not wait."""
    # Its warning about root is about pickled tasks; here an id is all that a message can carry.
    warnings.simplefilter("ignore", SecurityWarning)
    app.worker_main(
        [
            "--quiet", "worker", "--pool=solo", "--loglevel=WARNING", f"--queues={queues}",
            "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]
    )  # fmt: skip
