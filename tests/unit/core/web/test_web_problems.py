"""Bad input gets a clear problem document (invariant 11), and never its own value back."""

import json
from io import BytesIO

import pytest
from aiohttp import ClientError

from core.access.model import Role
from tests.support.web import CANARY, auth

MEDIA_TYPE = "application/problem+json"


async def problem(answer, status, code):
    body = await answer.json(content_type=MEDIA_TYPE)
    assert (answer.status, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == f"urn:maskline:problem:{code}"
    assert body["title"]
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert CANARY not in json.dumps(body)
    assert "Traceback" not in json.dumps(body)
    return body


@pytest.mark.parametrize(
    ("data", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "body-malformed"),
        (b"", "application/json", 400, "body-malformed"),
        (b"\xff\xfe", "application/json", 400, "body-malformed"),
        (b'{"name": NaN}', "application/json", 400, "body-malformed"),
        (b'{"name": "\\ud800"}', "application/json", 400, "body-malformed"),
        (b"[" * 100_000, "application/json", 400, "body-malformed"),
        (b"[]", "application/json", 422, "request-invalid"),
        (b"null", "application/json", 422, "request-invalid"),
        (b'"+8613912345678"', "application/json", 422, "request-invalid"),
        (b'{"name": "a\\u0000"}', "application/json", 422, "request-invalid"),
        (b'{"name": "abc", "size": 1e999}', "application/json", 422, "request-invalid"),
        (b'{"name": "abc", "size": 99999999999999999999}', "application/json", 422, "request-invalid"),
        (b'{"name": "abc"}', "text/plain", 415, "media-type-unsupported"),
        (b"name=abc", "application/x-www-form-urlencoded", 415, "media-type-unsupported"),
        (b'{"name": "' + b"a" * 1_100_000 + b'"}', "application/json", 413, "body-too-large"),
    ],
)
async def test_bad_bodies(client, data, content_type, status, code):
    answer = await client.post(
        "/api/v1/things", data=BytesIO(data), headers=auth() | {"Content-Type": content_type}
    )
    await problem(answer, status, code)


@pytest.mark.parametrize(
    ("body", "where", "said"),
    [
        ({}, "body.name", "This field is required."),
        ({"name": CANARY}, "body.name", "This may have at most 5 characters."),
        ({"name": 13912345678}, "body.name", "This must be a string."),
        ({"name": "abc", "size": CANARY}, "body.size", "This must be a whole number."),
        ({"name": "abc", "size": "5"}, "body.size", "This must be a whole number."),
        ({"name": "abc", "size": True}, "body.size", "This must be a whole number."),
        ({"name": "abc", "size": 0}, "body.size", "This must be at least 1."),
        ({"name": "abc", CANARY: 1}, "body.*", "There is an unknown field."),
        ({"name": "a b"}, "body.name", "No spaces."),
        ({"name": "bad"}, "body.name", "This value is not acceptable."),
        (
            {"name": "abc", "parts": [{"thing_id": CANARY}]},
            "body.parts.0.thing_id",
            "This does not have the required form.",
        ),
        ({"name": "abc", "parts": {CANARY: 1}}, "body.parts", "This must be an array."),
        ({"name": "abc", "colour": CANARY}, "body.colour", None),
        ({"name": "abc", "secret": [CANARY]}, "body.secret", "This must be a string."),
    ],
)
async def test_faults_name_the_field_and_not_the_value(client, body, where, said):
    answer = await client.post("/api/v1/things", json=body, headers=auth())
    told = await problem(answer, 422, "request-invalid")
    assert told["violations"][0]["where"] == where
    assert said is None or told["violations"][0]["problem"] == said


@pytest.mark.parametrize(
    ("query", "where"),
    [
        (f"minimum={CANARY.replace('+', '%2B')}", "query.minimum"),
        ("minimum=11", "query.minimum"),
        ("minimum=1&minimum=2", "query.minimum"),
        ("8613912345678=1&8613912345678=2", "query.*"),
        ("unknown=1", "query.*"),
        ("limit=0", "query.limit"),
        ("tag=a&tag=b&tag=c&tag=d", "query.tag"),
        ("tag=%00", "query.tag.0"),
    ],
)
async def test_bad_queries(client, query, where):
    answer = await client.get(f"/api/v1/things?{query}", headers=auth())
    told = await problem(answer, 422, "request-invalid")
    assert told["violations"][0]["where"] == where


async def test_a_query_where_none_is_expected(client):
    await problem(await client.get("/api/v1/crash?x=1", headers=auth()), 422, "request-invalid")


async def test_a_bad_id_in_the_path(client):
    told = await problem(
        await client.get("/api/v1/things/13912345678", headers=auth()), 422, "request-invalid"
    )
    assert told["violations"][0]["where"] == "path.thing_id"


async def test_unknown_routes_and_methods(client):
    await problem(await client.get("/api/v1/nowhere/13912345678"), 404, "route-unknown")
    answer = await client.put("/api/v1/things", headers=auth())
    await problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD, POST"


async def test_domain_errors_speak_both_languages(client):
    body = {"name": "twice"}
    told = await problem(await client.post("/api/v1/things", json=body, headers=auth()), 409, "conflict")
    assert (told["title"], told["detail"], told["facts"]) == (
        "This contradicts what is already there.",
        "It is there.",
        {"thing": "x"},
    )
    chinese = auth() | {"Accept-Language": "zh-CN"}
    answer = await client.post("/api/v1/things", json=body, headers=chinese)
    assert (await answer.json())["detail"] == "已经存在。"
    assert answer.headers["Content-Language"] == "zh"


async def test_an_unexpected_error_keeps_its_text_to_itself(client, caplog):
    told = await problem(await client.get("/api/v1/crash", headers=auth()), 500, "internal")
    assert "detail" not in told
    assert CANARY not in caplog.text


async def test_a_silent_database_is_told_and_not_quoted(client):
    await problem(await client.get("/api/v1/no-database", headers=auth()), 503, "unavailable")


async def test_waiting_is_told(client):
    answer = await client.get("/api/v1/busy", headers=auth())
    await problem(answer, 429, "too-many")
    assert answer.headers["Retry-After"] == "7"


async def test_a_slow_handler_is_given_up(client):
    await problem(await client.get("/api/v1/slow", headers=auth()), 503, "timed-out")


async def test_a_broken_stream_never_looks_whole(client):
    answer = await client.get("/api/v1/broken-stream", headers=auth())
    with pytest.raises(ClientError, match=r"payload|closed|Connection") as caught:
        await answer.read()
    assert CANARY not in str(caught.value)


async def test_a_compressed_body_is_refused(client):
    headers = auth() | {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = await client.post(
        "/api/v1/things", data=b"\x1f\x8b\x00", headers=headers, skip_auto_headers=["Content-Encoding"]
    )
    assert answer.status in {400, 415}
    assert CANARY not in await answer.text()


async def test_pages_show_errors_as_pages(client):
    answer = await client.get("/oops", headers=auth(Role.AGENT))
    text = await answer.text()
    assert (answer.status, answer.content_type) == (500, "text/html")
    assert CANARY not in text
    assert answer.headers["X-Request-ID"] in text
    answer = await client.get("/calls?text=13912345678", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=/calls")
