"""Browsers are told to be strict; requests from elsewhere that ride on a cookie are refused."""

import pytest

from core.access.model import Role
from core.clock import ManualClock
from core.config import SecuritySettings, Settings, WebSettings
from core.web.app import build_app
from core.web.security import csrf_token
from tests.support.web import NOW, TOKENS, TokenBook, auth, make_endpoints, registry

COOKIE = {"Cookie": f"maskline={TOKENS[Role.SUPERVISOR]}"}
CSRF = {"X-CSRF-Token": csrf_token(TOKENS[Role.SUPERVISOR])}
BODY = {"name": "abc"}


@pytest.mark.parametrize(
    "path", ["/api/v1/things", "/api/v1/nowhere", "/healthz", "/api/v1/crash", "/api/v1/file"]
)
async def test_every_api_answer_is_strict(client, path):
    headers = (await client.get(path, headers=auth())).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; frame-ancestors 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Server" not in headers
    assert "Access-Control-Allow-Origin" not in headers


async def test_pages_allow_only_this_site(client):
    headers = (await client.get("/calls", headers=auth())).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'; script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cache-Control"] == "no-store"


async def test_the_style_nonce_is_fresh(client):
    seen = {(await client.get("/calls", headers=auth())).headers["Content-Security-Policy"] for _ in range(3)}
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("offered", "kept"),
    [
        ("abcd-1234", True),
        ("a" * 64, True),
        ("short", False),
        ("13912345678", False),
        ("a b c d e f", False),
        ("a" * 65, False),
    ],
)
async def test_only_safe_request_ids_come_in(client, offered, kept):
    answer = await client.get("/healthz", headers={"X-Request-ID": offered})
    assert (answer.headers["X-Request-ID"] == offered) is kept


async def test_the_cookie_alone_reads_but_does_not_write(client):
    assert (await client.get("/api/v1/things", headers=COOKIE)).status == 200
    answer = await client.post("/api/v1/things", json=BODY, headers=COOKIE)
    assert (answer.status, (await answer.json())["code"]) == (403, "csrf-refused")
    assert (await client.post("/api/v1/things", json=BODY, headers=COOKIE | CSRF)).status == 201


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"X-CSRF-Token": "wrong"}, 403),
        ({"X-CSRF-Token": "错"}, 403),
    ],
)
async def test_where_a_request_comes_from(client, more, status):
    answer = await client.post("/api/v1/things", json=BODY, headers=COOKIE | CSRF | more)
    assert answer.status == status


async def test_our_own_origin_is_welcome(client):
    origin = {"Origin": f"http://{client.host}:{client.port}"}
    assert (await client.post("/api/v1/things", json=BODY, headers=COOKIE | CSRF | origin)).status == 201


async def test_a_bearer_token_needs_no_csrf_token(client):
    answer = await client.post(
        "/api/v1/things", json=BODY, headers=auth() | {"Origin": "https://tool.example"}
    )
    assert answer.status == 201


async def test_a_form_carries_the_token_as_a_field(client):
    form = {"text": "甲", "csrf_token": CSRF["X-CSRF-Token"]}
    answer = await client.post("/calls", data=form, headers=COOKIE, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/calls")
    answer = await client.post("/calls", data={"text": "甲"}, headers=COOKIE, allow_redirects=False)
    assert answer.status == 403
    twice = b"text=a&text=b&csrf_token=" + CSRF["X-CSRF-Token"].encode()
    answer = await client.post(
        "/calls", data=twice, headers=COOKIE | {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status == 400


async def test_old_proof_is_not_enough_for_step_up(client, settings, aiohttp_client):
    clock = ManualClock(NOW)
    app = build_app(
        settings,
        endpoints=make_endpoints(),
        permissions=registry(),
        authenticator=TokenBook(verified_at=NOW.replace(hour=1)),
        clock=clock,
    )
    other = await aiohttp_client(app)
    answer = await other.delete(f"/api/v1/things/{'0' * 32}", headers=auth())
    assert (answer.status, (await answer.json())["code"]) == (403, "step-up-required")


async def test_cookies_are_strict(client):
    cookie = (await client.get("/api/v1/hello")).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie


async def test_behind_tls_cookies_are_bound_to_it(tmp_path, aiohttp_client):
    settings = Settings(
        data_dir=tmp_path,
        web=WebSettings(public_url="https://gw.example", trusted_proxies=("127.0.0.1/32",)),
        security=SecuritySettings(),
    )
    app = build_app(
        settings,
        endpoints=make_endpoints(),
        permissions=registry(),
        authenticator=TokenBook(),
        clock=ManualClock(NOW),
    )
    client = await aiohttp_client(app)
    answer = await client.get("/api/v1/hello", headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9"})
    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"]
    assert (await answer.json())["by"] == "nobody@203.0.113.9"
    secure = {"Cookie": f"__Host-maskline={TOKENS[Role.SUPERVISOR]}"} | CSRF
    assert (await client.get("/api/v1/things", headers=COOKIE)).status == 401
    wrong = {"Origin": f"http://{client.host}:{client.port}"}
    assert (await client.post("/api/v1/things", json=BODY, headers=secure | wrong)).status == 403
    right = {"Origin": "https://gw.example"}
    assert (await client.post("/api/v1/things", json=BODY, headers=secure | right)).status == 201
    # the world behind the proxy is not this machine
    assert (await client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})).status == 403


async def test_a_forwarded_header_from_anybody_counts_for_nothing(client):
    answer = await client.get("/api/v1/hello", headers={"X-Forwarded-For": "203.0.113.9"})
    assert (await answer.json())["by"] == "nobody@127.0.0.1"


@pytest.mark.parametrize(
    ("accept", "cookie", "language"),
    [
        ("", "", "zh"),
        ("en", "", "en"),
        ("en-GB,en;q=0.9", "", "en"),
        ("fr", "", "zh"),
        ("en;q=0.3, zh-TW;q=0.8", "", "zh"),
        ("zh;q=0.1, en", "", "en"),
        ("en;q=x", "", "zh"),
        ("en", "lang=zh", "zh"),
        ("zh", "lang=en", "en"),
        ("en", "lang=xx", "en"),
    ],
)
async def test_language(client, accept, cookie, language):
    answer = await client.get("/api/v1/hello", headers={"Accept-Language": accept, "Cookie": cookie})
    assert (await answer.json())["name"] == language
