"""Waiting no longer than one may, without cancelling what is waited for."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from core.tasks import spawn

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T], *, name: str) -> T:
    """Give the result of `work`, or raise `TimeoutError` after `seconds`.

    The work goes on then: cancelling it in the middle of a transaction would leave open whether that was
    committed. Its result must do no harm when it comes late.
    """
    task = spawn(work, name=name)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        raise TimeoutError
    return task.result()
