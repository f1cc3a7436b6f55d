"""Around every request: its context, its log line and measure, strict headers, and errors as problems."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Protocol
from urllib.parse import quote, urlsplit

import structlog
from aiohttp import ClientConnectionResetError, hdrs, web
from aiohttp.typedefs import Middleware
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from core.access.grants import ACCOUNT_SESSIONS
from core.errors import MasklineError, TooMany, Unauthenticated, Unavailable
from core.logging import get_logger
from core.web.client import REQUEST_ID_HEADER, ContextBuilder
from core.web.context import CHALLENGE, CODE, CONTEXT, PRINCIPAL
from core.web.dispatch import Handler
from core.web.errors import InternalFault, RangeUnsatisfiable, StepUpRequired, UpgradeMissing
from core.web.ports import ErrorPage
from core.web.problems import MEDIA_TYPE, from_aiohttp, problem_of, where_raised
from core.web.security import SAFE_METHODS, set_headers
from core.web.telemetry import HttpMetrics, route_template

KindOf = Callable[[web.Request], str]
_log = get_logger(__name__)


def observe(contexts: ContextBuilder, metrics: HttpMetrics) -> Middleware:
    """Make the outermost middleware: request id, one log line, one measure."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        context = request[CONTEXT] = contexts.build(request)
        with structlog.contextvars.bound_contextvars(request_id=context.request_id):
            status = 499  # the client went away before there was an answer
            try:
                response = await handler(request)
                status = response.status
                return response
            finally:
                elapsed_s = time.perf_counter() - started
                metrics.observe(request, status, elapsed_s)
                principal = request.get(PRINCIPAL)
                _log.info(
                    "http.request",
                    method=request.method,
                    route=route_template(request),
                    status=status,
                    duration_ms=round(elapsed_s * 1000, 1),
                    principal_id=None if principal is None else principal.id,
                    code=request.get(CODE),
                )

    return middleware


class PageWays(Protocol):
    """What of the pages the middleware needs; `core.web.app.Pages` is one."""

    @property
    def error_page(self) -> ErrorPage | None: ...

    @property
    def login_path(self) -> str | None: ...

    @property
    def confirm_path(self) -> str | None: ...


def explain(kind_of: KindOf, pages: PageWays) -> Middleware:
    """Make the middleware that turns every error into a problem document, or a page for people."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        headers: dict[str, str] = {}
        try:
            return await handler(request)
        except MasklineError as error:
            fault = error
        except web.HTTPException as error:
            if error.status < 400:
                return web.Response(status=error.status, headers=error.headers)
            fault = from_aiohttp(error)
            headers = _allow(error)
        except (OperationalError, InterfaceError, PoolTimeout) as error:  # the database does not answer
            _log.error("http.database", error_type=type(error).__name__, where=where_raised(error))
            fault = Unavailable()
        except ClientConnectionResetError:  # a reader left in the middle of a recording
            raise
        except Exception as error:  # noqa: BLE001 - the last resort (ASVS 16.5.4); its text goes nowhere
            _log.error("http.unhandled", error_type=type(error).__name__, where=where_raised(error))
            fault = InternalFault()
        is_page = kind_of(request) == "page"
        elsewhere = _elsewhere(request, fault, pages) if is_page else None
        if elsewhere is not None:
            return web.Response(status=303, headers={hdrs.LOCATION: elsewhere})
        context = request[CONTEXT]
        problem = problem_of(fault, language=context.language, request_id=context.request_id)
        request[CODE] = problem.code
        headers |= _extra(request, fault, context.language)
        if is_page and pages.error_page is not None:
            text = pages.error_page(problem, context)
            return web.Response(text=text, content_type="text/html", status=problem.status, headers=headers)
        text = json.dumps(problem.body(), ensure_ascii=False)
        return web.Response(text=text, content_type=MEDIA_TYPE, status=problem.status, headers=headers)

    return middleware


def _elsewhere(request: web.Request, fault: MasklineError, pages: PageWays) -> str | None:
    """Where a person goes to make good what is missing: to log in, or to prove who they are once more."""
    reading = request.method in SAFE_METHODS
    if isinstance(fault, Unauthenticated) and reading and pages.login_path:
        # The path only: a query may hold what somebody searched for.
        return f"{pages.login_path}?next={quote(request.path)}"
    principal = request.get(PRINCIPAL)
    if (
        isinstance(fault, StepUpRequired)
        and pages.confirm_path
        and principal is not None
        and principal.allows(ACCOUNT_SESSIONS)
    ):
        sent_from = urlsplit(request.headers.get(hdrs.REFERER, ""))
        back = request.path if reading else sent_from.path if sent_from.netloc == request.host else "/"
        return f"{pages.confirm_path}?next={quote(back or '/')}"
    return None


def _allow(error: web.HTTPException) -> dict[str, str]:
    if isinstance(error, web.HTTPMethodNotAllowed):
        return {hdrs.ALLOW: ", ".join(sorted(error.allowed_methods))}
    return {}


def _extra(request: web.Request, fault: MasklineError, language: str) -> dict[str, str]:
    """Give the headers that RFC 9110 and 6585 ask for with certain statuses."""
    headers: dict[str, str] = {hdrs.CONTENT_LANGUAGE: language}
    if isinstance(fault, Unauthenticated):
        headers |= request.get(CHALLENGE) or {hdrs.WWW_AUTHENTICATE: "Bearer"}
    if isinstance(fault, RangeUnsatisfiable):
        headers[hdrs.CONTENT_RANGE] = f"bytes */{fault.facts.get('size', 0)}"
    if isinstance(fault, UpgradeMissing):
        headers[hdrs.UPGRADE] = "websocket"
    wait = fault.facts.get("retry_after_s")
    if isinstance(fault, TooMany) and isinstance(wait, int | float):
        headers[hdrs.RETRY_AFTER] = str(max(1, round(wait)))
    return headers


def harden(kind_of: KindOf) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Make the signal handler that puts strict headers and the request id on every answer."""

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        context = request.get(CONTEXT)
        if context is None:
            return
        set_headers(response, kind=kind_of(request), nonce=context.style_nonce, secure=context.secure)
        response.headers[REQUEST_ID_HEADER] = context.request_id

    return on_prepare
