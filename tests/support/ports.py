"""Ports for the processes of a test: chosen so that nobody else takes them before they are bound.

They lie below those that the kernel gives away by itself (ip_local_port_range), each worker of pytest-xdist has a
part of its own, and none is given twice until all have had their turn.
"""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack

HOST = "127.0.0.1"
LOWEST, HIGHEST = 10_000, 32_000


def _part() -> range:
    """Give this worker's ports; all of them where there is one worker only."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = (HIGHEST - LOWEST) // workers // 2 * 2
    return range(LOWEST + number * size, LOWEST + (number + 1) * size)


class _Turn:
    """Walks round this worker's ports, from anywhere on."""

    def __init__(self, ports: range) -> None:
        self._ports = ports
        self._at = ports[secrets.randbelow(len(ports) // 2) * 2]

    def candidates(self, size: int) -> Iterator[int]:
        """Give the first of so many ports in a row, each time further on."""
        for _ in range(len(self._ports)):
            low = self._at if self._at + size <= self._ports.stop else self._ports.start
            self._at = low + size
            yield low
        raise AssertionError("no free port")


_turn = _Turn(_part())


def _are_free(ports: range, *kinds: socket.SocketKind) -> bool:
    with ExitStack() as stack:
        try:
            for port in ports:
                for kind in kinds:
                    stack.enter_context(socket.socket(socket.AF_INET, kind)).bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Find a port for UDP and TCP; it is even, and the next one is free as well (RTCP, SIP over TLS)."""
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    return next(low for low in _turn.candidates(2) if _are_free(range(low, low + 2), *kinds))


def free_range(size: int) -> tuple[int, int]:
    """Find so many UDP ports in a row (an even number of them); gives the first and the last."""
    assert size % 2 == 0
    low = next(low for low in _turn.candidates(size) if _are_free(range(low, low + size), socket.SOCK_DGRAM))
    return low, low + size - 1
