"""Endpoints take what they declare, give what they promise, and are checked when they are declared."""

import pytest
from aiohttp import FormData
from pydantic import BaseModel

from core.access.model import Principal, Role
from core.access.permissions import PermissionClash, PermissionRegistry, PermissionSpec
from core.config import Settings
from core.web.app import build_app
from core.web.endpoint import PUBLIC, EndpointInvalid, endpoint
from core.web.paging import Page
from core.web.ports import NobodyKnown
from core.web.replies import Html, Redirect, StreamReply
from core.web.schema import ApiModel
from tests.support.web import Thing, ThingPath, auth, registry


def declare(path="/x", method="GET", permission="thing.read", **more):
    return endpoint(method, path, permission=permission, summary_zh="甲", summary_en="A", **more)


async def test_query_lists_and_defaults(client):
    answer = await client.get("/api/v1/things?tag=a&tag=b&minimum=3", headers=auth())
    assert answer.status == 200
    assert await answer.json() == {"items": [{"name": "a,b", "by": "supervisor"}], "next_cursor": None}


async def test_create_gives_its_status(client):
    answer = await client.post("/api/v1/things", json={"name": "abc"}, headers=auth())
    assert (answer.status, await answer.json()) == (201, {"name": "abc", "by": "supervisor"})
    assert answer.content_type == "application/json"


async def test_none_is_no_content(client):
    answer = await client.delete(f"/api/v1/things/{'0' * 32}", headers=auth())
    assert (answer.status, await answer.read()) == (204, b"")


async def test_head_has_headers_and_no_body(client):
    answer = await client.head("/api/v1/file", headers=auth())
    assert (answer.status, answer.headers["Content-Length"], await answer.read()) == (200, "200000", b"")


