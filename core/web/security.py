"""What protects a browser: strict headers, and proof that a request comes from our own pages."""

import hashlib
import hmac
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from core.config import Settings
from core.web.context import RequestContext
from core.web.errors import CsrfRefused

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
LANGUAGE_COOKIE = "lang"

_API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "media-src 'self' blob:; connect-src 'self'; font-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Under no-referrer browsers send "Origin: null" with our own forms, which the origin check refuses.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def is_secure(settings: Settings) -> bool:
    """Say whether people reach us over TLS, so that cookies may be bound to it."""
    choice = settings.security.cookie_secure
    return choice == "always" or (choice == "auto" and settings.web.url.startswith("https://"))


def session_cookie(*, secure: bool) -> str:
    """Name the session cookie. `__Host-` ties it to this host and to TLS (RFC 6265bis §4.1.3.2)."""
    return "__Host-maskline" if secure else "maskline"


def csrf_token(session_token: str) -> str:
    """Derive the token that our own pages send back; it cannot be turned into the session's token."""
    return hashlib.sha256(b"maskline-csrf|" + session_token.encode()).hexdigest()


def check_origin(request: web.Request, public_url: str | None) -> None:
    """Refuse an unsafe request that a browser sends from elsewhere (Fetch Metadata, RFC 6454)."""
    if request.method in SAFE_METHODS:
        return
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise CsrfRefused
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return
    parts = urlsplit(public_url) if public_url else None
    allowed = (
        {f"{parts.scheme}://{parts.netloc}"}
        if parts
        else {f"http://{request.host}", f"https://{request.host}"}
    )
    if origin not in allowed:
        raise CsrfRefused


def check_csrf(request: web.Request, context: RequestContext, sent: str | None) -> None:
    """Refuse an unsafe request that rides on the cookie without the token of its session."""
    if request.method in SAFE_METHODS or not context.token_from_cookie or context.csrf_token is None:
        return
    if sent is None or not hmac.compare_digest(sent.encode(), context.csrf_token.encode()):
        raise CsrfRefused


def set_headers(response: web.StreamResponse, *, kind: str, nonce: str, secure: bool) -> None:
    """Put the strict headers on an answer. `kind` is "api", "page" or "static"."""
    headers = response.headers
    headers.update(_ALWAYS)
    headers["Content-Security-Policy"] = _API_POLICY if kind == "api" else _PAGE_POLICY.format(nonce=nonce)
    headers["Cache-Control"] = "no-cache" if kind == "static" else "no-store"
    headers.pop("Server", None)
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
