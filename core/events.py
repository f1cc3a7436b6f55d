"""Domain events: told in the caller's transaction, so that what must hold together holds together."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

E = TypeVar("E")
Handler = Callable[[AsyncSession, E], Awaitable[None]]


class EventBus:
    """Calls each subscriber in order; an error of one rolls the whole transaction back."""

    def __init__(self) -> None:
        self._handlers: dict[type[Any], list[Handler[Any]]] = defaultdict(list)

    def subscribe(self, kind: type[E], handler: Handler[E]) -> None:
        self._handlers[kind].append(handler)

    async def publish(self, session: AsyncSession, event: object) -> None:
        for handler in self._handlers[type(event)]:
            await handler(session, event)
