"""Slows down who guesses passwords: wrong answers in a sliding window, by source and by user at a source."""

from collections import OrderedDict, deque
from dataclasses import dataclass

from core.clock import Clock

MAX_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class ThrottleLimits:
    """How many wrong answers are heard in `window_s` seconds. A user is counted for each source apart:
    otherwise anybody could lock an employee's phone out.
    """

    window_s: float = 300.0
    by_source: int = 60
    by_user: int = 10


class Throttle:
    """Counts failures; memory is bounded, the key that failed longest ago goes first."""

    def __init__(self, clock: Clock, limits: ThrottleLimits = ThrottleLimits()) -> None:
        self._clock = clock
        self._limits = limits
        self._failures: OrderedDict[tuple[str, str | None], deque[float]] = OrderedDict()

    def blocked(self, source: str, user: str) -> bool:
        """Tell whether this source, or this user from there, failed too often of late."""
        return (
            self._count((source, None)) >= self._limits.by_source
            or self._count((source, user)) >= self._limits.by_user
        )

    def failed(self, source: str, user: str) -> None:
        now = self._clock.monotonic()
        for key in ((source, None), (source, user)):
            times = self._failures.setdefault(key, deque(maxlen=self._limits.by_source))
            times.append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, source: str, user: str) -> None:
        """Forget the wrong answers of this user; those of the source stay."""
        self._failures.pop((source, user), None)

    def _count(self, key: tuple[str, str | None]) -> int:
        times = self._failures.get(key)
        if times is None:
            return 0
        oldest = self._clock.monotonic() - self._limits.window_s
        while times and times[0] < oldest:
            times.popleft()
        if not times:
            del self._failures[key]
        return len(times)
