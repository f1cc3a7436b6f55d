"""What every kind of answer carries and never carries; odd methods, hosts, types and requests within requests."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from core.clock import ManualClock
from core.web.security import csrf_token
from gateway.calls.models import CallRow
from gateway.messages.channels.webchat.channel import WebChatChannel, WebChatOptions
from tests.browser.stage import Stage
from tests.hardening.conftest import START
from tests.hardening.wire import head_of, request, said, status_of

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}
NEVER = ("access-control-allow-origin", "x-powered-by", "x-aspnet-version", "public-key-pins")


def strict(head: dict[str, str], *, cache: str = "no-store") -> None:
    """Require what every answer must have."""
    for name, value in ALWAYS.items():
        assert head.get(name) == value, (name, head)
    policy = head["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert head["cache-control"] == cache
    assert head.get("referrer-policy") in {"same-origin", "no-referrer"}
    assert not set(NEVER) & set(head)
    assert head.get("server", "maskline") == "maskline", "neither the library nor its version"


async def wav_of(stage: Stage) -> str:
    async with stage.ground.database.read() as session:
        row = await session.get_one(CallRow, stage.seeded.calls["clean"])
        return f"/api/v1/calls/{row.id}/recording"


async def test_every_kind_of_answer(stage: Stage, http: aiohttp.ClientSession) -> None:
    """A page, data, a file and a part of it, a stream, a redirect, a refusal, nothing there, a fault of form."""
    headers = {"Authorization": f"Bearer {stage.run(stage.seeder.token('zhao'))}"}
    wav = stage.run(wav_of(stage))
    asked: list[tuple[str, str, int, dict[str, str]]] = [
        ("GET", "/inspections", 200, {}),
        ("HEAD", "/inspections", 200, {}),
        ("GET", "/api/v1/calls", 200, {}),
        ("GET", wav, 200, {}),
        ("GET", wav, 206, {"Range": "bytes=0-99"}),
        ("GET", wav, 416, {"Range": "bytes=999999999-"}),
        ("GET", "/live/events", 200, {}),
        ("GET", "/employees/new", 403, {}),
        ("GET", "/api/v1/nothing", 404, {}),
        ("GET", "/nothing", 404, {}),
        ("GET", "/calls/nonsense", 422, {}),
        ("GET", "/healthz", 200, {}),
        ("GET", "/openapi.json", 200, {}),
        ("DELETE", "/api/v1/calls", 405, {}),
        ("OPTIONS", "/api/v1/calls", 405, {"Origin": "https://evil.example"}),
        ("OPTIONS", "/inspections", 405, {"Access-Control-Request-Method": "POST"}),
        ("TRACE", "/inspections", 405, {}),
        ("PROPFIND", "/", 405, {}),
        ("POST", "/api/v1/session", 415, {"Content-Type": "text/xml"}),
    ]
    for method, path, status, more in asked:
        async with http.request(
            method, stage.url + path, headers=headers | more, allow_redirects=False
        ) as answer:
            assert answer.status == status, (method, path, answer.status)
            strict({name.lower(): value for name, value in answer.headers.items()})
            if method == "TRACE":
                assert headers["Authorization"] not in await answer.text()
    async with http.get(f"{stage.url}/inspections", allow_redirects=False) as answer:
        assert answer.status == 303
        strict({name.lower(): value for name, value in answer.headers.items()})


@pytest.mark.parametrize(
    ("path", "status", "cache"),
    [
        ("/static/favicon.svg", 200, "no-cache"),
        ("/static/none.css", 404, "no-cache"),
        ("/static/", 403, "no-cache"),
    ],
)
async def test_files_of_the_pages(
    stage: Stage, http: aiohttp.ClientSession, path: str, status: int, cache: str
) -> None:
    """The same for everybody: kept, but asked for anew; the folder shows no list."""
    async with http.get(stage.url + path) as answer:
        assert answer.status == status
        strict({name.lower(): value for name, value in answer.headers.items()}, cache=cache)


@pytest.fixture
async def chat() -> AsyncIterator[str]:
    """The customer's site by itself; nobody says anything on it here."""
    channel = WebChatChannel(
        WebChatOptions(secure=True),
        clock=ManualClock(START),
        tokens=None,
        history=None,  # type: ignore[arg-type]
    )
    server = TestServer(channel.app())
    await server.start_server()
    yield str(server.make_url("/")).rstrip("/")
    await server.close()


