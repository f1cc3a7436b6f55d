"""One connected switch, seen from the server: greeting, lines in, lines out, and when it counts as lost."""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator

from core.errors import Unavailable
from core.logging import get_logger
from gateway.switch.lines import LineBuffer
from gateway.switch.protocol import (
    PROTOCOL_VERSION,
    Hello,
    LineInvalid,
    Pong,
    SwitchCommand,
    SwitchEvent,
    decode_event,
    encode,
)

_log = get_logger(__name__)
_MAX_UNSENT_BYTES = 4 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


class PeerLost(Unavailable):
    """The connection to the switch ended."""

    code = "switch-peer-lost"
    zh = "与电话交换的连接已中断。"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Peer:
    """A switch that has said hello."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, silence_s: float
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._silence_s = silence_s
        self._buffer = LineBuffer()
        self._early: list[bytes] = []
        self.hello = Hello(node="unknown", sip_host="unknown", sip_port=1)
        self.last_pong: Pong | None = None

    @classmethod
    async def greet(
        cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, silence_s: float
    ) -> "Peer":
        """Wait for the first line. Raises `PeerLost` if it is not a hello of our version and our user."""
        if _user_of(writer) != os.geteuid():
            raise PeerLost("other user")
        peer = cls(reader, writer, silence_s=silence_s)
        while not peer._early:
            peer._early = await peer._lines()
        try:
            first = decode_event(peer._early.pop(0))
        except LineInvalid:
            raise PeerLost("no hello") from None
        if not isinstance(first, Hello):
            raise PeerLost("no hello")
        if first.version != PROTOCOL_VERSION:
            raise PeerLost("other protocol version")
        peer.hello = first
        return peer

    @property
    def node(self) -> str:
        return self.hello.node

    def send(self, command: SwitchCommand) -> None:
        """Queue a line. A switch that does not read for long is cut off."""
        if self._writer.transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            self.abort()
            return
        self._writer.write(encode(command))

    def abort(self) -> None:
        self._writer.transport.abort()

    async def events(self) -> AsyncIterator[SwitchEvent]:
        """Give what the switch says, pongs and bad lines left out. Ends by raising `PeerLost`."""
        lines, self._early = self._early, []
        while True:
            for line in lines:
                event = self._decoded(line)
                if event is not None:
                    yield event
            lines = await self._lines()

    def _decoded(self, line: bytes) -> SwitchEvent | None:
        try:
            event = decode_event(line)
        except LineInvalid:
            _log.warning("link.bad_line", node=self.node, size=len(line))
            return None
        if isinstance(event, Pong):
            self.last_pong = event
            return None
        return None if isinstance(event, Hello) else event

    async def _lines(self) -> list[bytes]:
        try:
            async with asyncio.timeout(self._silence_s):
                data = await self._reader.read(_CHUNK_BYTES)
        except TimeoutError:
            raise PeerLost("silence") from None
        except OSError:
            raise PeerLost("broken") from None
        if not data:
            raise PeerLost("closed")
        return self._buffer.feed(data)


def _user_of(writer: asyncio.StreamWriter) -> int:
    """Ask the kernel who is at the other end (SO_PEERCRED, unix(7))."""
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    _, user, _ = struct.unpack("3i", raw)
    return int(user)
