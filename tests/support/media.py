"""A phone made of one UDP socket: speaks tones, listens, and can misbehave."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.blobs import BlobStore, InMemoryBlobStore
from core.clock import SystemClock
from core.config import MediaSettings
from gateway.media import g711
from gateway.media.model import Law
from gateway.media.plane import MediaPlane
from tests.support.ports import free_range

KEY = bytes(range(32))
RATE = 8000


def tone(hertz: float, frames: int, *, level: float = 0.4) -> NDArray[np.int16]:
    return (level * 32767 * np.sin(2 * np.pi * hertz * np.arange(frames) / RATE)).astype(np.int16)


def loudest_hertz(samples: NDArray[np.int16]) -> float:
    """The frequency that carries most of the energy; 0 for silence."""
    if not len(samples) or int(np.abs(samples.astype(np.int32)).max()) < 200:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


def packet(
    payload: bytes,
    *,
    seq: int,
    timestamp: int,
    ssrc: int = 0x1234,
    payload_type: int = 8,
    marker: bool = False,
) -> bytes:
    head = struct.pack(
        "!BBHII",
        0x80,
        payload_type | (0x80 if marker else 0),
        seq & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc & 0xFFFFFFFF,
    )
    return head + payload


def sdp(port: int, *, codecs: Iterable[int] = (8, 0), event: int | None = 101, extra: str = "") -> str:
    names = {0: "PCMU", 8: "PCMA"}
    types = [*codecs, *([event] if event is not None else [])]
    maps = "".join(f"a=rtpmap:{pt} {names[pt]}/8000\r\n" for pt in codecs)
    if event is not None:
        maps += f"a=rtpmap:{event} telephone-event/8000\r\n"
    return (
        "v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=call\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {' '.join(map(str, types))}\r\n{maps}{extra}"
    )


@dataclass
class RtpPhone:
    """One end of a leg on the loopback."""

    sock: socket.socket
    received: list[bytes] = field(default_factory=list)
    target: tuple[str, int] = ("127.0.0.1", 9)
    seq: int = 100
    timestamp: int = 5000
    ssrc: int = 0xABCD0001
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    def start(cls) -> "RtpPhone":
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)  # noqa: FBT003
        sock.bind(("127.0.0.1", 0))
        phone = cls(sock)
        asyncio.get_running_loop().add_reader(sock.fileno(), phone.drain)
        return phone

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    def call(self, local_sdp: str) -> None:
        """Learn from the gateway's SDP where to send."""
        line = next(line for line in local_sdp.splitlines() if line.startswith("m=audio"))
        self.target = ("127.0.0.1", int(line.split()[1]))

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, self.target)

    def say(self, codes: bytes, *, payload_type: int = 8, marker: bool = False) -> None:
        """Send one packet and move on."""
        self.send(
            packet(
                codes,
                seq=self.seq,
                timestamp=self.timestamp,
                ssrc=self.ssrc,
                payload_type=payload_type,
                marker=marker,
            )
        )
        self.seq += 1
        self.timestamp += len(codes)

    async def speak(self, samples: NDArray[np.int16], law: Law = Law.ALAW, *, frames: int = 160) -> None:
        """Send sound at the pace of a telephone."""
        loop = asyncio.get_running_loop()
        codes, begin = g711.encode(samples, law), loop.time()
        for number, start in enumerate(range(0, len(codes) - frames + 1, frames)):
            delay = begin + number * frames / RATE - loop.time()
            await asyncio.sleep(max(delay, 0))
            self.say(codes[start : start + frames], payload_type=0 if law is Law.ULAW else 8)

    async def heard(self, enough: Callable[[list[bytes]], bool], timeout_s: float = 60) -> None:
        """Wait until what arrived is enough."""
        async with asyncio.timeout(timeout_s):
            while not enough(self.received):
                self._arrived.clear()
                await self._arrived.wait()

    def sound(self, law: Law = Law.ALAW) -> NDArray[np.int16]:
        """All audio payloads in the order of arrival."""
        wanted = 0 if law is Law.ULAW else 8
        return g711.decode(b"".join(d[12:] for d in self.received if d[1] & 0x7F == wanted), law)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock.fileno())
        self.sock.close()

    def drain(self) -> None:
        """Take in what has come; the loop calls it too."""
        while True:
            try:
                self.received.append(self.sock.recv(2048))
            except BlockingIOError:
                break
        self._arrived.set()


def write_notice(path: Path, *, seconds: float = 1.0, hertz: float = 700) -> Path:
    """A notice that is short enough for a test."""
    soundfile.write(path, tone(hertz, int(seconds * RATE)), RATE, subtype="PCM_16")
    return path


@asynccontextmanager
async def media_plane(
    notice: Path, blobs: BlobStore | None = None, **settings: float
) -> AsyncIterator[MediaPlane]:
    low, high = free_range(42)
    plane = MediaPlane(
        MediaSettings(port_low=low, port_high=high, **settings),  # type: ignore[arg-type]
        blobs or InMemoryBlobStore(),
        SystemClock(),
        notice_path=notice,
    )
    try:
        yield plane
    finally:
        await plane.close()


async def until(check: Callable[[], bool], timeout_s: float = 60) -> None:
    """Wait for a state that no event tells of."""
    async with asyncio.timeout(timeout_s):
        while not check():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
