"""A 20 ms tick for everything that plays, without drift: each tick is set from the first, not the last."""

import asyncio
from typing import Final, Protocol

from core.logging import get_logger

TICK_S: Final = 0.02
_MAX_BEHIND_S: Final = 1.0
_log = get_logger(__name__)


class Paced(Protocol):
    """Something that does a little at each tick."""

    def tick(self, now: float) -> bool:
        """Do it; False ends it. `now` in the loop's seconds."""
        ...


class Pacer:
    """One timer for all calls; it runs only while something is paced.

    After a stall of the loop up to a second of missed ticks is made up at once.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._paced: dict[Paced, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0

    def add(self, paced: Paced) -> None:
        self._paced[paced] = None
        if self._timer is None:
            self._next = self._loop.time()
            self._timer = self._loop.call_at(self._next, self._run)

    def remove(self, paced: Paced) -> None:
        """Forget it; nothing happens if it is not there."""
        self._paced.pop(paced, None)

    def close(self) -> None:
        self._paced.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        now = self._loop.time()
        self._next = max(self._next, now - _MAX_BEHIND_S)
        while self._next <= now:
            self._next += TICK_S
            for paced in list(self._paced):
                if not self._step(paced, now):
                    self._paced.pop(paced, None)
        self._timer = self._loop.call_at(self._next, self._run) if self._paced else None

    def _step(self, paced: Paced, now: float) -> bool:
        try:
            return paced.tick(now)
        except Exception as error:  # noqa: BLE001 - one call's fault must not silence the others
            _log.error("pacer.failed", name=type(paced).__name__, error_type=type(error).__name__)
            return False
