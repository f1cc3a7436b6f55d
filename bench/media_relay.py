"""What a relayed and recorded RTP packet costs, against a bare asyncio UDP forwarder (the named peer).

Run: `.venv/bin/python -m bench.media_relay [--calls 20] [--seconds 4]`. Both run in this process, the
sender in a child. CPU is this process's own (user + system), so the sender does not count.
"""

import argparse
import asyncio
import multiprocessing
import os
import socket
import struct
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import cast

from core.blobs import LocalBlobStore
from core.clock import SystemClock
from core.config import MediaSettings
from gateway.media.model import Side
from gateway.media.plane import MediaPlane
from gateway.media.session import MediaSession

PACKETS_A_SECOND = 50
PAYLOAD = bytes(range(1, 161))


@dataclass(frozen=True)
class Figure:
    packets: int
    sent: int
    cpu_s: float

    @property
    def us(self) -> float:
        return self.cpu_s / self.packets * 1e6


def talk(sources: list[socket.socket], targets: list[int], seconds: float, go: Event) -> None:
    """Send 50 packets a second from each source to its target, spread over the 20 ms."""
    go.wait()
    begin = time.monotonic()
    for n in range(int(seconds * PACKETS_A_SECOND)):
        for index, (source, port) in enumerate(zip(sources, targets, strict=True)):
            due = begin + (n + index / len(sources)) / PACKETS_A_SECOND
            if (delay := due - time.monotonic()) > 0.001:
                time.sleep(delay)
            head = struct.pack("!BBHII", 0x80, 8, n & 0xFFFF, n * 160, index)
            source.sendto(head + PAYLOAD, ("127.0.0.1", port))


class Forwarder(asyncio.DatagramProtocol):
    """The peer: sends what arrives to a fixed address, as it is. No header, no latch, no recording."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, _source: tuple[str, int]) -> None:
        self._transport.sendto(data, self._target)


def arrived(sources: list[socket.socket]) -> int:
    """Count what lies in the phones' sockets: only what really got through is a packet."""
    count = 0
    for sock in sources:
        sock.setblocking(False)  # noqa: FBT003
        try:
            while sock.recv(2048):
                count += 1
        except BlockingIOError:
            continue
    return count


def phones(count: int) -> list[socket.socket]:
    result = []
    for _ in range(count):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # nobody reads before the end
        sock.bind(("127.0.0.1", 0))
        result.append(sock)
    return result


async def timed(sources: list[socket.socket], targets: list[int], seconds: float) -> float:
    """CPU seconds of this process while the child talks."""
    context = multiprocessing.get_context("fork")
    go = context.Event()
    child = context.Process(target=talk, args=(sources, targets, seconds, go))
    child.start()
    await asyncio.sleep(0.2)
    before = time.process_time()
    go.set()
    await asyncio.to_thread(child.join)
    await asyncio.sleep(0.3)
    return time.process_time() - before


async def measure_peer(calls: int, seconds: float) -> Figure:
    loop, sources = asyncio.get_running_loop(), phones(2 * calls)
    transports, targets = [], []
    for index in range(2 * calls):
        target = ("127.0.0.1", sources[index ^ 1].getsockname()[1])
        transport, _ = await loop.create_datagram_endpoint(
            lambda target=target: Forwarder(target),  # type: ignore[misc]
            local_addr=("127.0.0.1", 0),
        )
        transports.append(transport)
        targets.append(transport.get_extra_info("sockname")[1])
    cpu_s = await timed(sources, targets, seconds)
    received = arrived(sources)
    for transport in transports:
        transport.close()
    for sock in sources:
        sock.close()
    return Figure(received, int(seconds * PACKETS_A_SECOND) * 2 * calls, cpu_s)


async def connected(plane: MediaPlane, pair: list[socket.socket]) -> tuple[MediaSession, list[int]]:
    session, ports = await plane.open("b" * 32, os.urandom(32)), []
    for side, sock in zip(Side, pair, strict=True):
        session.set_remote(
            side,
            "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio %d RTP/AVP 8\r\n" % sock.getsockname()[1],  # noqa: UP031
        )
        line = next(x for x in session.local_sdp(side).splitlines() if x.startswith("m=audio"))
        ports.append(int(line.split()[1]))
    await session.play_notice()
    session.bridge()
    return session, ports


async def measure_relay(calls: int, seconds: float) -> Figure:
    with tempfile.TemporaryDirectory() as folder:
        settings = MediaSettings(port_low=30000, port_high=30000 + 8 * calls + 8)
        plane = MediaPlane(settings, LocalBlobStore(Path(folder)), SystemClock())
        sources = phones(2 * calls)
        opened = await asyncio.gather(*(connected(plane, sources[2 * n : 2 * n + 2]) for n in range(calls)))
        arrived(sources)  # the notice
        cpu_s = await timed(sources, [port for _, ports in opened for port in ports], seconds)
        received = arrived(sources)
        reports = [await session.close() for session, _ in opened]
        await plane.close()
        for sock in sources:
            sock.close()
    relayed = sum(report.relayed_packets for report in reports)
    recorded = sum(report.recorded_packets for report in reports)
    print(f"recorded / relayed / arrived   {recorded} / {relayed} / {received}")
    return Figure(received, int(seconds * PACKETS_A_SECOND) * 2 * calls, cpu_s)


async def main(calls: int, seconds: float) -> None:
    print(f"{calls} calls, {2 * calls * PACKETS_A_SECOND} packets a second, {seconds} s")
    peer = await measure_peer(calls, seconds)
    ours = await measure_relay(calls, seconds)
    for name, figure in (("asyncio UDP forwarder (peer)", peer), ("relay + recorder", ours)):
        lost = 1 - figure.packets / figure.sent
        print(f"{name:29} {figure.us:6.1f} us a packet, loss {lost:.4%}")
    print(f"ratio ours / peer             {ours.us / peer.us:6.2f}")
    print(f"calls that fill one core      {1e6 / (ours.us * 2 * PACKETS_A_SECOND):6.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    asyncio.run(main(options.calls, options.seconds))
