"""A bucket of tokens for each key: so many at once, then so many a minute. Full ones are forgotten."""

from core.clock import Clock

MAX_KEYS = 10_000


class Bucket:
    """Limits how often something may happen."""

    def __init__(self, clock: Clock, *, burst: int, per_minute: float) -> None:
        self._clock = clock
        self._burst = float(burst)
        self._rate = per_minute / 60
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> bool:
        """Take one; False if there is none left for this key."""
        now = self._clock.monotonic()
        level, at = self._levels.get(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._rate)
        if level < 1:
            return False
        if len(self._levels) >= MAX_KEYS:
            self._levels = {
                name: (left, since)
                for name, (left, since) in self._levels.items()
                if left + (now - since) * self._rate < self._burst
            }
        self._levels[key] = (level - 1, now)
        return True
