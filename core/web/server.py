"""Serves an application on a port or a Unix socket, strictly, and without echoing what it cannot parse."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from core.errors import Unavailable
from core.ids import new_id
from core.web.errors import InternalFault, RequestRefused
from core.web.problems import MEDIA_TYPE, problem_of


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
        response.force_close()
        return response


class _Runner(web.AppRunner):
    """An `AppRunner` that uses our protocol."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        options = dict(server._kwargs)  # noqa: SLF001 - aiohttp has no public hook for this
        make: Any = lambda: _Protocol(server, loop=server._loop, **options)  # noqa: E731, SLF001
        server.__class__ = type("_Server", (web.Server,), {"__call__": lambda _self: make()})
        return server


@asynccontextmanager
async def serve(
    app: web.Application, *, host: str | None = None, port: int = 0, path: Path | None = None
) -> AsyncIterator[int]:
    """Listen on `host:port` or on the Unix socket `path` until the block ends; gives the port (0 for a socket).

    Raises:
        ListenRefused: the port is taken or the address is not ours.
    """
    runner = _Runner(
        app, access_log=None, keepalive_timeout=75, shutdown_timeout=10, max_line_size=8190, max_field_size=8190
    )
    await runner.setup()
    try:
        try:
            if path is not None:
                path.unlink(missing_ok=True)
                site: web.BaseSite = web.UnixSite(runner, str(path))
            else:
                site = web.TCPSite(runner, host, port)
            await site.start()
        except OSError as error:
            where = str(path) if path is not None else f"{host}:{port}"
            raise ListenRefused(f"{where}: {error.strerror}", detail_zh=f"{where}：{error.strerror}") from None
        if path is not None:
            path.chmod(0o600)
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
