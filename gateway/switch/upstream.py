"""The switch's end of the socket to `calls`: two threads that only carry lines, and reconnect for ever."""

import contextlib
import queue
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.logging import get_logger
from gateway.switch.lines import LineBuffer
from gateway.switch.protocol import Hello, SwitchEvent, encode

_log = get_logger(__name__)
_FIRST_DELAY_S = 0.05
_SPREAD = random.SystemRandom()  # of reconnects; the shared generator is not for a thread beside the loop
_LONGEST_DELAY_S = 3.0
_MAX_UNSENT_LINES = 10_000
Post = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Handlers:
    """What the loop does with a connection; each is run in the loop's own thread."""

    on_up: Callable[[], None]
    on_line: Callable[[bytes], None]
    on_down: Callable[[], None]


class Upstream:
    """Connects to `calls`, says hello, hands its lines to the loop by `post`, and sends events.

    A connection that is silent for `silence_s` counts as lost (`calls` pings every two seconds):
    a process that hangs records nothing, and without a recorder there is no call.
    """

    def __init__(self, path: Path, hello: Hello, post: Post, *, silence_s: float) -> None:
        self._path = path
        self._hello = hello
        self._post = post
        self._silence_s = silence_s
        self._current: _Connection | None = None

    def start(self, handlers: Handlers) -> None:
        threading.Thread(target=self._run, args=(handlers,), name="upstream", daemon=True).start()

    def send(self, event: SwitchEvent) -> None:
        """Queue an event; call it in the loop's thread. Without a connection it is dropped: `calls` knows."""
        if self._current is not None:
            self._current.send(encode(event))

    def flush(self, timeout_s: float) -> None:
        """Wait until what was queued is on the wire, at most so long."""
        if self._current is not None:
            self._current.finish(timeout_s)

    def _run(self, handlers: Handlers) -> None:
        delay_s = _FIRST_DELAY_S
        failed = False
        pause = threading.Event()
        while True:
            try:
                connection = _Connection(self._path, self._silence_s)
            except OSError as error:
                if not failed:
                    _log.warning("upstream.unreachable", error_type=type(error).__name__)
                failed = True
            else:
                failed, delay_s = False, _FIRST_DELAY_S
                self._post(self._up, connection, handlers.on_up)
                connection.read(lambda line: self._post(handlers.on_line, line))
                self._post(self._down, connection, handlers.on_down)
            pause.wait(delay_s * _SPREAD.uniform(0.5, 1.0))
            delay_s = min(delay_s * 2, _LONGEST_DELAY_S)

    def _up(self, connection: "_Connection", on_up: Callable[[], None]) -> None:
        """Say hello in the loop's thread: a switch that has greeted takes calls from that moment on."""
        self._current = connection
        _log.info("upstream.up")
        connection.send(encode(self._hello))
        on_up()

    def _down(self, connection: "_Connection", on_down: Callable[[], None]) -> None:
        if self._current is connection:
            self._current = None
        _log.warning("upstream.down")
        on_down()


class _Connection:
    """One connected socket, its writer thread and its queue."""

    def __init__(self, path: Path, silence_s: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(silence_s)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._lines: queue.Queue[bytes | None] = queue.Queue(_MAX_UNSENT_LINES)
        self._writer = threading.Thread(target=self._write, name="upstream-writer", daemon=True)
        self._writer.start()

    def send(self, line: bytes) -> None:
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._break()

    def read(self, on_line: Callable[[bytes], None]) -> None:
        """Hand over lines until the connection ends."""
        buffer = LineBuffer()
        try:
            while data := self._socket.recv(65536):
                for line in buffer.feed(data):
                    on_line(line)
        except OSError:
            pass  # silence or a broken pipe: lost either way
        self._break()
        self._stop_writer()
        self._writer.join()
        self._socket.close()

    def finish(self, timeout_s: float) -> None:
        self._stop_writer()
        self._writer.join(timeout_s)

    def _write(self) -> None:
        try:
            while (line := self._lines.get()) is not None:
                self._socket.sendall(line)
        except OSError:
            self._break()

    def _stop_writer(self) -> None:
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)

    def _break(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
