"""The link over a Unix socket: the server in `calls` that each switch connects to by its name."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from core.logging import get_logger
from core.tasks import cancel, spawn
from gateway.switch.errors import SwitchSocketInUse, SwitchSocketPathInvalid, SwitchUnavailable
from gateway.switch.link import LinkDown, LinkEvent, LinkUp, NodeStatus
from gateway.switch.peer import Peer, PeerLost
from gateway.switch.protocol import Ping, SwitchCommand
from gateway.switch.routes import Routes

_log = get_logger(__name__)
_MAX_UNREAD_EVENTS = 10_000


class LinkServer:
    """A Unix socket (0600, same user only) that any number of switches connect to.

    A connection that says nothing for `silence_s` although it is asked each `ping_interval_s` is cut.
    A second connection of the same name is refused while the first lives.
    """

    def __init__(self, path: Path, *, ping_interval_s: float = 2.0, silence_s: float = 10.0) -> None:
        self._path = path
        self._ping_interval_s = ping_interval_s
        self._silence_s = silence_s
        self._routes = Routes()
        self._peers: dict[str, Peer] = {}
        self._queue: asyncio.Queue[LinkEvent | None] = asyncio.Queue()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def connected(self) -> bool:
        return bool(self._peers)

    async def start(self) -> None:
        """Open the socket. Raises `SwitchSocketInUse` or `SwitchSocketPathInvalid`."""
        if len(os.fsencode(self._path)) > 107:
            raise SwitchSocketPathInvalid
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _clear_stale(self._path)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            os.fchmod(listener.fileno(), 0o600)  # Linux gives the socket's mode to its file: no open moment
            listener.bind(str(self._path))
            self._server = await asyncio.start_unix_server(self._accept, sock=listener)
        except BaseException:
            listener.close()
            raise

    async def close(self) -> None:
        """Close the socket and all connections; the switches hang up by themselves, `events()` ends."""
        if self._closed:
            return
        self._closed = True
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        await cancel(*self._tasks)
        self._queue.put_nowait(None)

    def send(self, command: SwitchCommand) -> None:
        peer = self._peers.get(self._routes.command(command))
        if peer is None:
            raise SwitchUnavailable
        peer.send(command)

    async def events(self) -> AsyncIterator[LinkEvent]:
        while (event := await self._queue.get()) is not None:
            yield event

    def status(self) -> tuple[NodeStatus, ...]:
        return tuple(
            NodeStatus(
                node=node,
                sip_host=peer.hello.sip_host,
                sip_port=peer.hello.sip_port,
                legs=len(self._routes.legs(node)),
                last_pong=peer.last_pong,
            )
            for node, peer in self._peers.items()
        )

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = spawn(self._serve(reader, writer), name="switch-link-peer")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pinger: asyncio.Task[None] | None = None
        peer: Peer | None = None
        try:
            peer = await Peer.greet(reader, writer, silence_s=self._silence_s)
            self._up(peer)
            pinger = spawn(self._ping(peer), name="switch-link-ping")
            async for event in peer.events():
                self._routes.event(peer.node, event)
                self._put(event)
        except PeerLost as lost:
            _log.warning("link.lost", reason=lost.reason, node=peer.node if peer else None)
        finally:
            if peer is not None and self._peers.get(peer.node) is peer:
                self._down(peer.node)
            writer.transport.abort()
            await cancel(pinger)
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _up(self, peer: Peer) -> None:
        if peer.node in self._peers:
            raise PeerLost("another switch has this name")
        self._peers[peer.node] = peer
        self._routes.up(peer.node)
        _log.info("link.up", node=peer.node)
        self._put(LinkUp(peer.node, peer.hello))

    def _down(self, node: str) -> None:
        del self._peers[node]
        lost = self._routes.down(node)
        _log.warning("link.down", node=node, count=len(lost))
        self._put(LinkDown(node, lost))

    def _put(self, event: LinkEvent) -> None:
        self._queue.put_nowait(event)
        if self._queue.qsize() > _MAX_UNREAD_EVENTS and not isinstance(event, LinkUp | LinkDown):
            raise PeerLost("calls does not keep up")  # no control, no call

    async def _ping(self, peer: Peer) -> None:
        sequence = 0
        while True:
            sequence += 1
            peer.send(Ping(sequence=sequence))
            await asyncio.sleep(self._ping_interval_s)


def _clear_stale(path: Path) -> None:
    """Remove the file of a server that died. Raises `SwitchSocketInUse` if one lives there."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise SwitchSocketInUse
