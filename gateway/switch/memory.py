"""The link's twin in memory: the same behaviour without a socket, for tests and demonstrations."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from gateway.switch.link import LinkDown, LinkEvent, LinkUp, NodeStatus
from gateway.switch.protocol import Hello, SwitchCommand, SwitchEvent
from gateway.switch.routes import Routes

C = TypeVar("C", bound=SwitchCommand)


class InMemorySwitch:
    """A `SwitchLink` whose far end is played by the test: `connect`, `emit`, `next`, `disconnect`."""

    def __init__(self) -> None:
        self.sent: list[SwitchCommand] = []
        self._routes = Routes()
        self._hellos: dict[str, Hello] = {}
        self._events: asyncio.Queue[LinkEvent | None] = asyncio.Queue()
        self._commands: asyncio.Queue[SwitchCommand] = asyncio.Queue()

    # the side that `calls` sees

    @property
    def connected(self) -> bool:
        return bool(self._hellos)

    def send(self, command: SwitchCommand) -> None:
        self._routes.command(command)
        self.sent.append(command)
        self._commands.put_nowait(command)

    async def events(self) -> AsyncIterator[LinkEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    def status(self) -> tuple[NodeStatus, ...]:
        return tuple(
            NodeStatus(node, hello.sip_host, hello.sip_port, len(self._routes.legs(node)), None)
            for node, hello in self._hellos.items()
        )

    async def close(self) -> None:
        """End `events()`."""
        self._events.put_nowait(None)

    # the side that the test plays

    def connect(self, node: str = "memory", *, sip_host: str = "127.0.0.1", sip_port: int = 5070) -> None:
        """Let a switch appear. Raises `ValueError` if one of that name is there: the server refuses it."""
        if node in self._hellos:
            raise ValueError(node)
        hello = Hello(node=node, sip_host=sip_host, sip_port=sip_port)
        self._hellos[node] = hello
        self._routes.up(node)
        self._events.put_nowait(LinkUp(node, hello))

    def disconnect(self, node: str = "memory") -> None:
        """Let a switch die with all its legs."""
        del self._hellos[node]
        self._events.put_nowait(LinkDown(node, self._routes.down(node)))

    def emit(self, event: SwitchEvent, *, node: str = "memory") -> None:
        """Say something as the switch would."""
        self._routes.event(node, event)
        self._events.put_nowait(event)

    async def next(self, kind: type[C]) -> C:
        """Wait for the next command, which must be of `kind`."""
        command = await self._commands.get()
        if not isinstance(command, kind):
            raise TypeError(f"expected {kind.__name__}, got {type(command).__name__}")
        return command
