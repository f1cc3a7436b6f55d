"""What a handler may know about the request besides its typed parameters."""

from dataclasses import dataclass, field
from typing import Literal

from aiohttp import web

from core.access.model import Principal

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request. `source` is the client's address after trusted proxies; tokens are never printed.

    `csrf_token` belongs to the cookie's session and goes into the `X-CSRF-Token` header (or the form field
    `csrf_token`) of every unsafe request. `style_nonce` allows one inline style sheet of a page.
    """

    request_id: str
    source: str
    language: Language
    secure: bool
    is_loopback: bool
    path: str
    style_nonce: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    token_from_cookie: bool = False
    csrf_token: str | None = field(default=None, repr=False)


CONTEXT: web.RequestKey[RequestContext] = web.RequestKey("context", RequestContext)
PRINCIPAL: web.RequestKey[Principal] = web.RequestKey("principal", Principal)
BODY: web.RequestKey[bytes] = web.RequestKey("body", bytes)
CHALLENGE: web.RequestKey[dict[str, str]] = web.RequestKey("challenge", dict)
CODE: web.RequestKey[str] = web.RequestKey("code", str)
