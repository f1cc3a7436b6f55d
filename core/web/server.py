"""Serves an application on a port or a Unix socket, strictly, and without echoing what it cannot parse."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from core.errors import Unavailable
from core.ids import new_id
from core.web.errors import InternalFault, RequestRefused
from core.web.problems import MEDIA_TYPE, problem_of
from core.web.security import set_headers

IDLE_S = 75.0


class ListenRefused(Unavailable):
    """The address cannot be listened on."""

    code = "listen-refused"
    zh = "无法监听该地址。"


class _Protocol(RequestHandler):
    """aiohttp's connection, except that a request it cannot parse gets a problem without a quotation."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        del message
        answer = super().handle_error(request, status, exc, "")  # logs the type; raises if bytes are out
        fault = InternalFault() if status >= 500 else RequestRefused()
        body = problem_of(fault, language="zh", request_id=new_id()).body()
        response = web.Response(
            text=json.dumps(body, ensure_ascii=False), content_type=MEDIA_TYPE, status=answer.status
        )
        set_headers(response, kind="api", nonce="", secure=False)
        response.headers["Server"] = "maskline"  # else aiohttp names itself and its version
        response.force_close()
        return response


class _Server(web.Server):
    """aiohttp's server, making our connections."""

    def __call__(self) -> RequestHandler:
        return _Protocol(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    """aiohttp's runner, making our server."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            loop=made._loop,  # noqa: SLF001 - aiohttp has no public hook for the protocol
            **made._kwargs,  # noqa: SLF001
        )


@asynccontextmanager
async def serve(
    app: web.Application,
    *,
    host: str | None = None,
    port: int = 0,
    path: Path | None = None,
    idle_s: float = IDLE_S,
) -> AsyncIterator[int]:
    """Listen on `host:port` or on the Unix socket `path` until the block ends.

    Gives the port, 0 for a socket. A connection on which no whole request head comes for `idle_s` is cut off.

    Raises:
        ListenRefused: the port is taken or the address is not ours.
    """
    runner = _Runner(
        app,
        access_log=None,
        keepalive_timeout=idle_s,
        shutdown_timeout=10,
        max_line_size=8190,
        max_field_size=8190,
    )
    await runner.setup()
    try:
        try:
            if path is not None:
                path.unlink(missing_ok=True)  # noqa: ASYNC240 - once, at the start
                site: web.BaseSite = web.UnixSite(runner, str(path))
            else:
                site = web.TCPSite(runner, host, port)
            await site.start()
        except OSError as error:
            where = str(path) if path is not None else f"{host}:{port}"
            raise ListenRefused(
                f"{where}: {error.strerror}", detail_zh=f"{where}：{error.strerror}"
            ) from None
        if path is not None:
            path.chmod(0o600)  # noqa: ASYNC240
        yield _port(runner)
    finally:
        await runner.cleanup()


def _port(runner: web.AppRunner) -> int:
    for site in runner.sites:
        server = getattr(site, "_server", None)
        for listening in getattr(server, "sockets", ()) or ():
            if listening.family in {socket.AF_INET, socket.AF_INET6}:
                port: int = listening.getsockname()[1]
                return port
    return 0
