"""Each part's own view of its health, and the one word that sums them up."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from core.logging import get_logger

_log = get_logger(__name__)

Fact = str | int | float | bool | None


class State(StrEnum):
    """ok: works. degraded: works, with less than it should. down: does not work."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


_WORST_LAST = (State.OK, State.DEGRADED, State.DOWN)


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What a part says of itself. `facts` are shown to administrators: counts and states, no secrets."""

    state: State
    facts: Mapping[str, Fact] = field(default_factory=dict)


class StatusProvider(Protocol):
    """A part that can say how it is. It must answer within two seconds, else it counts as down."""

    @property
    def name(self) -> str: ...

    async def status(self) -> PartStatus: ...


@dataclass(frozen=True, slots=True)
class Overview:
    """The worst state of all parts, and each part's own."""

    state: State
    parts: Mapping[str, PartStatus]


async def overview(providers: Iterable[StatusProvider], *, timeout_s: float = 2.0) -> Overview:
    """Ask every part at the same time. One that fails or does not answer is down; its error is not quoted."""
    providers = list(providers)
    answers = await asyncio.gather(*(_ask(provider, timeout_s) for provider in providers))
    parts = {provider.name: answer for provider, answer in zip(providers, answers, strict=True)}
    worst = max((part.state for part in parts.values()), key=_WORST_LAST.index, default=State.OK)
    return Overview(worst, parts)


async def _ask(provider: StatusProvider, timeout_s: float) -> PartStatus:
    try:
        async with asyncio.timeout(timeout_s):
            return await provider.status()
    except Exception as error:  # noqa: BLE001 - a part that cannot say how it is, is down
        _log.warning("status.part_failed", name=provider.name, error_type=type(error).__name__)
        return PartStatus(State.DOWN, {"error": type(error).__name__})


class DatabaseStatus:
    """Whether the database answers."""

    name = "database"

    def __init__(self, database: "Checkable") -> None:
        self._database = database

    async def status(self) -> PartStatus:
        await self._database.check()
        return PartStatus(State.OK)


class Checkable(Protocol):
    """Something that raises if it does not answer; `core.db.Database` is one."""

    async def check(self) -> None: ...
