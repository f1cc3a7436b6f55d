"""What a handler may answer besides a pydantic model: cookies, files with ranges, streams, pages."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from aiohttp import web

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie to set (or, with an empty value, to delete). Always HttpOnly unless said, SameSite=Strict."""

    name: str
    value: str = field(repr=False)
    max_age_s: int | None = None
    http_only: bool = True


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """A JSON body together with a status, headers or cookies. `body=None` sends no content."""

    body: T
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[Cookie, ...] = ()


class RangeSource(Protocol):
    """Something readable at any offset; an open blob is one. `size` in bytes."""

    @property
    def size(self) -> int: ...

    async def read(self, offset: int, length: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class FileReply:
    """A file with HTTP Range (RFC 9110 section 14). `file_name` must hold no personal data."""

    source: RangeSource
    media_type: str
    file_name: str
    etag: str | None = None
    download: bool = False


@dataclass(frozen=True, slots=True)
class StreamReply:
    """Bytes as they come: an export, an event stream. `file_name` makes it a download.

    A reader that takes no chunk for `write_timeout_s` is cut off; None waits as long as the connection lives.
    """

    chunks: AsyncIterator[bytes]
    media_type: str
    file_name: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    write_timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class SocketReply:
    """A WebSocket (RFC 6455), open as long as `talk` runs; one that is not asked for as such gets 426.

    A silent other side is pinged after `heartbeat_s` and given up when it does not answer.
    """

    talk: Callable[[web.WebSocketResponse], Awaitable[None]]
    heartbeat_s: float | None = 60.0
    max_frame_bytes: int = 4096


@dataclass(frozen=True, slots=True)
class Html:
    """A rendered page."""

    text: str
    status: int = 200
    cookies: tuple[Cookie, ...] = ()


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go elsewhere on this site: a path, never another origin."""

    location: str
    cookies: tuple[Cookie, ...] = ()

    def __post_init__(self) -> None:
        if not self.location.startswith("/") or self.location[1:2] in {"/", "\\"}:
            raise ValueError("a redirect stays on this site")


Answer = Reply[object] | FileReply | StreamReply | SocketReply | Html | Redirect
