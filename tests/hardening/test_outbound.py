"""Where the server itself opens a connection: a short list, bound to settings; nobody's input leads it anywhere."""

import ast
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.messages.channels.wecom.sources import HttpArchive
from gateway.messages.errors import ChannelUnavailable
from tests.browser.stage import Stage
from tests.hardening.asking import filled, is_open, named
from tests.hardening.test_every_route import ids_of_wang_on

ROOT = Path(__file__).parents[2]
WINGS = ("core", "gateway", "qa", "devicepolicy", "dashboard", "maskline")
OPENERS = {
    "ClientSession", "TCPConnector", "UnixConnector", "open_connection", "open_unix_connection", "create_connection",
    "create_unix_connection", "create_datagram_endpoint", "urlopen", "urlretrieve", "HTTPConnection",
    "HTTPSConnection", "connect_ex", "getaddrinfo", "gethostbyname", "Popen", "create_subprocess_exec",
    "create_subprocess_shell", "system", "CDLL", "Client", "AsyncClient",
}  # fmt: skip
PHONES = ROOT / "devicepolicy" / "agent"
"""The phone's own program, which asks the server that it was enrolled with; no part of the server."""
KNOWN = {
    "core/ledger/timestamping/authority.py": "the timestamp authority of the settings; no redirect is followed",
    "core/webhook.py": "the other system of the settings (alerts.webhook_url); no redirect is followed",
    "gateway/calls/client.py": "the calls process: a Unix socket of the data folder",
    "gateway/messages/channels/smpp/session.py": "the SMSC of the settings (smpp.accounts)",
    "gateway/messages/channels/wecom/sources.py": "the vendor's library of the settings (wecom.library_path)",
    "gateway/switch/run.py": "the C library of this process, to end with its parent",
    "devicepolicy/wake/client.py": "the MQTT broker of the settings",
    "maskline/demo/phone.py": "the demo's own phone",
    "maskline/wiring/channels.py": "the archive's service of the settings (wecom.url); no redirect is followed",
    "maskline/background.py": "our own address, to see whether the server is up; and our own program",
    "maskline/supervisor.py": "our own processes",
    "maskline/demo/api.py": "the demo's own server",
    "maskline/demo/messages.py": "the demo's own server",
    "maskline/demo/fleet.py": "the demo's own server",
}
"""Every file that opens a connection or starts a program, and where that leads. A new one must say so here."""
MODULES = {"http.client", "urllib.request", "ftplib", "smtplib", "telnetlib", "requests", "httpx", "paramiko"}
ADDRESSES = ("http://127.0.0.1:{port}/x", "//127.0.0.1:{port}/x", "127.0.0.1:{port}", "file:///etc/passwd")


def test_the_server_opens_connections_where_this_list_says_and_nowhere_else() -> None:
    """Whoever writes a new one is asked here where it leads and who says so."""
    found = set()
    for wing in WINGS:
        for path in (ROOT / wing).rglob("*.py"):
            if not path.is_relative_to(PHONES) and _opens(ast.parse(path.read_text(encoding="utf-8"))):
                found.add(path.relative_to(ROOT).as_posix())
    assert found - set(KNOWN) == set(), "say in KNOWN where it leads"
    assert found == set(KNOWN), "what is gone leaves the list"


def _opens(tree: ast.AST) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in OPENERS:
                return True
        if isinstance(node, ast.Import) and any(alias.name in MODULES for alias in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            return True
    return False


class Trap:
    """A server that must never be called. `calls` are what came all the same."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls.append((await reader.read(200)).decode("latin-1"))
        writer.close()


@pytest.fixture
async def trap() -> AsyncIterator[tuple[Trap, int]]:
    trap = Trap()
    server = await asyncio.start_server(trap.take, "127.0.0.1", 0)
    yield trap, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_no_address_that_somebody_sends_is_ever_opened(
    stage: Stage, http: aiohttp.ClientSession, trap: tuple[Trap, int]
) -> None:
    """In every text of every body, in the query, and in every header that names a place."""
    caught, port = trap
    ids = await ids_of_wang_on(stage)
    texts = asked = 0
    for path, endpoint in stage.routes:
        model = endpoint.models.get("body")
        if model is None or endpoint.kind != "api" or is_open(endpoint) or "{" in path:
            continue
        body = filled(model, ids, stage)
        fields = [
            name for name, field in model.model_fields.items()
            if name not in named(model, ids) and str in (field.annotation, *getattr(field.annotation, "__args__", ()))
        ]  # fmt: skip
        for address in ADDRESSES:
            texts += len(fields)
            asked += 1
            token = stage.run(stage.seeder.token("wang" if "message" in path or "note" in path else "admin"))
            where = address.format(port=port)
            headers = {
                "Authorization": f"Bearer {token}", "Referer": where, "X-Forwarded-Host": f"127.0.0.1:{port}",
                "X-Callback-Url": where, "Link": f"<{where}>", "Forwarded": f"host=127.0.0.1:{port}",
            }  # fmt: skip
            wish = {**body, **dict.fromkeys(fields, where)}
            async with http.request(endpoint.method, stage.url + path, json=wish, headers=headers) as answer:
                assert answer.status < 500, (endpoint.name, answer.status)
                assert "root:" not in await answer.text()
    assert texts > 20
    assert asked > 20
    assert caught.calls == []
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"red before green")
    await reader.read()
    writer.close()
    assert caught.calls == ["red before green"], "the trap does catch"


@pytest.fixture
async def vendor() -> AsyncIterator[tuple[TestServer, list[web.Request]]]:
    """The archive's service, that answers with a redirect to somewhere inside."""
    came: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        came.append(request)
        raise web.HTTPFound("/inside")

    app = web.Application()
    app.router.add_get("/archive/{tail:.*}", answer)
    app.router.add_get("/inside", answer)
    server = TestServer(app)
    await server.start_server()
    yield server, came
    await server.close()


@pytest.mark.parametrize(
    "file_id",
    [
        "../inside",
        "http://127.0.0.1:9/x",
        "//127.0.0.1/x",
        "a?b=c&id=d",
        "a#b",
        "\r\nHost: evil",
        "@evil",
        "%2e%2e/",
        "01a2016eac317301a7d74df32372a2cb",
    ],
)
async def test_the_archives_service_is_asked_at_its_own_address_and_followed_nowhere(
    http: aiohttp.ClientSession, vendor: tuple[TestServer, list[web.Request]], file_id: str
) -> None:
    """A file's id is a value of the query; a redirect is no answer."""
    server, came = vendor
    archive = HttpArchive(http, str(server.make_url("/archive")), "token")
    for ask in (archive.media(file_id), archive.fetch(0, 10)):
        with pytest.raises(ChannelUnavailable):
            await ask
    assert [request.path for request in came] == ["/archive/media", "/archive/chatdata"]
    assert dict(came[0].query) == {"id": file_id}
    assert {request.headers["Host"] for request in came} == {f"{server.host}:{server.port}"}
