"""What `calls` holds of the switch: a link that takes commands and gives events, in order."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from gateway.switch.protocol import Hello, Pong, SwitchCommand, SwitchEvent


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A switch connected; calls are possible from now on."""

    node: str
    hello: Hello


@dataclass(frozen=True, slots=True)
class LinkDown:
    """A switch is gone, and with it these legs and register requests. It hangs them up by itself."""

    node: str
    legs: frozenset[str]


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One connected switch: where it listens for SIP and what it last counted."""

    node: str
    sip_host: str
    sip_port: int
    legs: int
    last_pong: Pong | None


LinkEvent: TypeAlias = SwitchEvent | LinkUp | LinkDown


class SwitchLink(Protocol):
    """What `calls` needs of the switch. Events come in the order in which they happened."""

    @property
    def connected(self) -> bool:
        """Tell whether at least one switch is there."""

    def send(self, command: SwitchCommand) -> None:
        """Queue a command for the switch that owns its leg; `Originate` goes to the least busy one.

        Raises `SwitchUnavailable` if there is none, or if the leg is not alive any more.
        """

    def events(self) -> AsyncIterator[LinkEvent]:
        """Give all events, `LinkUp` and `LinkDown` among them, until the link is closed. One reader."""

    def status(self) -> tuple[NodeStatus, ...]:
        """Give a view of each connected switch."""