@pytest.mark.parametrize("sent", [None, "unknown-token-0123456789", "no token at all", "短"])
async def test_without_a_known_token_nobody_enters(client, sent):
    headers = {"Authorization": f"Bearer {sent}"} if sent else {}
    answer = await client.get("/api/v1/things", headers=headers)
    assert answer.status == 401
    assert (await answer.json())["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_without_the_permission_nothing_happens(client):
    answer = await client.post("/api/v1/things", json={"name": "abc"}, headers=auth(Role.AGENT))
    assert (answer.status, (await answer.json())["code"]) == (403, "forbidden")


async def test_the_permission_is_checked_before_the_body(client):
    answer = await client.post("/api/v1/things", data=b"{", headers=auth(Role.AUDITOR))
    assert answer.status == 403


async def test_upload_is_streamed_and_limited(client):
    form = FormData(quote_fields=False)
    form.add_field("file", b"x" * 90_000, filename="../a/客户.csv", content_type="text/csv")
    answer = await client.post("/api/v1/upload", data=form, headers=auth())
    assert await answer.json() == {"name": "客户.csv", "by": "90000"}
    form = FormData()
    form.add_field("file", b"x" * 100_001, filename="a.csv")
    answer = await client.post("/api/v1/upload", data=form, headers=auth())
    assert (answer.status, (await answer.json())["code"]) == (413, "body-too-large")


async def test_upload_without_a_file_or_a_form(client):
    form = FormData()
    form.add_field("other", b"x", filename="a.csv")
    answer = await client.post("/api/v1/upload", data=form, headers=auth())
    assert (answer.status, (await answer.json())["violations"][0]["where"]) == (422, "body.file")
    answer = await client.post("/api/v1/upload", json={}, headers=auth())
    assert answer.status == 415
    broken = {**auth(), "Content-Type": "multipart/form-data; boundary=x"}
    bad_header = b'--x\r\nContent-Disposition: form-data; name="\x02"\r\n\r\na\r\n--x--\r\n'
    for body in (b"no boundary", bad_header):
        answer = await client.post("/api/v1/upload", data=body, headers=broken)
        assert answer.status in {400, 422}


@pytest.mark.parametrize(
    ("asked", "status", "first", "length", "told"),
    [
        ("bytes=0-99", 206, 0, 100, "bytes 0-99/200000"),
        ("bytes=199990-", 206, 199990, 10, "bytes 199990-199999/200000"),
        ("bytes=-5", 206, 199995, 5, "bytes 199995-199999/200000"),
        ("bytes=100000-999999999", 206, 100000, 100000, "bytes 100000-199999/200000"),
        ("bytes=5-1", 200, 0, 200000, None),
        ("bytes=0-1,5-6", 200, 0, 200000, None),
        ("lines=1-2", 200, 0, 200000, None),
    ],
)
async def test_ranges(client, asked, status, first, length, told):
    answer = await client.get("/api/v1/file", headers=auth() | {"Range": asked})
    data = await answer.read()
    assert (answer.status, len(data), answer.headers.get("Content-Range")) == (status, length, told)
    assert data == bytes((first + step) % 251 for step in range(length))
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=200000-", "bytes=-0"])
async def test_a_range_beyond_the_end(client, asked):
    answer = await client.get("/api/v1/file", headers=auth() | {"Range": asked})
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */200000")


async def test_a_stale_if_range_gives_the_whole_file(client):
    headers = auth() | {"Range": "bytes=0-9", "If-Range": '"old"'}
    assert (await client.get("/api/v1/file", headers=headers)).status == 200
    headers["If-Range"] = '"abc"'
    assert (await client.get("/api/v1/file", headers=headers)).status == 206


def test_a_public_endpoint_needs_a_reason_and_others_a_known_permission(settings: Settings):
    async def handler() -> Thing:
        raise AssertionError

    def build(*endpoints):
        build_app(settings, endpoints=endpoints, permissions=registry(), authenticator=NobodyKnown())

    with pytest.raises(EndpointInvalid, match="declares no permission"):
        build(declare(permission=None)(handler))
    with pytest.raises(EndpointInvalid, match="does not say why"):
        build(declare(permission=PUBLIC)(handler))
    with pytest.raises(EndpointInvalid, match="nobody declares"):
        build(declare(permission="thing.fly")(handler))
    with pytest.raises(EndpointInvalid, match="twice"):
        build(declare()(handler), declare()(handler))
    build(declare()(handler), declare(method="POST")(handler))


def test_two_templates_of_one_shape_are_one_route(settings: Settings):
    class One(ApiModel):
        one_id: str

    class Two(ApiModel):
        two_id: str

    async def first(*, path: One) -> None: ...

    async def second(*, path: Two) -> None: ...

    both = [declare("/a/{one_id}")(first), declare("/a/{two_id}")(second)]
    with pytest.raises(EndpointInvalid, match="twice"):
        build_app(settings, endpoints=both, permissions=registry(), authenticator=NobodyKnown())


class Loose(BaseModel):
    name: str


async def _positional(body: Thing) -> None: ...
async def _unknown(*, stuff: Thing) -> None: ...
async def _loose(*, body: Loose) -> None: ...
async def _untyped(*, body) -> None: ...
async def _with_body(*, body: Thing) -> None: ...
async def _no_return(): ...
async def _dict() -> dict: ...
async def _html() -> Html: ...
async def _stream() -> StreamReply: ...
async def _optional(*, principal: Principal | None) -> None: ...
async def _surplus_path(*, path: ThingPath) -> None: ...
def _sync() -> None: ...


@pytest.mark.parametrize(
    ("handler", "more"),
    [
        (_positional, {"method": "POST"}),
        (_unknown, {}),
        (_loose, {"method": "POST"}),
        (_untyped, {"method": "POST"}),
        (_with_body, {"method": "GET"}),
        (_no_return, {}),
        (_dict, {}),
        (_html, {}),
        (_stream, {}),
        (_optional, {}),
        (_surplus_path, {}),
        (_sync, {}),
        (_sync, {"path": "no-slash"}),
    ],
)
def test_a_signature_that_does_not_fit_is_refused_when_declared(handler, more):
    with pytest.raises(EndpointInvalid):
        declare(**more)(handler)


def test_a_page_may_be_of_any_model():
    async def handler() -> Page[Thing]: ...

    assert declare()(handler).response_model is Page[Thing]


@pytest.mark.parametrize("location", ["https://evil.example", "//evil.example", "/\\evil.example", "x"])
def test_a_redirect_stays_here(location):
    with pytest.raises(ValueError, match="stays on this site"):
        Redirect(location)


def test_a_permission_is_declared_once_and_well():
    spec = PermissionSpec("thing.read", "甲", "A", {})
    with pytest.raises(PermissionClash):
        PermissionRegistry([spec], [spec])
    with pytest.raises(PermissionClash):
        PermissionRegistry([PermissionSpec("Thing", "甲", "A", {})])
