"""Where each packet of a leg belongs on the call's time line (8 kHz frames), whatever the network did.

The first packet of a stream is anchored where it arrives; from then on its RTP timestamps
count. The anchor moves when the stream restarts (new SSRC, new numbering), when its timestamps
leap, and when it falls behind the reorder window (a slower clock, a longer path), so that a
clock 100 ppm off stays within the window for hours. Pure: no clock, no socket.
"""

from collections.abc import Callable
from typing import Final

REORDER_FRAMES: Final = 1600
"""200 ms: how late a packet may come and still find its place."""
LEAD_FRAMES: Final = 16000
"""2 s: how far ahead of real time a burst may run before it is refused."""
TRIM_FRAMES: Final = 2000
"""250 ms ahead: from here on, silent packets are left out to come back to real time."""
_LEAP_FRAMES: Final = 8000
_PAUSE_FRAMES: Final = 800  # a pause this long may shrink when the stream runs ahead
_MAX_DROPOUT: Final = 3000  # RFC 3550 A.1
_WINDOW: Final = 128
_WINDOW_MASK: Final = (1 << _WINDOW) - 1

DUPLICATE: Final = -1
LATE: Final = -2
FLOOD: Final = -3


class StreamClock:
    """The time line of one leg's incoming packets.

    `epoch` names the run of consistent numbering; it changes when sequence numbers or timestamps
    can no longer be compared with earlier ones.
    """

    __slots__ = (
        "_anchor",
        "_bad_seq",
        "_epochs",
        "_floor",
        "_frame",
        "_seen",
        "_seq",
        "_ssrc",
        "_timestamp",
        "end",
        "epoch",
        "expected",
        "restarts",
        "unique",
    )

    def __init__(self, epochs: Callable[[], int]) -> None:
        self._epochs = epochs
        self._ssrc: int | None = None
        self._seq = 0
        self._timestamp = 0
        self._frame = 0
        self._seen = 0
        self._floor = 0
        self._bad_seq = -1
        self._anchor = False
        self.epoch = -1
        self.end = 0
        """First frame after everything placed so far."""
        self.expected = 0
        self.unique = 0
        self.restarts = -1

    @property
    def lost(self) -> int:
        return max(0, self.expected - self.unique)

    def place(self, ssrc: int, seq: int, timestamp: int, frames: int, now: int) -> int:
        """Give the frame where this audio packet starts, or DUPLICATE, LATE or FLOOD (all negative).

        `frames` is its length, `now` the frame of its arrival.
        """
        age = self.number(ssrc, seq)
        if age < 0:
            return age
        if age > 0:
            return self._place_old(timestamp, now)
        frame = self._frame + _signed(timestamp - self._timestamp) if self._anchor else -1
        if not (self.end <= frame and now - REORDER_FRAMES <= frame <= now + TRIM_FRAMES):
            gap = frame - self.end
            if not (0 <= gap < _PAUSE_FRAMES and now < frame <= now + LEAD_FRAMES):
                return self._re_anchor(frame, timestamp, frames, now)
        self._frame, self._timestamp = frame, timestamp
        self.end = frame + frames
        return frame

    def number(self, ssrc: int, seq: int) -> int:
        """Take note of a sequence number: 0 newest so far, > 0 older by that many, or DUPLICATE or LATE."""
        if ssrc != self._ssrc:
            self._restart(ssrc, seq)
            return 0
        step = (seq - self._seq) & 0xFFFF
        if step == 0:
            return DUPLICATE
        if step < _MAX_DROPOUT:
            self._seq = seq
            self._seen = ((self._seen << step) | 1) & _WINDOW_MASK
            self.expected += step
            self.unique += 1
            return 0
        return self._number_old(seq, 0x10000 - step)

    def trim(self, frames: int) -> None:
        """Leave out a silent packet that `place` has just placed: what follows moves up."""
        self._frame -= frames
        self.end -= frames

    def _number_old(self, seq: int, back: int) -> int:
        if back < _WINDOW:
            if self._seen >> back & 1:
                return DUPLICATE
            self._seen |= 1 << back
            self.unique += 1
            return back
        if seq != self._bad_seq:  # one stray packet restarts nothing, two in a row do (RFC 3550 A.1)
            self._bad_seq = (seq + 1) & 0xFFFF
            return LATE
        self._restart(self._ssrc or 0, seq)
        return 0

    def _restart(self, ssrc: int, seq: int) -> None:
        self._ssrc, self._seq, self._seen = ssrc, seq, 1
        self._bad_seq = -1
        self._anchor = False
        self._floor = self.end
        self.expected += 1
        self.unique += 1
        self.restarts += 1
        self.epoch = self._epochs()

    def _re_anchor(self, wanted: int, timestamp: int, frames: int, now: int) -> int:
        target = now if not self._anchor or wanted > now else now - REORDER_FRAMES // 2
        frame = max(target, self.end, 0)
        if frame > now + LEAD_FRAMES:
            return FLOOD
        if self._anchor and abs(frame - wanted) > _LEAP_FRAMES:
            self.restarts += 1
            self.epoch = self._epochs()
        if frame < wanted or not self._anchor:
            self._floor = frame
        self._anchor = True
        self._frame, self._timestamp = frame, timestamp
        self.end = frame + frames
        return frame

    def _place_old(self, timestamp: int, now: int) -> int:
        if not self._anchor:
            return LATE
        frame = self._frame + _signed(timestamp - self._timestamp)
        if frame < self._floor or frame < now - REORDER_FRAMES or frame >= self.end:
            return LATE
        return frame


def _signed(difference: int) -> int:
    """Interpret a difference of 32-bit timestamps that may have wrapped around."""
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000
