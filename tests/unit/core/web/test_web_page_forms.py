"""Forms of pages: fields before a file, their limits and their CSRF token; a proof of identity that is due."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient

from core.access.grants import ACCESS_PERMISSIONS
from core.access.model import Principal, Role
from core.access.permissions import PermissionRegistry
from core.clock import ManualClock
from core.config import Settings
from core.web.app import Pages, build_app
from core.web.endpoint import Endpoint, EndpointInvalid, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel
from core.web.security import csrf_token
from core.web.system import SYSTEM_PERMISSIONS
from core.web.upload import Upload
from tests.support.web import NOW, PERMISSIONS, TOKENS

TOKEN = TOKENS[Role.SUPERVISOR]
REGISTRY = PermissionRegistry(PERMISSIONS, SYSTEM_PERMISSIONS, ACCESS_PERMISSIONS)


class Choice(ApiModel):
    mode: str = "?"


class Book:
    """One supervisor, who proved who they are at noon."""

    async def authenticate(self, token: str) -> Principal | None:
        if token != TOKEN:
            return None
        grants = REGISTRY.grants_for([Role.SUPERVISOR])
        return Principal("a" * 32, None, "/", frozenset({Role.SUPERVISOR}), grants, "s1", NOW)


def pages() -> list[Endpoint]:
    @endpoint(
        "POST",
        "/files",
        kind="page",
        permission="thing.write",
        max_body_bytes=10_000,
        summary_zh="上传",
        summary_en="Upload",
    )
    async def upload(*, body: Choice, upload: Upload) -> Html:
        return Html(f"{body.mode} {len(await upload.read())}")

    @endpoint(
        "POST", "/rights", kind="page", permission="thing.write", step_up=True, summary_zh="", summary_en=""
    )
    async def rights(*, body: Choice) -> Redirect:
        return Redirect("/")

    @endpoint(
        "GET", "/secret", kind="page", permission="thing.read", step_up=True, summary_zh="", summary_en=""
    )
    async def secret() -> Html:
        return Html("x")

    return [upload, rights, secret]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def client(
    settings: Settings, clock: ManualClock, aiohttp_client: Callable[..., Awaitable[TestClient]]
) -> TestClient:
    app = build_app(
        settings,
        endpoints=[],
        permissions=REGISTRY,
        authenticator=Book(),
        pages=Pages(
            pages(),
            error_page=lambda problem, _: problem.code,
            login_path="/login",
            confirm_path="/confirm",
        ),
        clock=clock,
    )
    return await aiohttp_client(app, cookies={"maskline": TOKEN})


def form(*fields: tuple[str, str], size: int = 10, token: str | None = csrf_token(TOKEN)) -> FormData:
    data = FormData(default_to_multipart=True)
    if token is not None:
        data.add_field("csrf_token", token)
    for name, value in fields:
        data.add_field(name, value)
    if size:
        data.add_field("file", b"x" * size, filename="a.csv", content_type="text/csv")
    return data


async def test_fields_before_the_file_are_the_body(client: TestClient) -> None:
    answer = await client.post("/files", data=form(("mode", "甲")))
    assert (answer.status, await answer.text()) == (200, "甲 10")


@pytest.mark.parametrize("token", [None, "0" * 64])
async def test_a_file_needs_the_token_of_the_session(client: TestClient, token: str | None) -> None:
    answer = await client.post("/files", data=form(("mode", "x"), token=token))
    assert (answer.status, await answer.text()) == (403, "csrf-refused")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (form(("mode", "x"), size=0), "request-invalid"),
        (form(("colour", "x")), "request-invalid"),
        (form(("mode", "a"), ("mode", "b")), "body-malformed"),
        (form(("mode", "x" * 5000)), "body-too-large"),
        (form(*[(f"f{number}", "x") for number in range(30)]), "body-malformed"),
        (form(size=20_000), "body-too-large"),
    ],
)
async def test_what_a_form_with_a_file_may_not_be(client: TestClient, data: FormData, code: str) -> None:
    answer = await client.post("/files", data=data)
    assert await answer.text() == code


async def test_a_form_without_a_file_part_is_told_what_is_expected(client: TestClient) -> None:
    answer = await client.post("/files", data={"mode": "x", "csrf_token": csrf_token(TOKEN)})
    assert (answer.status, await answer.text()) == (415, "media-type-unsupported")


async def test_a_due_proof_of_identity_leads_to_where_it_is_given(
    client: TestClient, clock: ManualClock
) -> None:
    body = {"mode": "x", "csrf_token": csrf_token(TOKEN)}
    answer = await client.post("/rights", data=body, allow_redirects=False)
    assert answer.headers["Location"] == "/"
    clock.advance(timedelta(minutes=11))
    here = str(client.make_url("/employees/1?x=y"))
    for referer, back in ((here, "/employees/1"), ("https://elsewhere.example/a", "/"), ("", "/")):
        answer = await client.post("/rights", data=body, headers={"Referer": referer}, allow_redirects=False)
        assert answer.status == 303
        assert answer.headers["Location"] == f"/confirm?next={back}"
    answer = await client.get("/secret", allow_redirects=False)
    assert answer.headers["Location"] == "/confirm?next=/secret"


def test_an_api_endpoint_takes_a_body_or_an_upload() -> None:
    with pytest.raises(EndpointInvalid, match="not both"):

        @endpoint("POST", "/both", permission="thing.write", summary_zh="", summary_en="")
        async def both(*, body: Choice, upload: Upload) -> None: ...
