"""How a recording is stored: a header, then blocks of half a second of interleaved G.711.

All numbers little-endian. File header, 128 bytes: magic `MSKREC01`, frames a block u32, rate u32,
start in Unix ms u64, call id 32 ASCII characters, zeros. Each block: a header of 128 bytes (`BlockHeader`),
then 2 codes a frame, channel 0 staff, channel 1 customer. All blocks but the last are full, so a byte
of the recording is found by arithmetic. The law of each channel stands in each block; silence is the
law's zero. The packet counts are running totals: a recording cut off by a crash still tells them.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

from gateway.media.errors import RecordingUnreadable
from gateway.media.model import SAMPLE_RATE, Law

MEDIA_TYPE: Final = "application/vnd.maskline.recording"
MAGIC: Final = b"MSKREC01"
FILE_HEADER_BYTES: Final = 128
BLOCK_HEADER_BYTES: Final = 128
BLOCK_FRAMES: Final = 4000
BLOCK_BYTES: Final = BLOCK_HEADER_BYTES + 2 * BLOCK_FRAMES
MAX_EVENTS: Final = 12
_FILE: Final = struct.Struct("<8sIIQ32s72x")
_BLOCK: Final = struct.Struct("<2sBBBBHIIIII4x")
_EVENT: Final = struct.Struct("<BBHI")
_BLOCK_MAGIC: Final = b"BK"
_FINAL: Final = 1
_LAWS: Final = (Law.ULAW, Law.ALAW)


class EventKind(IntEnum):
    DTMF = 1
    NOTICE_BEGIN = 2
    NOTICE_END = 3


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """Something that happened at a frame. `value`: for DTMF the event code of RFC 4733 §3.2."""

    kind: EventKind
    channel: int
    value: int
    frame: int


@dataclass(frozen=True, slots=True)
class FileHeader:
    started_at: datetime
    call_id: str

    def pack(self) -> bytes:
        started_ms = int(self.started_at.timestamp() * 1000)
        return _FILE.pack(MAGIC, BLOCK_FRAMES, SAMPLE_RATE, started_ms, self.call_id.encode("ascii"))

    @classmethod
    def unpack(cls, data: bytes) -> "FileHeader":
        if len(data) != FILE_HEADER_BYTES:
            raise RecordingUnreadable
        magic, frames, rate, started_ms, call_id = _FILE.unpack(data)
        if (magic, frames, rate) != (MAGIC, BLOCK_FRAMES, SAMPLE_RATE):
            raise RecordingUnreadable
        try:
            started_at = datetime.fromtimestamp(started_ms / 1000, UTC)
            return cls(started_at, call_id.rstrip(b"\0").decode("ascii"))
        except (ValueError, OverflowError, OSError):
            raise RecordingUnreadable from None


@dataclass(frozen=True, slots=True)
class BlockHeader:
    index: int
    frames: int
    final: bool
    laws: tuple[Law, Law]
    recorded: tuple[int, int]
    """Audio packets of each channel up to and with this block."""
    relayed: tuple[int, int]
    """Those of them that the other side was sent."""
    events: tuple[StoredEvent, ...] = ()

    def pack(self) -> bytes:
        head = _BLOCK.pack(
            _BLOCK_MAGIC,
            _FINAL if self.final else 0,
            len(self.events),
            _LAWS.index(self.laws[0]),
            _LAWS.index(self.laws[1]),
            self.frames,
            self.index,
            *self.recorded,
            *self.relayed,
        )
        events = b"".join(_EVENT.pack(e.kind, e.channel, e.value, e.frame) for e in self.events)
        return (head + events).ljust(BLOCK_HEADER_BYTES, b"\0")

    @classmethod
    def unpack(cls, data: bytes) -> "BlockHeader":
        if len(data) < BLOCK_HEADER_BYTES:
            raise RecordingUnreadable
        magic, flags, count, law0, law1, frames, index, *totals = _BLOCK.unpack_from(data)
        if magic != _BLOCK_MAGIC or count > MAX_EVENTS or frames > BLOCK_FRAMES or max(law0, law1) > 1:
            raise RecordingUnreadable
        try:
            events = tuple(
                StoredEvent(EventKind(kind), *rest)
                for kind, *rest in _EVENT.iter_unpack(data[_BLOCK.size : _BLOCK.size + count * _EVENT.size])
            )
        except ValueError:
            raise RecordingUnreadable from None
        return cls(
            index=index,
            frames=frames,
            final=bool(flags & _FINAL),
            laws=(_LAWS[law0], _LAWS[law1]),
            recorded=(totals[0], totals[1]),
            relayed=(totals[2], totals[3]),
            events=events,
        )
