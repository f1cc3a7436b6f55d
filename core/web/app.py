"""Puts endpoints, pages and the middlewares together; refuses to start when one of them is not in order."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry

from core.access.permissions import PermissionRegistry
from core.clock import Clock, SystemClock
from core.config import Settings
from core.status import StatusProvider
from core.web.client import ContextBuilder
from core.web.dispatch import Dispatcher
from core.web.endpoint import Endpoint, EndpointInvalid, Public
from core.web.middleware import explain, harden, observe
from core.web.openapi import ApiDescription
from core.web.ports import Authenticator, ErrorPage
from core.web.security import is_secure, session_cookie
from core.web.system import description_endpoint, system_endpoints
from core.web.telemetry import HttpMetrics

API_PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class StaticFolder:
    """Files that anybody may read, below `prefix` such as "/static"."""

    prefix: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages for people: page endpoints, static files, the look of an error, where to log in.

    `confirm_path` is where somebody proves once more who they are, for endpoints with `step_up`.
    `closing` ends what would keep connections open, before the server waits for them.
    """

    endpoints: Sequence[Endpoint] = ()
    static: Sequence[StaticFolder] = ()
    error_page: ErrorPage | None = None
    login_path: str | None = None
    confirm_path: str | None = None
    closing: Sequence[Callable[[], Awaitable[None]]] = ()


def build_app(
    settings: Settings,
    *,
    endpoints: Iterable[Endpoint],
    permissions: PermissionRegistry,
    authenticator: Authenticator,
    pages: Pages | None = None,
    providers: Iterable[StatusProvider] = (),
    registry: CollectorRegistry | None = None,
    clock: Clock | None = None,
    api_prefix: str = API_PREFIX,
) -> web.Application:
    """Build the application.

    Raises:
        EndpointInvalid: no or an unknown permission, a public endpoint without a reason, or a route twice.
    """
    pages = pages or Pages()
    registry = registry or CollectorRegistry()
    documents: dict[str, dict[str, object]] = {}
    api = [(api_prefix + endpoint.path, endpoint) for endpoint in endpoints]
    api += [(endpoint.path, endpoint) for endpoint in system_endpoints(list(providers), registry)]
    described = description_endpoint(documents)
    api.append((described.path, described))
    shown = [(endpoint.path, endpoint) for endpoint in pages.endpoints]
    _check([*api, *shown], permissions)

    secure = is_secure(settings)
    description = ApiDescription(api, permissions, cookie=session_cookie(secure=secure))
    documents |= {"zh": description.document("zh"), "en": description.document("en")}

    kind_of = _KindOf(pages, api_prefix)
    app = web.Application(
        middlewares=[
            observe(ContextBuilder(settings), HttpMetrics(registry)),
            explain(kind_of, pages),
        ],
        client_max_size=settings.web.max_body_bytes,
    )
    dispatcher = Dispatcher(settings, authenticator, clock or SystemClock())
    for path, endpoint in [*api, *shown]:
        handler = dispatcher.handler(endpoint)
        app.router.add_route(endpoint.method, path, handler)
        if endpoint.method == "GET":
            app.router.add_route("HEAD", path, handler)
    for static in pages.static:
        app.router.add_static(static.prefix, static.folder, append_version=False, show_index=False)
    app.on_response_prepare.append(harden(kind_of))
    for close in pages.closing:
        app.on_shutdown.append(_ending(close))
    return app


def _ending(close: Callable[[], Awaitable[None]]) -> Callable[[web.Application], Awaitable[None]]:
    async def on_shutdown(_app: web.Application) -> None:
        await close()

    return on_shutdown


class _KindOf:
    """Tells whether a request is for the API, a page or a static file: by its path alone."""

    def __init__(self, pages: Pages, api_prefix: str) -> None:
        self._static = tuple(static.prefix.rstrip("/") + "/" for static in pages.static)
        self._api = (api_prefix + "/", "/openapi.json", "/healthz", "/status", "/metrics")
        self._has_pages = bool(pages.endpoints)

    def __call__(self, request: web.Request) -> str:
        if self._static and request.path.startswith(self._static):
            return "static"
        if not self._has_pages or request.path.startswith(self._api):
            return "api"
        return "page"


def _check(routes: Iterable[tuple[str, Endpoint]], permissions: PermissionRegistry) -> None:
    """Refuse what would leave a door open (invariant 7: least sight)."""
    seen: set[tuple[str, str]] = set()
    for path, endpoint in routes:
        name = f"{endpoint.method} {path}"
        if endpoint.permission is None:
            raise EndpointInvalid(f"{name} declares no permission; name one, or say PUBLIC and why")
        if isinstance(endpoint.permission, Public):
            if not endpoint.public_reason:
                raise EndpointInvalid(f"{name} is public and does not say why")
        elif endpoint.permission not in permissions:
            raise EndpointInvalid(f"{name} asks for {endpoint.permission!r}, which nobody declares")
        shape = (
            endpoint.method,
            "/".join("{}" if part.startswith("{") else part for part in path.split("/")),
        )
        if shape in seen:
            raise EndpointInvalid(f"{name} is there twice")
        seen.add(shape)
