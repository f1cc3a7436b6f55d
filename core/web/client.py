"""Who sends a request and in which language: behind trusted proxies only, and never by guess."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from aiohttp import hdrs, web

from core.config import Settings
from core.ids import new_id
from core.web.context import Language, RequestContext
from core.web.security import LANGUAGE_COOKIE, csrf_token, is_secure, session_cookie

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,200}")
_LONG_DIGITS = re.compile(r"\d{7,}")
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
_LANGUAGES: dict[str, Language] = {"zh": "zh", "en": "en"}
REQUEST_ID_HEADER = "X-Request-ID"


class ContextBuilder:
    """Builds the `RequestContext` of each request from the deployment's settings."""

    def __init__(self, settings: Settings) -> None:
        self._language: Language = settings.language
        self._secure = is_secure(settings)
        self._cookie = session_cookie(secure=self._secure)
        self._proxies = [ip_network(network, strict=False) for network in settings.web.trusted_proxies]

    def build(self, request: web.Request) -> RequestContext:
        peer = request.remote or ""
        source = self._source(request, peer)
        forwarded = any(name in request.headers for name in _FORWARDED)
        context = RequestContext(
            request_id=_request_id(request.headers.get(REQUEST_ID_HEADER, "")),
            source=source,
            language=_language(request, self._language),
            secure=self._secure,
            # A proxy on this machine speaks from loopback for the whole world: then only its header counts.
            is_loopback=_is_loopback(source) and (source != peer or not forwarded),
            path=request.path,
            style_nonce=secrets.token_urlsafe(16),
        )
        return self._with_token(request, context)

    def _with_token(self, request: web.Request, context: RequestContext) -> RequestContext:
        """A bearer token wins over the cookie. What cannot be a token is none."""
        scheme, _, bearer = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() == "bearer":
            token = bearer.strip()
            return replace(context, session_token=token) if _TOKEN.fullmatch(token) else context
        cookie = request.cookies.get(self._cookie, "")
        if not _TOKEN.fullmatch(cookie):
            return context
        return replace(context, session_token=cookie, token_from_cookie=True, csrf_token=csrf_token(cookie))

    def _source(self, request: web.Request, peer: str) -> str:
        """Walk X-Forwarded-For from the right as long as the hops are our own proxies (ASVS 4.1.3)."""
        if not _within(peer, self._proxies):
            return peer
        hops = [hop.strip() for hop in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
        for hop in reversed(hops):
            if not _is_address(hop):
                break
            peer = hop
            if not _within(hop, self._proxies):
                break
        return peer


def _request_id(offered: str) -> str:
    """Take an inbound id only if it is plain and cannot hide a phone number."""
    if _REQUEST_ID.fullmatch(offered) and not _LONG_DIGITS.search(offered):
        return offered
    return new_id()


def _language(request: web.Request, default: Language) -> Language:
    """The `lang` cookie, else Accept-Language by weight, else the deployment's language."""
    cookie = request.cookies.get(LANGUAGE_COOKIE, "")
    if cookie in _LANGUAGES:
        return _LANGUAGES[cookie]
    best: tuple[float, Language] = (0.0, default)
    for item in request.headers.get(hdrs.ACCEPT_LANGUAGE, "")[:200].split(","):
        tag, _, parameters = item.strip().partition(";")
        weight = _weight(parameters)
        primary = tag.partition("-")[0].lower()
        if primary in _LANGUAGES and weight > best[0]:
            best = (weight, _LANGUAGES[primary])
    return best[1]


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(text: str) -> bool:
    return _is_address(text) and ip_address(text).is_loopback


def _within(text: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in networks)
