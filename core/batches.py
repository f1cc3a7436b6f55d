"""Joins calls that are made at the same time into one: what costs a trip costs it once for all of them.

The first call starts at once; those that come while it is under way go together with the next. So nobody
waits for company, and the busier it is, the less each one costs.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

from core.tasks import spawn

K = TypeVar("K")
V = TypeVar("V")
AT_MOST = 500


class Batches(Generic[K, V]):
    """Calls `run` with what its callers asked for; it answers in the same order.

    An error of `run` is everybody's whose turn it was, and nobody else's.
    """

    def __init__(
        self, run: Callable[[Sequence[K]], Awaitable[Sequence[V]]], *, name: str, at_most: int = AT_MOST
    ) -> None:
        self._run = run
        self._name = name
        self._at_most = at_most
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, asked: K) -> V:
        """Give the answer to `asked`."""
        answer: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._working is None:
            self._working = spawn(self._work(), name=self._name)
        return await answer

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
                # Whose request was given up meanwhile still counts: it may be answered for already.
                await self._answer(batch)
        finally:
            self._working = None

    async def _answer(self, batch: Sequence[tuple[K, asyncio.Future[Any]]]) -> None:
        try:
            answers = await self._run([asked for asked, _ in batch])
        except Exception as error:  # noqa: BLE001 - it is raised where it was asked
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        except BaseException:  # the loop is ending
            for _, future in batch:
                future.cancel()
            raise
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
