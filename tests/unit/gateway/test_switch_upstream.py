"""The switch greets `calls` only when its loop takes calls: who has heard hello may send an INVITE at once."""

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from gateway.switch.protocol import Hello
from gateway.switch.upstream import Handlers, Upstream

HELLO = Hello(node="switch", sip_host="127.0.0.1", sip_port=5060)


class _Loop:
    """Keeps what is posted until it is told to run it."""

    def __init__(self) -> None:
        self.posted: list[Callable[[], None]] = []
        self.came = threading.Event()

    def post(self, function: Callable[..., None], *arguments: object) -> None:
        self.posted.append(lambda: function(*arguments))
        self.came.set()


def _heard(server: socket.socket) -> bytes:
    with contextlib.suppress(TimeoutError):
        return server.recv(4096)
    return b""


def test_hello_is_said_by_the_loop_and_not_before_it(tmp_path: Path) -> None:
    path = tmp_path / "switch.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(60)
    loop = _Loop()
    taking: list[bool] = []
    Upstream(path, HELLO, loop.post, silence_s=10).start(
        Handlers(lambda: taking.append(True), lambda _line: None, lambda: None)
    )
    server, _ = listener.accept()
    with listener, server:
        assert loop.came.wait(60)
        server.settimeout(0.2)
        assert _heard(server) == b""  # connected, but the loop has not come to it yet
        loop.posted[0]()
        server.settimeout(60)
        assert b"hello" in _heard(server)
        assert taking == [True]
