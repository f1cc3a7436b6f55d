"""The worker process: inspects calls and messages, one at a time, at low priority."""

import os
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from typing import TypeVar

from core.config import Settings
from maskline.beating import beating
from maskline.celery_app import DEFAULT_QUEUE, QUEUES, make_celery
from maskline.ground import open_ground
from maskline.wiring.alerts import alert_notices
from maskline.wiring.gateway import build_gateway
from maskline.wiring.phones import build_phones
from maskline.wiring.quality import build_inspecting
from maskline.wiring.uploads import all_ports
from maskline.worker import Deliverer, LoopThread, register, run_celery
from qa.speech.select import select_engine
from qa.tasks import handlers

T = TypeVar("T")
NICENESS = 10  # audio never waits for a transcription


def main(settings: Settings) -> None:
    """Run until SIGTERM. The message in hand is finished first; one that is not comes again."""
    thread = LoopThread()
    with ExitStack() as stack:
        stack.callback(thread.stop)
        ground = stack.enter_context(_entered(thread, open_ground(settings)))
        stack.enter_context(_entered(thread, beating(ground, "worker")))
        os.nice(NICENESS)
        app = make_celery(settings)
        work = build_inspecting(ground, lambda: select_engine(settings))
        phones = build_phones(ground, all_ports(ground, build_gateway(ground)))
        topics = {
            **handlers(work.calls, work.messages),
            **phones.uploads.handing_on.handlers(),
            **alert_notices(ground).handlers(),
        }
        register(app, thread, Deliverer(ground.database, ground.outbox, topics))
        run_celery(app, ",".join(sorted({DEFAULT_QUEUE, *QUEUES.values()})))


@contextmanager
def _entered(thread: LoopThread, manager: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter an asynchronous context on the worker's loop, and leave it there."""

    async def enter() -> T:
        return await manager.__aenter__()

    async def leave() -> None:
        await manager.__aexit__(None, None, None)

    value = thread.run(enter())
    try:
        yield value
    finally:
        thread.run(leave())
