"""Background tasks of an event loop: each has a name, is kept alive, and never fails in silence."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from core.logging import get_logger

T = TypeVar("T")
_running: set[asyncio.Task[Any]] = set()
_log = get_logger(__name__)


def spawn(coro: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
    """Start `coro` as a task that the event loop cannot lose to the garbage collector."""
    task = asyncio.get_running_loop().create_task(coro, name=name)
    _running.add(task)
    task.add_done_callback(_finished)
    return task


def _finished(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("task.failed", task=task.get_name(), error_type=type(error).__name__, where=_place(error))


def _place(error: BaseException) -> str:
    """Name where an error came from. Its text is left out: it may quote personal data."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    if frame is None:
        return "?"
    return f"{frame.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.tb_lineno}"


async def cancel(*tasks: "asyncio.Task[Any] | None") -> None:
    """Cancel tasks and wait until each has ended."""
    waiting = [task for task in tasks if task is not None and not task.done()]
    for task in waiting:
        task.cancel()
    if waiting:
        await asyncio.gather(*waiting, return_exceptions=True)
