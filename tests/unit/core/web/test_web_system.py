"""Status, metrics, the API description, and a server that does not echo what it cannot parse."""

import asyncio
import json

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from core.access.model import Role
from core.config import Settings
from core.status import State, overview
from core.web.app import build_app
from core.web.server import ListenRefused, serve
from tests.support.web import CANARY, Part, TokenBook, auth, make_endpoints, registry


async def test_alive(client):
    assert await (await client.get("/healthz")).json() == {"alive": True}


async def test_the_public_sees_one_word(client):
    assert await (await client.get("/status")).json() == {"state": "ok", "parts": None}
    assert await (await client.get("/status", headers=auth(Role.AGENT))).json() == {
        "state": "ok",
        "parts": None,
    }
    answer = await client.get("/status", headers=auth(Role.ADMINISTRATOR))
    assert (await answer.json())["parts"] == {"part": {"state": "ok", "facts": {"jobs": 3}}}


async def test_down_is_told_with_503(client, part):
    part.state = State.DEGRADED
    answer = await client.get("/status")
    assert (answer.status, (await answer.json())["state"]) == (200, "degraded")
    part.state = State.DOWN
    answer = await client.get("/status")
    assert (answer.status, (await answer.json())["state"]) == (503, "down")


async def test_a_part_that_fails_or_hangs_is_down_and_not_quoted(client, part):
    part.broken = True
    answer = await client.get("/status", headers=auth(Role.ADMINISTRATOR))
    assert (await answer.json())["parts"]["part"] == {"state": "down", "facts": {"error": "RuntimeError"}}

    class Hanging:
        name = "hanging"

        async def status(self):
            await asyncio.Event().wait()

    seen = await overview([Hanging(), Part()], timeout_s=0.01)
    assert (seen.state, seen.parts["part"].state) == (State.DOWN, State.OK)


async def test_no_parts_is_ok():
    assert (await overview([])).state is State.OK


async def test_metrics_count_templates_not_paths(client):
    await client.get("/api/v1/things/13912345678", headers=auth())
    await client.get("/api/v1/nowhere/13912345678")
    await client.request("PURGE", "/api/v1/things")
    text = await (await client.get("/metrics")).text()
    assert 'method="GET",route="/api/v1/things/{thing_id}",status="422"' in text
    assert 'route="unmatched",status="404"' in text
    assert "13912345678" not in text
    assert "PURGE" not in text


async def test_metrics_are_for_this_machine_or_who_may(client):
    foreign = {"X-Forwarded-For": "203.0.113.9"}
    assert (await client.get("/metrics", headers=foreign)).status == 403
    assert (await client.get("/metrics", headers=foreign | auth(Role.AGENT))).status == 403
    assert (await client.get("/metrics", headers=foreign | auth(Role.ADMINISTRATOR))).status == 200


async def test_the_description_is_valid_openapi_in_both_languages(client):
    for language, summary in (("zh", "新建"), ("en", "Create")):
        answer = await client.get("/openapi.json", headers={"Accept-Language": language})
        document = await answer.json()
        OpenAPIV31SpecValidator(document).validate()
        create = document["paths"]["/api/v1/things"]["post"]
        assert create["summary"] == summary
        assert create["x-permission"] == "thing.write"
        assert "thing.write" in create["description"]
        assert create["x-summary"] == {"zh": "新建", "en": "Create"}
        assert "409" in create["responses"]
        assert {"$ref": "#/components/schemas/Problem"} in [
            content["schema"] for content in create["responses"]["422"]["content"].values()
        ]
        listed = document["paths"]["/api/v1/things"]["get"]
        assert {parameter["name"] for parameter in listed["parameters"]} == {
            "cursor",
            "limit",
            "tag",
            "minimum",
        }
        assert document["paths"]["/api/v1/hello"]["get"]["security"] == []
        assert document["paths"]["/api/v1/hello"]["get"]["x-permission"] is None
        assert "206" in document["paths"]["/api/v1/file"]["get"]["responses"]
        assert set(document["components"]["securitySchemes"]) == {"bearer", "cookie", "signature"}
        assert "/calls" not in document["paths"]


@pytest.fixture
async def port(settings: Settings):
    app = build_app(settings, endpoints=make_endpoints(), permissions=registry(), authenticator=TokenBook())
    async with serve(app, host="127.0.0.1") as port:
        yield port


@pytest.mark.parametrize(
    "sent",
    [
        f"{CANARY} nonsense\r\n\r\n",
        f"GET /healthz HTTP/1.1\r\nHost: a\r\nBad Header {CANARY}\r\n\r\n",
        f"GET /healthz HTTP/9.9\r\nX: {CANARY}\r\n\r\n",
        f"POST /api/v1/things HTTP/1.1\r\nHost: a\r\nContent-Length: {CANARY}\r\n\r\n",
        f"GET /{CANARY * 2000} HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_what_cannot_be_parsed_is_not_echoed(port, sent):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent.encode())
    data = await reader.read()
    writer.close()
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.")
    assert head.split()[1] in {b"400", b"414", b"431", b"505"}
    assert json.loads(body)["code"] == "request-refused"
    assert CANARY.encode() not in data
    assert b"aiohttp" not in data


async def test_a_taken_port_is_one_clear_error(port, settings):
    app = build_app(settings, endpoints=[], permissions=registry(), authenticator=TokenBook())
    with pytest.raises(ListenRefused, match=f"127.0.0.1:{port}"):
        async with serve(app, host="127.0.0.1", port=port):
            raise AssertionError


async def test_a_unix_socket_is_private(settings, tmp_path):
    app = build_app(settings, endpoints=[], permissions=registry(), authenticator=TokenBook(), api_prefix="")
    path = tmp_path / "s.sock"
    async with serve(app, path=path) as port:
        assert port == 0
        assert path.stat().st_mode & 0o777 == 0o600
