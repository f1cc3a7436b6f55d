"""Which switch owns which leg, so that `calls` names legs only."""

from gateway.switch.errors import SwitchUnavailable
from gateway.switch.protocol import (
    AnswerText,
    Cancelled,
    Challenge,
    Ended,
    Failed,
    Hangup,
    Incoming,
    Originate,
    Ping,
    Refuse,
    RefuseRegister,
    Register,
    Registered,
    SendText,
    SwitchCommand,
    SwitchEvent,
    TextIn,
    TextResult,
)


class Routes:
    """Legs and register requests of each connected node; kept by what passes in both directions."""

    def __init__(self) -> None:
        self._nodes: dict[str, set[str]] = {}
        self._owner: dict[str, str] = {}

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(self._nodes)

    def legs(self, node: str) -> frozenset[str]:
        """Give the ids that live on `node`."""
        return frozenset(self._nodes.get(node, ()))

    def up(self, node: str) -> None:
        self._nodes[node] = set()

    def down(self, node: str) -> frozenset[str]:
        """Forget `node` and return the ids that died with it."""
        lost = frozenset(self._nodes.pop(node, ()))
        for name in lost:
            del self._owner[name]
        return lost

    def event(self, node: str, event: SwitchEvent) -> None:
        """Learn from an event of `node`."""
        match event:
            case Incoming(leg=name) | Register(request=name) | TextIn(request=name):
                self._add(node, name)
            case Failed(leg=name) | Ended(leg=name) | Cancelled(leg=name) | TextResult(request=name):
                self._remove(name)
            case _:
                pass

    def command(self, command: SwitchCommand) -> str:
        """Give the node that `command` is for, and learn from it.

        Raises `SwitchUnavailable` if no node is connected that could do it, or the leg is not alive.
        """
        match command:
            case Originate(leg=name) | SendText(request=name):
                node = self._least_busy()
                self._add(node, name)
                return node
            case Ping():
                return self._least_busy()
            case Challenge(leg=leg, request=request):
                return self._last(leg or request or "")
            case Registered(request=name) | RefuseRegister(request=name) | AnswerText(request=name):
                return self._last(name)
            case Hangup(leg=name) | Refuse(leg=name):
                return self._last(name)
            case _:
                return self._node_of(command.leg)

    def _least_busy(self) -> str:
        if not self._nodes:
            raise SwitchUnavailable
        return min(self._nodes, key=lambda node: len(self._nodes[node]))

    def _node_of(self, name: str) -> str:
        node = self._owner.get(name)
        if node is None:
            raise SwitchUnavailable("the leg is gone", detail_zh="话路已不存在。", leg=name)
        return node

    def _last(self, name: str) -> str:
        node = self._node_of(name)
        self._remove(name)
        return node

    def _add(self, node: str, name: str) -> None:
        self._nodes[node].add(name)
        self._owner[name] = node

    def _remove(self, name: str) -> None:
        node = self._owner.pop(name, None)
        if node is not None:
            self._nodes[node].discard(name)
