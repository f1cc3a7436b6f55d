"""RTP packets (RFC 3550 §5.1): what we take from one that arrives, and the fresh header of one we send."""

import secrets
import struct
from typing import Final

HEADER_BYTES: Final = 12
_HEADER: Final = struct.Struct("!BBHII")
_VERSION_2: Final = 0x80
_MARKER: Final = 0x80
MAX_PACKET_BYTES: Final = 1500

Parsed = tuple[int, bool, int, int, int, bytes]
"""Payload type, marker, sequence number, timestamp, SSRC, payload without padding."""


def is_rtcp(data: bytes) -> bool:
    """RTCP on an RTP port: its packet types fall on payload types 64..95 (RFC 5761 §4)."""
    return len(data) >= 2 and 64 <= data[1] & 0x7F <= 95


def parse_rtp(data: bytes) -> Parsed | None:
    """Take a packet apart; CSRC list, extension and padding are left behind. None if it is not RTP."""
    size = len(data)
    if size <= HEADER_BYTES or size > MAX_PACKET_BYTES:
        return None
    first, second, seq, timestamp, ssrc = _HEADER.unpack_from(data)
    if first == _VERSION_2:  # the usual packet: nothing but a payload
        return second & 0x7F, second >= _MARKER, seq, timestamp, ssrc, data[HEADER_BYTES:]
    start, end = _payload_bounds(first, data)
    if first >> 6 != 2 or start >= end:
        return None
    return second & 0x7F, second >= _MARKER, seq, timestamp, ssrc, data[start:end]


def _payload_bounds(first: int, data: bytes) -> tuple[int, int]:
    """Find the payload behind CSRC list and extension and before the padding; empty if they are broken."""
    start, end = HEADER_BYTES + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        if start + 4 > end:
            return 0, 0
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        if data[-1] == 0:
            return 0, 0
        end -= data[-1]
    return start, end


class OutboundStream:
    """What one leg hears: a single SSRC whose numbers go on whatever source feeds it.

    A source (prompt, ringback, the other leg's stream) is known by a key. Within a source,
    distances of sequence numbers and timestamps are kept, so that the far end sees losses and
    reordering as they are; at a change of source both go on from what was sent last.
    """

    __slots__ = ("_key", "_last_at", "_last_frames", "_last_seq", "_last_ts", "_seq_off", "_ts_off", "ssrc")

    def __init__(self) -> None:
        self.ssrc = secrets.randbits(32)
        self._key = -1
        self._last_seq = secrets.randbits(16)
        self._last_ts = secrets.randbits(32)
        self._last_at: float | None = None
        self._last_frames = 0
        self._seq_off = 0
        self._ts_off = 0

    def packet(
        self, key: int, seq: int, timestamp: int, now: float, payload_type: int, marker: bool, payload: bytes
    ) -> bytes:
        """Give the packet to send. `now` in monotonic seconds; payload is G.711 or a telephone event."""
        if key != self._key:
            self._change_source(key, seq, timestamp, now)
            marker = True
        seq = (seq + self._seq_off) & 0xFFFF
        timestamp = (timestamp + self._ts_off) & 0xFFFFFFFF
        if (seq - self._last_seq) & 0x8000 == 0:
            self._last_seq, self._last_ts, self._last_at = seq, timestamp, now
            self._last_frames = len(payload)
        return (
            _HEADER.pack(
                _VERSION_2, payload_type | _MARKER if marker else payload_type, seq, timestamp, self.ssrc
            )
            + payload
        )

    def skip(self, key: int) -> None:
        """A packet of this source is left out on purpose: close the gap in the sequence numbers."""
        if key == self._key:
            self._seq_off = (self._seq_off - 1) & 0xFFFF

    def _change_source(self, key: int, seq: int, timestamp: int, now: float) -> None:
        elapsed = 0
        if self._last_at is not None:
            elapsed = max(self._last_frames, round((now - self._last_at) * 8000))
        self._key = key
        self._seq_off = (self._last_seq + 1 - seq) & 0xFFFF
        self._ts_off = (self._last_ts + elapsed - timestamp) & 0xFFFFFFFF
