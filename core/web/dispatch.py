"""One request through one endpoint: who, may they, what, call, answer."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from aiohttp import web

from core.access.model import Principal
from core.clock import Clock
from core.config import Settings
from core.errors import Unauthenticated
from core.logging import get_logger
from core.web.arguments import JSON_BODY_LIMIT, arguments, form_token, read_body
from core.web.context import CHALLENGE, CONTEXT, PRINCIPAL, RequestContext
from core.web.endpoint import Endpoint, Public
from core.web.errors import StepUpRequired, TimedOut
from core.web.ports import Authenticator
from core.web.responses import respond
from core.web.security import CSRF_HEADER, check_csrf, check_origin
from core.web.wire import WireRequest, wire_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
STEP_UP_MAX_AGE = timedelta(minutes=10)
_log = get_logger(__name__)


class Dispatcher:
    """Runs endpoints for one application."""

    def __init__(self, settings: Settings, authenticator: Authenticator, clock: Clock) -> None:
        self._settings = settings
        self._authenticator = authenticator
        self._clock = clock

    def handler(self, endpoint: Endpoint) -> Handler:
        """Give the aiohttp handler of an endpoint."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self.run(endpoint, request)

        return handle

    async def run(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        limit = asyncio.timeout(endpoint.timeout_s)
        try:
            async with limit:
                answer = await self._call(endpoint, request)
        except TimeoutError:
            if limit.expired():
                raise TimedOut(limit_s=endpoint.timeout_s) from None
            raise
        return await respond(request, endpoint, answer, secure=request[CONTEXT].secure)

    async def _call(self, endpoint: Endpoint, request: web.Request) -> object:
        context = request[CONTEXT]
        principal: Principal | None = None
        wire: WireRequest | None = None
        caller: object = None
        if endpoint.guard is None:
            principal = await self._admit(endpoint, request, context)
        else:  # before anything of the body is looked at
            wire = wire_of(request, await read_body(request, endpoint.max_body_bytes or JSON_BODY_LIMIT))
            try:
                caller = await endpoint.guard(wire)
            except Unauthenticated:
                if endpoint.challenge is not None:
                    request[CHALLENGE] = dict(endpoint.challenge(wire))
                raise
        found = await arguments(endpoint, request, upload_limit=self._settings.web.max_body_bytes)
        if "principal" in endpoint.takes:
            found["principal"] = principal
        if "context" in endpoint.takes:
            found["context"] = context
        if "caller" in endpoint.takes:
            found["caller"] = caller
        if "wire" in endpoint.takes:
            found["wire"] = wire
        return await endpoint.handler(**found)

    async def _admit(
        self, endpoint: Endpoint, request: web.Request, context: RequestContext
    ) -> Principal | None:
        """Find the principal; raise unless it may call this endpoint from where it does."""
        if context.session_token is None or context.token_from_cookie:
            check_origin(request, self._settings.web.public_url)
        principal = None
        if context.session_token is not None:
            principal = await self._authenticator.authenticate(context.session_token)
        if principal is not None:
            request[PRINCIPAL] = principal
            sent = request.headers.get(CSRF_HEADER) or await form_token(endpoint, request)
            check_csrf(request, context, sent)
        if isinstance(endpoint.permission, Public):
            return principal
        if principal is None:
            raise Unauthenticated
        if endpoint.permission is None:  # build_app refuses such an endpoint; this is the second lock
            raise Unauthenticated
        principal.require(endpoint.permission)
        if endpoint.step_up and self._clock.now() - principal.verified_at > STEP_UP_MAX_AGE:
            raise StepUpRequired
        return principal
