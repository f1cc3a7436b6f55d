"""Whom a leg listens to: the address of its SDP, or, behind a NAT, the one source that sends in its place.

A packet from the announced address locks at once. Another source is only believed after
`GRACE_S` in which the announced address never sent; should the announced address speak later, it
takes over once and for good. Everything else is foreign and dropped (RTP bleed).
"""

from typing import Final

GRACE_S: Final = 0.5

Address = tuple[str, int]


class SourceLatch:
    """Decides for each packet whether its source is this leg's far end."""

    __slots__ = ("_announced", "_final", "_first", "_first_at", "_last_at", "target")

    def __init__(self) -> None:
        self.target: Address | None = None
        """Where to send: the announced address until another one is latched."""
        self._announced: Address | None = None
        self._first: Address | None = None
        self._first_at = 0.0
        self._last_at = 0.0
        self._final = False

    def announce(self, address: Address) -> None:
        """A description named this address. The same as before keeps the latch, a new one opens it."""
        if address != self._announced:
            self._announced = self.target = address
            self._first = None
            self._final = False

    def admits(self, source: Address, now: float) -> bool:
        """Tell whether a packet that came from `source` at `now` (monotonic seconds) is ours."""
        if source == self.target and (self._final or source != self._announced):
            return True
        if self._final or self._announced is None:
            return False
        if source == self._announced:
            self.target, self._final = source, True
            return True
        if self.target != self._announced:  # latched to a guess already
            return False
        return self._guess(source, now)

    def _guess(self, source: Address, now: float) -> bool:
        if self._first != source:
            if self._first is None or now - self._last_at > GRACE_S:  # a stray packet blocks nobody
                self._first, self._first_at, self._last_at = source, now, now
            return False
        self._last_at = now
        if now - self._first_at < GRACE_S:
            return False
        self.target = source
        return True
