"""Runs the same step in several threads at the same instant, each with an event loop and a database of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from core.db import Database

T = TypeVar("T")


def at_once(url: str, steps: list[Callable[[Database], Awaitable[T]]]) -> list[T | Exception]:
    """Start all steps together; give each one's result or error, in order. Connections are made before."""
    barrier = Barrier(len(steps))

    async def one(step: Callable[[Database], Awaitable[T]]) -> T | Exception:
        database = Database(url)
        try:
            await database.check()
            barrier.wait(timeout=60)
            return await step(database)
        except Exception as error:  # noqa: BLE001 - the caller looks at it
            return error
        finally:
            await database.close()

    with ThreadPoolExecutor(len(steps)) as pool:
        return list(pool.map(lambda step: asyncio.run(one(step)), steps))
