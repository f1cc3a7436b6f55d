"""A request as it came over the wire: what a signature over it is checked against."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class WireRequest:
    """Method, target (path and query exactly as sent), header lines in their order, and the whole body."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """Give a header's lines joined as RFC 9110 §5.3 says, or None."""
        lines = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(lines) if lines else None


Guard = Callable[[WireRequest], Awaitable[Any]]
"""Admits a sender who is no employee, or raises. What it gives is the handler's `caller`."""
Challenge = Callable[[WireRequest], Mapping[str, str]]
"""Gives the headers with which a 401 says how this request should prove its sender (RFC 9110 §11.6.1)."""


def wire_of(request: web.BaseRequest, body: bytes = b"") -> WireRequest:
    """Take a request down as it came. `body` is what was read of it."""
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
    return WireRequest(request.method, request.raw_path, headers, body)
