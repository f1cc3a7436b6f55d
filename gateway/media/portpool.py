"""UDP ports for legs: even ones of a range, the longest unused first."""

import random
import socket
from collections import deque

from gateway.media.errors import PortsExhausted

_RECEIVE_BUFFER_BYTES = 256 * 1024


class PortPool:
    """Hands out bound sockets. A port rests as long as possible, so that no late packet finds a new call."""

    def __init__(self, host: str, low: int, high: int) -> None:
        self._host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        ports = list(range(low + low % 2, high + 1, 2))
        random.SystemRandom().shuffle(ports)
        self._free = deque(ports)
        self.size = len(ports)
        self._used: set[int] = set()

    @property
    def free(self) -> int:
        return len(self._free)

    @property
    def used(self) -> frozenset[int]:
        return frozenset(self._used)

    def acquire(self) -> socket.socket:
        """Give a bound, non-blocking socket; ports that others hold are passed over.

        Raises:
            PortsExhausted: none is left.
        """
        for _ in range(len(self._free)):
            port = self._free.popleft()
            sock = socket.socket(self._family, socket.SOCK_DGRAM)
            try:
                sock.setblocking(False)  # noqa: FBT003 - its signature
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
                sock.bind((self._host, port))
            except OSError:
                sock.close()
                self._free.append(port)
                continue
            self._used.add(port)
            return sock
        raise PortsExhausted

    def release(self, sock: socket.socket) -> None:
        """Close the socket and put its port at the end of the line."""
        port = sock.getsockname()[1]
        sock.close()
        self._used.discard(port)
        self._free.append(port)
