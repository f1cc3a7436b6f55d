"""The live feed: one reader of the books for all open pages of this process, server-sent events for each.

State, not history: a stream is told the newest picture, never a list of what it missed. So a reconnect
needs no memory, a slow reader skips what is over, and one picture is all that a stream keeps waiting.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from core.access.model import Principal
from core.errors import Unavailable
from core.logging import get_logger
from core.tasks import cancel, spawn
from dashboard.live.pulse import Picture, Pulse, picture_of
from gateway.calls.permissions import CALL_READ

_log = get_logger(__name__)
RETRY_MS = 3000


class FeedFull(Unavailable):
    """Too many live pages are open on this server."""

    code = "live-feed-full"
    zh = "打开的实时页面过多。"


class Ending(StrEnum):
    """Why the server ends a stream; the page says it in words."""

    SESSION = "session"
    REPLACED = "replaced"
    CLOSING = "closing"


class Sessions(Protocol):
    """Who live sessions belong to now; `core.access.sessions.SessionBook` is the real one."""

    async def look_up(self, session_ids: Collection[str]) -> dict[str, Principal]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How many streams, and how often what is done, in seconds."""

    per_person: int = 6
    total: int = 500
    poll_s: float = 1.0
    recheck_s: float = 3.0
    heartbeat_s: float = 15.0
    write_timeout_s: float = 10.0


@dataclass(eq=False)
class _Stream:
    """One open page. `waiting` is the one thing that it will be told next."""

    principal: Principal
    told: Picture | None = None
    waiting: bytes | None = None
    ending: Ending | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, picture: Picture) -> None:
        if picture != self.told:
            self.told = picture
            self._say(_event("picture", _document(picture)))

    def doubt(self) -> None:
        """Say that what it knows may be old; the next picture is told even if nothing changed."""
        self.told = None
        self._say(_event("stale", {}))

    def end(self, why: Ending) -> None:
        self._say(_event("bye", {"reason": why.value}))
        self.ending = self.ending or why

    def _say(self, said: bytes) -> None:
        if self.ending is None:
            self.waiting = said
            self.woken.set()

    async def next(self, heartbeat_s: float) -> bytes:
        """Wait for something to say; after `heartbeat_s` a comment that keeps the connection alive."""
        try:
            async with asyncio.timeout(heartbeat_s):
                await self.woken.wait()
        except TimeoutError:
            return b": still here\n\n"
        self.woken.clear()
        said, self.waiting = self.waiting, None
        return said or b": still here\n\n"


class LiveFeed:
    """All streams of this process. It reads the books only while somebody watches."""

    def __init__(
        self,
        pulse: Pulse,
        sessions: Sessions,
        limits: Limits | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self._pulse = pulse
        self._sessions = sessions
        self._monotonic = monotonic
        self._streams: list[_Stream] = []
        self._watch: asyncio.Task[None] | None = None
        self._rechecked = monotonic()
        self._closed = False

    def __len__(self) -> int:
        return len(self._streams)

    async def picture(self, principal: Principal) -> Picture:
        """Give what this person would be told now. Read it before a page's content, never after."""
        return picture_of(await self._pulse.read(), principal)

    def check_room(self) -> None:
        """Raise `FeedFull` if there is no room for one more stream."""
        if self._closed or len(self._streams) >= self.limits.total:
            raise FeedFull(retry_after_s=30)

    async def stream(self, principal: Principal) -> AsyncIterator[bytes]:
        """Give server-sent events for one page until its session is over. The first is the whole picture."""
        stream = self._join(principal)
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            await self._begin(stream)
            while True:
                yield await stream.next(self.limits.heartbeat_s)
                if stream.ending is not None and stream.waiting is None:
                    return
        finally:
            self._streams.remove(stream)

    async def close(self) -> None:
        """End every stream: the server is about to stop."""
        self._closed = True
        for stream in self._streams:
            stream.end(Ending.CLOSING)
        await cancel(self._watch)

    def _join(self, principal: Principal) -> _Stream:
        """Add a stream. The newest page of a person wins over their oldest: that one may be long gone."""
        who = principal.employee_id
        own = [one for one in self._streams if one.principal.employee_id == who and one.ending is None]
        for old in own[: max(0, len(own) - self.limits.per_person + 1)]:
            old.end(Ending.REPLACED)
        stream = _Stream(principal)
        self._streams.append(stream)
        if self._closed or len(self._streams) > self.limits.total:
            stream.end(Ending.CLOSING)
        elif self._watch is None or self._watch.done():
            self._watch = spawn(self._watching(), name="live feed")
        return stream

    async def _begin(self, stream: _Stream) -> None:
        try:
            stream.tell(await self.picture(stream.principal))
        except Exception as error:  # noqa: BLE001 - the database is away: the page says so and stays
            self._doubt([stream], error)

    async def _watching(self) -> None:
        while self._streams:
            await asyncio.sleep(self.limits.poll_s)
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - see above; the next look may succeed
                self._doubt(self._streams, error)

    async def _look(self) -> None:
        """Tell every stream what changed for it."""
        if self._monotonic() - self._rechecked >= self.limits.recheck_s:
            await self._recheck()
        beat = await self._pulse.read()
        known: dict[object, Picture] = {}
        for stream in self._streams:
            who = stream.principal
            key = (who.employee_id, who.department_path, who.roles)
            if key not in known:
                known[key] = picture_of(beat, who)
            stream.tell(known[key])

    async def _recheck(self) -> None:
        """End the streams of sessions that are over; let changed roles and departments count."""
        streams = list(self._streams)
        alive = await self._sessions.look_up({stream.principal.session_id for stream in streams})
        self._rechecked = self._monotonic()
        for stream in streams:
            principal = alive.get(stream.principal.session_id)
            if principal is None or not principal.allows(CALL_READ):
                stream.end(Ending.SESSION)
            else:
                stream.principal = principal

    def _doubt(self, streams: Collection[_Stream], error: Exception) -> None:
        _log.error("live.books_unread", error_type=type(error).__name__)
        for stream in streams:
            stream.doubt()


def _document(picture: Picture) -> dict[str, dict[str, str | int]]:
    return {part.value: {"version": seen.version, "count": seen.count} for part, seen in picture.items()}


def _event(name: str, data: object) -> bytes:
    """Write one event (WHATWG HTML §9.2.6)."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
