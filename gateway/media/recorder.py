"""The recorder: a tap that lays both legs on one time line and writes it away twice a second."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from gateway.media import g711
from gateway.media.container import BLOCK_FRAMES, MAX_EVENTS, BlockHeader, EventKind, StoredEvent
from gateway.media.model import SAMPLE_RATE, Law, Side
from gateway.media.timeline import LEAD_FRAMES, REORDER_FRAMES

_ROOM: Final = 3 * BLOCK_FRAMES + LEAD_FRAMES
"""Frames kept in memory: what is not yet due, and a burst that ran ahead."""


class Appender(Protocol):
    """Where blocks go: `BlobAppender`."""

    def submit(self, data: bytes, written: Callable[[], None]) -> None:
        """Store `data` after everything before; call `written` when it is safe."""
        ...


@dataclass(slots=True)
class _Channel:
    """One side's frames from `Recorder._base` on, and how many packets start in each block."""

    law: Law = Law.ALAW
    heard: bool = False
    codes: memoryview = field(default_factory=lambda: memoryview(_silence(Law.ALAW, _ROOM)))
    recorded: dict[int, int] = field(default_factory=dict)
    relayed: dict[int, int] = field(default_factory=dict)
    recorded_total: int = 0
    relayed_total: int = 0
    end: int = 0


class Recorder:
    """Implements `AudioTap`. Frames count from the moment of `start`.

    A block is written once its end lies a reorder window in the past, so a crash loses at most
    0.7 s of the time line. A voice that came in a burst runs ahead of it until its next pause
    (`timeline`): then as much more of that voice is lost. Counters only grow when a block is on disk.
    """

    def __init__(self, appender: Appender) -> None:
        self._appender = appender
        self._channels = (_Channel(), _Channel())
        self._by_side = dict(zip(Side, self._channels, strict=True))
        self._events: list[StoredEvent] = []
        self._base = 0
        self._written = ((0, 0), (0, 0))

    def on_audio(self, side: Side, codes: bytes, law: Law, at_frame: int, *, relayed: bool) -> None:
        """Lay a packet down; see `AudioTap`."""
        channel = self._by_side[side]
        while at_frame + len(codes) - self._base > _ROOM:  # the loop stood still: nothing was flushed
            self._write(BLOCK_FRAMES, final=False)
        offset = at_frame - self._base
        end = offset + len(codes)
        if offset < 0:
            return  # the stream clock lets nothing through that is this old; a tap never raises
        if law is not channel.law:
            codes = self._other_law(channel, codes, law)
        channel.codes[offset:end] = codes
        channel.heard = True
        channel.end = max(channel.end, end + self._base)
        self.count(side, at_frame, relayed=relayed)

    def count(self, side: Side, at_frame: int, *, relayed: bool) -> None:
        """Count a packet whose silence needs no frames of its own."""
        channel = self._by_side[side]
        block = at_frame // BLOCK_FRAMES
        channel.recorded[block] = channel.recorded.get(block, 0) + 1
        if relayed:
            channel.relayed[block] = channel.relayed.get(block, 0) + 1

    def note(self, kind: EventKind, side: Side, value: int, at_frame: int) -> None:
        """Keep an event for the list that stands beside the sound."""
        self._events.append(StoredEvent(kind, side.channel, value, max(at_frame, 0)))

    def flush(self, now: int) -> None:
        """Write every block that no packet can reach any more. `now` in frames."""
        while self._base + BLOCK_FRAMES <= now - REORDER_FRAMES:
            self._write(BLOCK_FRAMES, final=False)

    def finish(self, now: int) -> int:
        """Write the rest; gives the length of the recording in frames."""
        length = max(now, self._channels[0].end, self._channels[1].end)
        while length - self._base > BLOCK_FRAMES:
            self._write(BLOCK_FRAMES, final=False)
        while len(self._events) > MAX_EVENTS:
            self._write(BLOCK_FRAMES, final=False)
        length = max(length, self._base)
        self._write(length - self._base, final=True)
        return length

    @property
    def recorded(self) -> tuple[int, int]:
        """Audio packets safely written, staff and customer."""
        return self._written[0]

    @property
    def recorded_relayed(self) -> int:
        """Those of them that were relayed, both sides together."""
        return sum(self._written[1])

    def _write(self, frames: int, *, final: bool) -> None:
        index = self._base // BLOCK_FRAMES
        for channel in self._channels:
            channel.recorded_total += channel.recorded.pop(index, 0)
            channel.relayed_total += channel.relayed.pop(index, 0)
        staff, customer = self._channels
        if final:  # whatever was counted beyond the end
            for channel in self._channels:
                channel.recorded_total += sum(channel.recorded.values())
                channel.relayed_total += sum(channel.relayed.values())
        recorded = (staff.recorded_total, customer.recorded_total)
        relayed = (staff.relayed_total, customer.relayed_total)
        header = BlockHeader(
            index=index,
            frames=frames,
            final=final,
            laws=(staff.law, customer.law),
            recorded=recorded,
            relayed=relayed,
            events=tuple(self._events[:MAX_EVENTS]),
        )
        del self._events[:MAX_EVENTS]
        body = np.empty((frames, 2), dtype=np.uint8)
        for number, channel in enumerate(self._channels):
            body[:, number] = np.frombuffer(channel.codes[:frames], dtype=np.uint8)
            channel.codes[: _ROOM - frames] = channel.codes[frames:]
            channel.codes[_ROOM - frames :] = _silence(channel.law, frames)
        self._base += frames
        self._appender.submit(header.pack() + body.tobytes(), lambda: self._done(recorded, relayed))

    def _done(self, recorded: tuple[int, int], relayed: tuple[int, int]) -> None:
        self._written = (recorded, relayed)

    def _other_law(self, channel: _Channel, codes: bytes, law: Law) -> bytes:
        """The law of a channel is its first packet's; a leg that changes it later is translated."""
        if not channel.heard:
            channel.law = law
            channel.codes[:] = _silence(law, _ROOM)
            return codes
        return codes.translate(g711.translation(law, channel.law))


def frames_to_ms(frames: int) -> int:
    return frames * 1000 // SAMPLE_RATE


def _silence(law: Law, frames: int) -> bytearray:
    return bytearray([g711.SILENCE[law]]) * frames
