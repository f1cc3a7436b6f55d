"""Phones, a sender in a process of its own, and what became of its packets, by the kernel's clock."""

import asyncio
import multiprocessing
import resource
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from core.blobs import LocalBlobStore
from core.clock import SystemClock
from core.config import MediaSettings
from gateway.media.model import MediaReport, Side
from gateway.media.plane import MediaPlane
from gateway.media.session import MediaSession

HOST = "127.0.0.1"
PACKETS_A_SECOND = 50
HEADER = struct.Struct("!BBHII")
FILLING = bytes(range(1, 153))
PORT_LOW = 10000
SO_TIMESTAMPNS = 35
"""Asks the kernel for the moment at which a datagram arrived: the reader's own delay does not count."""
BUFFER = 1 << 20


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one talk. `late_ms`: how far the sender itself fell behind at worst."""

    sent: int
    arrived: int
    delays_us: NDArray[np.float64]
    cpu_s: float
    seconds: float
    late_ms: float

    @property
    def loss(self) -> float:
        return 1 - self.arrived / self.sent

    @property
    def cpu_us(self) -> float:
        """CPU time of this process for each packet that arrived."""
        return self.cpu_s / max(1, self.arrived) * 1e6

    def delay_us(self, percent: float) -> float:
        return float(np.percentile(self.delays_us, percent)) if len(self.delays_us) else float("nan")


def phones(count: int) -> list[socket.socket]:
    """Open sockets that keep all that comes, each packet with the kernel's time of its arrival."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 10 * count + 200 <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = []
    for _ in range(count):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)  # nobody reads before the end
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind((HOST, 0))
        sock.setblocking(False)  # noqa: FBT003
        opened.append(sock)
    return opened


def close(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def read_all(sockets: Sequence[socket.socket]) -> list[float]:
    """Read what lies in the phones' sockets; gives each packet's time on the way, in µs."""
    delays = []
    for sock in sockets:
        while True:
            try:
                data, ancillary, _, _ = sock.recvmsg(2048, 64)
            except BlockingIOError:
                break
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
            sent_ns = int.from_bytes(data[12:20])
            delays.append((seconds * 1_000_000_000 + nanoseconds - sent_ns) / 1000)
    return delays


def talk(
    sources: Sequence[socket.socket],
    targets: Sequence[int],
    seconds: float,
    go: Event,
    late_ms: "Synchronized[float]",
) -> None:
    """Send 50 packets a second from each source to its target, spread over the 20 ms; the time is inside."""
    addresses = [(HOST, port) for port in targets]
    legs = list(enumerate(zip(sources, addresses, strict=True)))
    go.wait()
    begin, worst, step = time.monotonic(), 0.0, 1 / len(legs) / PACKETS_A_SECOND
    for n in range(int(seconds * PACKETS_A_SECOND)):
        head = HEADER.pack(0x80, 8, n & 0xFFFF, n * 160, 7)
        due = begin + n / PACKETS_A_SECOND
        for index, (source, address) in legs:
            delay = due + index * step - time.monotonic()
            if delay > 0.001:
                time.sleep(delay)
            elif -delay > worst:
                worst = -delay
            source.sendto(head + time.time_ns().to_bytes(8) + FILLING, address)
    late_ms.value = worst * 1000


async def converse(sources: list[socket.socket], targets: Sequence[int], seconds: float) -> Heard:
    """Let a child talk; count this process's CPU meanwhile; then read what arrived."""
    context = multiprocessing.get_context("fork")
    go, late_ms = context.Event(), context.Value("d", 0.0)
    child = context.Process(target=talk, args=(sources, targets, seconds, go, late_ms))
    child.start()
    try:
        await asyncio.sleep(0.2)
        before = time.process_time()
        go.set()
        await asyncio.to_thread(child.join)
        await asyncio.sleep(0.3)
        cpu_s = time.process_time() - before
    finally:
        child.kill()
        child.join()
    delays = read_all(sources)
    sent = int(seconds * PACKETS_A_SECOND) * len(sources)
    return Heard(sent, len(delays), np.array(delays), cpu_s, seconds, late_ms.value)


async def direct(calls: int, seconds: float) -> Heard:
    """Measure with nothing between the phones: loopback UDP itself."""
    sources = phones(2 * calls)
    targets = [sources[index ^ 1].getsockname()[1] for index in range(2 * calls)]
    try:
        return await converse(sources, targets, seconds)
    finally:
        close(sources)


class Forwarder(asyncio.DatagramProtocol):
    """The peer: sends what arrives to a fixed address, as it is. No header, no latch, no recording."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, _source: tuple[str, int]) -> None:
        self._transport.sendto(data, self._target)


async def forwarded(calls: int, seconds: float) -> Heard:
    """Measure with bare asyncio forwarders between the phones."""
    loop, sources = asyncio.get_running_loop(), phones(2 * calls)
    transports, targets = [], []
    try:
        for index in range(2 * calls):
            make: Callable[[], Forwarder] = lambda index=index: Forwarder(  # type: ignore[misc]  # noqa: E731
                (HOST, sources[index ^ 1].getsockname()[1])
            )
            transport, _ = await loop.create_datagram_endpoint(make, local_addr=(HOST, 0))
            transports.append(transport)
            targets.append(transport.get_extra_info("sockname")[1])
        return await converse(sources, targets, seconds)
    finally:
        for transport in transports:
            transport.close()
        close(sources)


async def relayed(calls: int, seconds: float, folder: Path) -> tuple[Heard, list[MediaReport]]:
    """Measure with the relay and its recorder between the phones."""
    sources = phones(2 * calls)
    async with _plane(calls, folder) as plane:
        try:
            opened = await asyncio.gather(
                *(_connected(plane, sources[2 * n : 2 * n + 2]) for n in range(calls))
            )
            _drop(sources)  # the notice
            heard = await converse(sources, [port for _, ports in opened for port in ports], seconds)
            return heard, [await session.close() for session, _ in opened]
        finally:
            close(sources)


@asynccontextmanager
async def _plane(calls: int, folder: Path) -> AsyncIterator[MediaPlane]:
    settings = MediaSettings(port_low=PORT_LOW, port_high=PORT_LOW + 8 * calls + 8)
    plane = MediaPlane(settings, LocalBlobStore(folder), SystemClock())
    try:
        yield plane
    finally:
        await plane.close()


async def _connected(plane: MediaPlane, pair: list[socket.socket]) -> tuple[MediaSession, list[int]]:
    session, ports = await plane.open("b" * 32, bytes(32)), []
    for side, sock in zip(Side, pair, strict=True):
        port = sock.getsockname()[1]
        session.set_remote(side, f"v=0\r\nc=IN IP4 {HOST}\r\nm=audio {port} RTP/AVP 8\r\n")
        line = next(x for x in session.local_sdp(side).splitlines() if x.startswith("m=audio"))
        ports.append(int(line.split()[1]))
    await session.play_notice()
    session.bridge()
    return session, ports


def _drop(sources: Sequence[socket.socket]) -> None:
    for sock in sources:
        try:
            while True:
                sock.recv(2048)
        except BlockingIOError:
            continue