async def test_the_customers_page(chat: str, http: aiohttp.ClientSession) -> None:
    """The page, its files, what is not there, what it does not do, and a WebSocket from another site."""
    for method, path, status in (
        ("GET", "/", 200), ("HEAD", "/", 200), ("GET", "/chat.js", 200), ("GET", "/nothing", 404),
        ("POST", "/", 405), ("TRACE", "/", 405), ("GET", "/ws", 403), ("GET", "/../channel.py", 404),
        ("GET", "/%2e%2e/channel.py", 404), ("GET", "/..%2fchannel.py", 404), ("GET", "/chat.js%00.css", 404),
    ):  # fmt: skip
        async with http.request(method, chat + path, headers={"Origin": "https://evil.example"}) as answer:
            assert answer.status == status, (method, path)
            strict({name.lower(): value for name, value in answer.headers.items()})
            assert "Set-Cookie" not in answer.headers
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("text/plain", b'{"name": "x"}'),
        ("application/xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"),
        ("application/x-www-form-urlencoded", b"name=x"),
        ("multipart/form-data; boundary=x", b"--x--\r\n"),
        ("application/json, text/plain", b'{"name": "x"}'),
        ("", b'{"name": "x"}'),
    ],
)
async def test_a_body_is_what_it_says_or_nothing(
    stage: Stage, http: aiohttp.ClientSession, kind: str, data: bytes
) -> None:
    """A form of another site can send text/plain without asking; data are taken as JSON only."""
    headers = {"Authorization": f"Bearer {stage.run(stage.seeder.token('admin'))}", "Content-Type": kind}
    async with http.post(f"{stage.url}/api/v1/departments", data=data, headers=headers) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (
            415,
            "media-type-unsupported",
        )


async def test_whatever_host_is_asked_for_no_answer_names_it(stage: Stage) -> None:
    """Host, X-Forwarded-Host, an absolute target: nothing is built of them, and no cache could be poisoned."""
    token = stage.run(stage.seeder.token("lin"))
    for line, host in (
        ("GET /today HTTP/1.1", "evil.example"),
        ("GET http://evil.example/today HTTP/1.1", "localhost"),
        ("GET / HTTP/1.1", "evil.example:80@localhost"),
    ):
        for cookie in ((), (f"Cookie: maskline={token}",)):
            more = (
                "X-Forwarded-Host: evil.example",
                "X-Original-URL: /employees",
                "Forwarded: host=evil.example",
            )
            answer = await said(stage.url, request(line, *cookie, *more, host=host))
            assert status_of(answer) in {200, 303, 400, 403, 404}, answer[:200]
            assert b"evil.example" not in answer, line


async def test_another_host_gives_no_right_to_write(stage: Stage) -> None:
    """A page whose name was turned to this machine (DNS rebinding) has no cookie, and no token of a session."""
    token = stage.run(stage.seeder.token("admin"))
    for more in (
        (),
        (f"Cookie: maskline={token}",),
        (f"Cookie: maskline={token}", f"X-CSRF-Token: {'0' * 64}"),
    ):
        answer = await said(
            stage.url,
            request(
                "POST /api/v1/departments HTTP/1.1", "Origin: http://evil.example", "Content-Length: 12",
                "Content-Type: application/json", *more, body=b'{"name":"x"}', host="evil.example",
            ),
        )  # fmt: skip
        assert status_of(answer) in {401, 403}


SECOND = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 6", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: chunked", "Content-Length: 6"),
        ("Content-Length: 6", "Content-Length: 7"),
        ("Content-Length: 6, 7",),
        ("Content-Length: +6",),
        ("Content-Length: 0x6",),
        ("Content-Length: -1",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding : chunked",),
        ("Transfer-Encoding:\x0bchunked",),
        ("X: a\r\n folded: b",),
    ],
)
async def test_a_request_within_a_request_is_not_answered(stage: Stage, headers: tuple[str, ...]) -> None:
    """What two servers could read differently (RFC 9112 §6.3) is refused, and the connection is over."""
    lines = ("POST /api/v1/session HTTP/1.1", "Host: localhost", "Content-Type: application/json", *headers)
    data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + b"0\r\n\r\n" + SECOND
    answer = await said(stage.url, data)
    assert status_of(answer) == 400, answer[:300]
    assert answer.count(b"HTTP/1.") == 1, "the second request was answered"
    assert b"smuggled" not in answer
    strict(head_of(answer))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_heads_without_measure_or_form(stage: Stage, data: bytes) -> None:
    answer = await said(stage.url, data, then_close=True)
    assert status_of(answer) in {0, 400, 414, 431}, answer[:200]
    if answer:
        strict(head_of(answer))


async def test_a_cookie_alone_opens_no_stream_for_another_site(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    """A live stream is read with a session; no header lets another origin read it."""
    token = stage.run(stage.seeder.token("chen"))
    headers = {"Cookie": f"maskline={token}", "Origin": "https://evil.example"}
    async with http.get(f"{stage.url}/live/events", headers=headers) as answer:
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert csrf_token(token) != token
