"""A network on paper: packets of a talker with loss, jitter, reordering, doubles and a clock that is off."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.media.model import Law, Side
from gateway.media.recorder import Recorder
from gateway.media.recording import decode_blocks
from gateway.media.timeline import REORDER_FRAMES, TRIM_FRAMES, StreamClock

SILENT = 0xD5


@dataclass(frozen=True)
class Packet:
    at: float
    """Arrival in frames."""
    seq: int
    timestamp: int
    codes: bytes
    ssrc: int = 1


@dataclass
class Talker:
    """Sound that is known code by code; 0xD5 never occurs in it."""

    seed: int = 1
    ptime: int = 160
    seq: int = 0
    timestamp: int = 0
    skew: float = 0.0
    """Parts by which the sender's clock is fast."""
    start: float = 0.0
    spoken: bytearray = field(default_factory=bytearray)

    def packets(self, count: int, delay: Callable[[random.Random], float] = lambda _: 0.0) -> list[Packet]:
        source = random.Random(self.seed)  # noqa: S311
        self.spoken += bytes(source.randrange(1, 128) for _ in range(count * self.ptime))
        return [
            Packet(
                at=self.start + (n + 1) * self.ptime / (1 + self.skew) + delay(source),
                seq=(self.seq + n) & 0xFFFF,
                timestamp=(self.timestamp + n * self.ptime) & 0xFFFFFFFF,
                codes=bytes(self.spoken[n * self.ptime : (n + 1) * self.ptime]),
            )
            for n in range(count)
        ]


class Disk:
    def __init__(self) -> None:
        self.data = bytearray()

    def submit(self, data: bytes, written: Callable[[], None]) -> None:
        self.data += data
        written()


@dataclass
class Result:
    channel: NDArray[np.int16]
    placed: int
    refused: int
    trimmed: int
    recorded: int
    clock: StreamClock
    frames: list[int]
    longest_unsafe: int
    """Frames between arrival and the end of what was on disk, at the worst moment."""


def record(packets: list[Packet]) -> Result:
    """Play packets in the order of arrival into a stream clock and a recorder, as the relay does."""
    disk, clock = Disk(), StreamClock(itertools.count().__next__)
    recorder = Recorder(disk)
    placed = refused = trimmed = unsafe = 0
    frames: list[int] = []
    next_flush = 800
    for packet in sorted(packets, key=lambda p: p.at):
        while next_flush <= packet.at:
            recorder.flush(next_flush)
            unsafe = max(unsafe, next_flush + 800 - len(disk.data) // 8128 * 4000)
            next_flush += 800
        now = int(packet.at)
        frame = clock.place(packet.ssrc, packet.seq, packet.timestamp, len(packet.codes), now)
        if frame < 0:
            refused += 1
            continue
        assert frame >= now - REORDER_FRAMES
        placed += 1
        frames.append(frame)
        if frame > now + TRIM_FRAMES and set(packet.codes) == {SILENT}:
            clock.trim(len(packet.codes))
            recorder.count(Side.CUSTOMER, frame, relayed=True)
            trimmed += 1
        else:
            recorder.on_audio(Side.CUSTOMER, packet.codes, Law.ALAW, frame, relayed=True)
    recorder.finish(int(packets[-1].at) if packets else 0)
    assert recorder.recorded_relayed == recorder.recorded[1]
    return Result(
        channel=decode_blocks(bytes(disk.data), 0)[1],
        placed=placed,
        refused=refused,
        trimmed=trimmed,
        recorded=recorder.recorded[1],
        clock=clock,
        frames=frames,
        longest_unsafe=unsafe,
    )
