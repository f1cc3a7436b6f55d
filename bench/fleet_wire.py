"""What simulated phones speak, each protocol in as few lines as it takes: HTTP, WebSocket and MQTT clients.

Libraries are for a few connections: ten thousand of theirs in the client processes would take more of the
two cores than the server that is to be measured. RFC 9112, RFC 6455 and MQTT 3.1.1, as far as is needed.
"""

import asyncio
import json
import os
import struct
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

HOST = "127.0.0.1"
ANSWER_S = 30.0
"""After so long the reference agent asks anew."""
Hear = Callable[[bytes], None]


class Lost(Exception):
    """The connection broke or nobody answered: nobody knows whether it was served."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes


class _Line(asyncio.Protocol):
    """One TCP connection. `over` is done when it has ended."""

    def __init__(self) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's own
        if not self.over.done():
            self.over.set_result(None)
        self.gone()

    def gone(self) -> None:
        """Tell whoever waits."""

    def write(self, data: bytes) -> None:
        if self.transport is None or self.transport.is_closing():
            raise Lost
        self.transport.write(data)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.read()

    def read(self) -> None:
        """Take what is whole out of the buffer."""


class Http(_Line):
    """A connection for one request after the other; after an upgrade it hears WebSocket frames."""

    def __init__(self, hear: Hear | None = None) -> None:
        super().__init__()
        self._hear = hear
        self._answer: asyncio.Future[Answer] | None = None
        self._upgraded = False

    def gone(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Lost())

    async def ask(
        self, method: str, target: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        """Ask; raise `Lost`."""
        self._answer = asyncio.get_running_loop().create_future()
        lines = [
            f"{method} {target} HTTP/1.1",
            f"Host: {HOST}",
            *(f"{name}: {text}" for name, text in headers),
        ]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        self.write("\r\n".join([*lines, "", ""]).encode() + body)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._answer
        except TimeoutError:
            raise Lost from None

    async def upgrade(self, target: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Become a WebSocket; raise `Lost` where the server would not."""
        wanted = [
            *headers,
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", b64encode(os.urandom(16)).decode()),
        ]
        if (await self.ask("GET", target, wanted)).status != 101:
            raise Lost

    def read(self) -> None:
        if self._upgraded:
            self._frames()
            return
        head, there, rest = self.buffer.partition(b"\r\n\r\n")
        if not there:
            return
        first, *lines = head.split(b"\r\n")
        headers = {}
        for line in lines:
            name, _, text = line.partition(b":")
            headers[name.strip().lower()] = text.strip()
        status = int(first.split()[1])
        size = 0 if status in {101, 204, 304} else int(headers.get(b"content-length", b"0"))
        if len(rest) < size or self._answer is None or self._answer.done():
            return
        self.buffer, self._upgraded = rest[size:], status == 101
        self._answer.set_result(Answer(status, headers, rest[:size]))
        if self._upgraded and self.buffer:
            self._frames()

    def _frames(self) -> None:
        """Hear text, answer pings, end with the other side (RFC 6455 §5; frames here are small and whole)."""
        while len(self.buffer) >= 2:
            code, size, begin = self.buffer[0] & 0x0F, self.buffer[1] & 0x7F, 2
            if size == 126:
                if len(self.buffer) < 4:
                    return
                size, begin = struct.unpack(">H", self.buffer[2:4])[0], 4
            if len(self.buffer) < begin + size:
                return
            payload, self.buffer = self.buffer[begin : begin + size], self.buffer[begin + size :]
            if code == 1 and self._hear is not None:
                self._hear(payload)
            elif code == 9:
                self._frame(10, payload)
            elif code == 8:
                self._frame(8, payload[:2])
                self.close()

    def _frame(self, code: int, payload: bytes) -> None:
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(bytes([0x80 | code, 0x80 | len(payload)]) + mask + masked)


class Mqtt(_Line):
    """A subscriber (MQTT 3.1.1, QoS 1, a clean session)."""

    def __init__(self, hear: Hear) -> None:
        super().__init__()
        self._hear = hear
        self._answer: asyncio.Future[bytes] | None = None
        self._beat: asyncio.TimerHandle | None = None

    def gone(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Lost())

    async def subscribe(self, name: str, password: str, topics: Sequence[str], keep_s: int = 60) -> None:
        """Come in as somebody and subscribe; raise `Lost` where the broker would not."""
        hello = _text("MQTT") + bytes([4, 0xC2]) + struct.pack(">H", keep_s)
        welcome = await self._talk(0x10, hello + _text(name) + _text(name) + _text(password))
        wanted = b"".join(_text(topic) + b"\x01" for topic in topics)
        granted = await self._talk(0x82, struct.pack(">H", 1) + wanted)
        if welcome[-1] != 0 or 0x80 in granted[2:]:
            raise Lost
        self._keep(keep_s)

    def _keep(self, keep_s: int) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(b"\xc0\x00")
            self._beat = asyncio.get_running_loop().call_later(keep_s * 0.9, self._keep, keep_s)

    async def _talk(self, kind: int, payload: bytes) -> bytes:
        self._answer = asyncio.get_running_loop().create_future()
        self.write(_packet(kind, payload))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._answer
        except TimeoutError:
            raise Lost from None

    def read(self) -> None:
        while (found := _take(self.buffer)) is not None:
            kind, payload, self.buffer = found
            if kind & 0xF0 == 0x30:
                self._published(kind, payload)
            elif kind & 0xF0 in {0x20, 0x90} and self._answer is not None and not self._answer.done():
                self._answer.set_result(payload)

    def _published(self, kind: int, payload: bytes) -> None:
        begin = 2 + struct.unpack(">H", payload[:2])[0]
        if kind & 0x06:
            if self.transport is not None and not self.transport.is_closing():
                self.transport.write(b"\x40\x02" + payload[begin : begin + 2])
            begin += 2
        self._hear(payload[begin:])


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def _packet(kind: int, payload: bytes) -> bytes:
    size, length = b"", len(payload)
    while True:
        length, low = divmod(length, 128)
        size += bytes([low | (0x80 if length else 0)])
        if not length:
            return bytes([kind]) + size + payload


def _take(buffer: bytes) -> tuple[int, bytes, bytes] | None:
    """Split off the first whole packet: its first byte, its payload, and the rest."""
    size, shift = 0, 0
    for index in range(1, min(len(buffer), 5)):
        size |= (buffer[index] & 0x7F) << shift
        shift += 7
        if not buffer[index] & 0x80:
            begin = index + 1
            if len(buffer) < begin + size:
                return None
            return buffer[0], buffer[begin : begin + size], buffer[begin + size :]
    return None


def json_of(answer: Answer) -> dict[str, object]:
    """Give the object in an answer; an empty one where there is none."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
