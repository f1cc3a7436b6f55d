"""The relay process: publishes the outbox, signs checkpoints, sweeps; of several, one holds the lease."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from core.db import Database
from core.lease import Lease
from core.logging import get_logger
from core.outbox import Outbox
from core.tasks import cancel, spawn

LEASE_TTL_S = 6.0
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """Something done every so often by the process that holds the lease.

    `apart`: it waits for somebody outside, so the others do not wait for it; it never runs twice at once.
    """

    name: str
    every_s: float
    do: Callable[[], Awaitable[object]]
    apart: bool = False


class Relay:
    """Runs its chores while it holds the lease; one that fails is told and tried again."""

    def __init__(self, lease: Lease, chores: list[Chore]) -> None:
        self._lease = lease
        self._chores = chores
        self.holding = False
        self.failing: set[str] = set()
        """Chores whose last try failed."""
        self._apart: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Run until cancelled; give the lease back then."""
        due = {chore.name: 0.0 for chore in self._chores}
        next_hold = 0.0
        loop = asyncio.get_running_loop()
        tick = min(chore.every_s for chore in self._chores)
        try:
            while True:
                if loop.time() >= next_hold:
                    self.holding = await self._hold()
                    next_hold = loop.time() + LEASE_TTL_S / 3
                if self.holding:
                    await self._do_due(due, loop.time())
                await asyncio.sleep(tick)
        finally:
            await cancel(*self._apart.values())
            if self.holding:
                await self._lease.release()

    async def _hold(self) -> bool:
        try:
            return await self._lease.hold()
        except Exception as error:  # noqa: BLE001 - a database that is away comes back
            _log.warning("relay.lease", error_type=type(error).__name__)
            return False

    async def _do_due(self, due: dict[str, float], now: float) -> None:
        for chore in self._chores:
            if now < due[chore.name]:
                continue
            due[chore.name] = now + chore.every_s
            if not chore.apart:
                await self._do(chore)
            elif (task := self._apart.get(chore.name)) is None or task.done():
                self._apart[chore.name] = spawn(self._do(chore), name=chore.name)

    async def _do(self, chore: Chore) -> None:
        try:
            await chore.do()
            self.failing.discard(chore.name)
        except Exception as error:  # noqa: BLE001 - one chore must not stop the others
            self.failing.add(chore.name)
            _log.error("relay.chore_failed", name=chore.name, error_type=type(error).__name__)


class OutboxPublisher:
    """Hands due outbox messages to the broker. `publish` must raise when the broker did not take one.

    `but`: topics whose consumers take them from the table themselves.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        publish: Callable[[str, str], None],
        *,
        but: Collection[str] = (),
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._publish = publish
        self._but = frozenset(but)

    async def __call__(self) -> None:
        async with self._database.begin() as session:
            messages = await self._outbox.take_due(session, but=self._but)
        for message in messages:
            await asyncio.to_thread(self._publish, message.topic, message.outbox_id)


def owner() -> str:
    """Name this process among all that could hold a lease."""
    return f"{socket.gethostname()}:{os.getpid()}"[-64:]
