"""Names that want to be paths, addresses that want to be elsewhere, lines that want to be headers."""

import asyncio
import hashlib
import html
import re
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs

from core.access.model import Role
from core.blobs import BlobUnknown, LocalBlobStore
from core.web.endpoint import Endpoint
from core.web.replies import Redirect
from core.web.responses import _disposition
from core.web.security import csrf_token
from dashboard.pages.preferences import local_path
from gateway.messages.channels.wecom.sources import FileArchive
from gateway.messages.models import AttachmentRow
from tests.browser.stage import Stage
from tests.hardening.asking import address, filled, is_open, places
from tests.hardening.conftest import PICTURE
from tests.hardening.test_every_route import PEOPLE, ids_of_wang_on
from tests.hardening.wire import head_of, request, said, status_of

UP = ("..", "%2e%2e", "%2E%2e", "..%2f", "..%5c", "..\\", "%252e%252e", "..;", "%c0%ae%c0%ae", "..%00")
SECRETS = (b"root:", b"[project]", b"def ", b"SQLite format")
ELSEWHERE = (
    "https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\\\evil.example",
    "/%09/evil.example", "/\t/evil.example", "javascript:alert(1)", "/\r\nSet-Cookie: maskline=x", "/ok\nX: y",
    "http:evil.example", "/\u2028//evil.example", "/\u202egpj.exe", "@evil.example", "",
)  # fmt: skip
"""Where nobody is ever sent."""


@pytest.mark.parametrize("up", UP)
@pytest.mark.parametrize(
    "folder", ["/static/", "/static/js/", "/imports/", "/evidence/", "/api/v1/attachments/"]
)
async def test_no_name_leads_out_of_its_folder(stage: Stage, folder: str, up: str) -> None:
    """As the bytes stand on the wire: no client tidied them up."""
    token = stage.run(stage.seeder.token("admin"))
    for target in ("etc/passwd", "pyproject.toml", "render.py", "maskline.db"):
        for depth in (1, 2, 6):
            path = f"{folder}{f'{up}/' * depth}{target}"
            line = f"GET {path} HTTP/1.1"
            answer = await said(stage.url, request(line, f"Authorization: Bearer {token}"))
            assert status_of(answer) in {0, 303, 400, 403, 404, 422}, (path, answer[:100])
            assert not any(secret in answer for secret in SECRETS), path


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "%00",
        "%0d%0aX-A:b",
        "a" * 3000,
        "%ff",
        "%F0%9F%98%80",
        "..%2f..",
        "0" * 31 + "g",
        "g" * 32,
        "%27--",
        "*",
    ],
)
async def test_no_id_is_anything_but_an_id(stage: Stage, name: str) -> None:
    """In the place of every id of every route: refused before anything is looked up, and not told back."""
    token = stage.run(stage.seeder.token("zhao"))
    for path, endpoint in stage.routes:
        if endpoint.method != "GET" or not places(path) or is_open(endpoint):
            continue
        target = re.sub(r"\{[^}]*\}", name, path)
        answer = await said(stage.url, request(f"GET {target} HTTP/1.1", f"Authorization: Bearer {token}"))
        assert status_of(answer) in {303, 400, 403, 404, 405, 414, 422}, (endpoint.name, answer[:120])
        assert "x-a" not in head_of(answer)


async def test_what_a_file_is_called_by_its_sender_is_no_path_and_no_header(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    """An attachment goes out under our own name and type, whatever it was called, and never opens in the page."""
    ids = await ids_of_wang_on(stage)
    sent = []
    for name in (
        'a".png\r\nX-Evil: 1',
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "名\u202egpj.exe",
        "x" * 5000,
    ):
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("file", PICTURE, filename=re.sub(r"[\r\n]", " ", name), content_type="text/html")
        headers = {"Authorization": f"Bearer {stage.run(stage.seeder.token('wang'))}"}
        where = f"/api/v1/messages/files?binding_id={ids['binding_id']}&channel=webchat"
        async with http.post(stage.url + where, data=form, headers=headers) as answer:
            told = await answer.json()
        if answer.status != 201:
            assert told["code"] in {"attachment-refused", "message-invalid", "body-malformed"}, told
            continue
        (file,) = told["attachments"]
        assert "/" not in file["file_name"]
        assert "\\" not in file["file_name"]
        async with http.get(f"{stage.url}/api/v1/attachments/{file['id']}", headers=headers) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{file['id']}.png"
            assert answer.headers["Content-Type"] == "image/png"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "X-Evil" not in answer.headers
        sent.append(file["id"])
    if not sent:  # the channel takes no files: what came in from the customer shows the same
        stage.run(_has_no_path(stage, ids["attachment_id"]))


async def _has_no_path(stage: Stage, attachment_id: str) -> None:
    principal = stage.seeded.people["zhao"].principal
    found = await stage.messages.attachments.show(principal, attachment_id)
    await found.source.aclose()
    async with stage.ground.database.read() as session:
        row = await session.get_one(AttachmentRow, attachment_id)
    assert found.file_name == f"{row.id}.{row.extension}"


@pytest.mark.parametrize(
    "name",
    ['a"b.pdf', "a\r\nX: y", "a;filename=b", "合同.pdf", "a\x00b", "'", "%0d%0a", "a/b", "\u202efdp.exe"],
)
def test_a_files_name_in_a_header_is_one_word(name: str) -> None:
    """RFC 6266 and 8187: percent-encoded UTF-8, so that nothing in it can end the value."""
    header = _disposition("attachment", name)
    value = header.removeprefix("attachment; filename*=UTF-8''")
    assert re.fullmatch(r"[A-Za-z0-9%._~-]+", value), header


@pytest.mark.parametrize("where", ELSEWHERE)
def test_an_address_to_go_to_is_on_this_site(where: str) -> None:
    path = local_path(where)
    assert path.startswith("/")
    assert path[1:2] not in {"/", "\\"}
    assert path.isprintable()
    Redirect(path)


@pytest.mark.parametrize("where", ELSEWHERE)
async def test_a_log_in_leads_nowhere_else(stage: Stage, http: aiohttp.ClientSession, where: str) -> None:
    """By `next` in the address and in the form, for who is logged in and who is not."""
    token = stage.run(stage.seeder.token("lin"))
    for path in ("/login", "/confirm", "/login/password"):
        async with http.get(
            stage.url + path,
            params={"next": where},
            headers={"Cookie": f"maskline={token}"},
            allow_redirects=False,
        ) as answer:
            _stays(answer)
            text = await answer.text()
            assert 'value="https://evil' not in text
            assert "javascript:" not in text
    form = {"next": where, "username": "", "password": ""}
    async with http.post(f"{stage.url}/login", data=form, allow_redirects=False) as answer:
        _stays(answer)
        shown = re.search(r'name="next" value="([^"]*)"', await answer.text())
        assert shown is None or local_path(html.unescape(shown[1])) == html.unescape(shown[1])


@pytest.mark.parametrize("where", ELSEWHERE)
async def test_no_form_leads_elsewhere_when_it_is_done(
    stage: Stage, http: aiohttp.ClientSession, where: str
) -> None:
    """Every form with an address to come back to, sent by somebody who may: done or not, they stay here."""
    asked = 0
    for path, endpoint in stage.routes:
        model = endpoint.models.get("body")
        field = {"back", "next"} & set(model.model_fields if model else ())
        if endpoint.kind != "page" or endpoint.method == "GET" or not field or model is None:
            continue
        asked += 1
        status, token = 0, _token_for(stage, endpoint)
        body = {name: str(value) for name, value in filled(model, {}, stage).items()} | {field.pop(): where}
        headers = {"Cookie": f"maskline={token}", "X-CSRF-Token": csrf_token(token)} if token else {}
        async with http.post(
            stage.url + address(path, {}), data=body, headers=headers, allow_redirects=False
        ) as answer:
            status = answer.status
            _stays(answer)
        assert status < 500, (endpoint.name, where)
    assert asked > 15


def _token_for(stage: Stage, endpoint: Endpoint) -> str:
    """Open a session for somebody who may; "" where nobody need."""
    if is_open(endpoint):
        return ""
    assert isinstance(endpoint.permission, str)
    for role in Role:
        username = PEOPLE[role]
        if stage.seeded.people[username].principal.allows(endpoint.permission):
            return stage.run(stage.seeder.token(username))
    raise AssertionError(endpoint.name)


def _stays(answer: aiohttp.ClientResponse) -> None:
    location = answer.headers.get("Location", "/")
    assert location.startswith("/"), location
    assert location[1:2] not in {"/", "\\"}, location
    assert not answer.cookies.get("maskline") or answer.cookies["maskline"].value != "x"
    assert "X" not in answer.headers


async def test_a_real_act_leads_nowhere_else(stage: Stage, http: aiohttp.ClientSession) -> None:
    """Not only refusals: wang withdraws his own note and gives an address of another site."""
    ids = await ids_of_wang_on(stage)
    token = stage.run(stage.seeder.token("wang"))
    headers = {"Cookie": f"maskline={token}", "X-CSRF-Token": csrf_token(token)}
    for act_name in ("withdraw", "restore"):
        for where in ELSEWHERE:
            async with http.post(
                f"{stage.url}/customers/{ids['customer_id']}/notes/{ids['note_id']}/{act_name}",
                data={"back": where}, headers=headers, allow_redirects=False,
            ) as answer:  # fmt: skip
                assert answer.status in {303, 422}, (where, answer.status)
                _stays(answer)


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/%2e%2e",
        "//evil.example",
        "/\\evil.example",
        "/%0d%0aX:y",
        "/today?next=//evil.example",
    ],
)
async def test_who_must_log_in_comes_back_to_this_site(stage: Stage, path: str) -> None:
    """The address that was asked for goes into `next`, and no more of it than a path."""
    answer = await said(stage.url, request(f"GET {path} HTTP/1.1"))
    location = head_of(answer).get("location", "/")
    assert status_of(answer) in {303, 400, 404}
    assert location.startswith("/"), location
    assert not location.startswith(("//", "/\\"))
    assert "x" not in head_of(answer)


async def test_a_line_of_the_log_is_one_line(stage: Stage, http: aiohttp.ClientSession) -> None:
    """What is asked for is in no log but by its route; a user name, a path, an id cannot write lines of their own."""
    evil = "x%0a%0dlevel=error%20event=forged"
    with capture_logs() as lines:
        for path in (f"/{evil}", f"/calls/{evil}", f"/api/v1/calls/{evil}?{evil}={evil}"):
            async with http.get(
                stage.url + path, headers={"X-Request-ID": "abc\tforged"[:3] + "forged-line"}
            ) as answer:
                assert answer.status in {401, 404, 200, 422}
        form = {"username": "x\nlevel=error event=forged", "password": "forged\r\nforged"}
        async with http.post(f"{stage.url}/login", data=form) as answer:
            assert answer.status in {401, 429}
    told = [line for line in lines if line["event"] == "http.request"]
    assert told
    for line in lines:
        plain = {key: value for key, value in line.items() if key != "request_id"}
        assert "forged" not in repr(plain), line


def test_the_vendors_names_of_files_are_no_paths(tmp_path: Path) -> None:
    """A file id of the archive is hashed: it names nothing outside the folder of media."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / hashlib.sha256(b"../secret").hexdigest()).write_bytes(b"the file of that id")
    archive = FileArchive(tmp_path / "archive.jsonl")

    async def media(file_id: str) -> bytes | None:
        return await archive.media(file_id)

    assert asyncio.run(media("../secret")) == b"the file of that id"
    for file_id in ("../../secret", "/etc/passwd", "\0", "a" * 10_000, "..", ""):
        assert asyncio.run(media(file_id)) is None


@pytest.mark.parametrize(
    "blob_id", ["../keys/keyring.json", "..", "/etc/passwd", "", "\0", "a" * 300, "A" * 32]
)
async def test_a_blobs_id_is_no_path(tmp_path: Path, blob_id: str) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "keyring.json").write_bytes(b"secret")
    store = LocalBlobStore(tmp_path / "blobs")
    with pytest.raises((BlobUnknown, ValueError)):
        await store.open(blob_id, b"k" * 32)


async def test_sql_in_a_place_of_an_id_finds_nothing(stage: Stage, http: aiohttp.ClientSession) -> None:
    """Filters and cursors are values, never statements."""
    headers = {"Authorization": f"Bearer {stage.run(stage.seeder.token('admin'))}"}
    for text in ("' OR 1=1 --", "1; DROP TABLE gw_customers", "%' UNION SELECT 1 --", "\\", "_%"):
        for path, name in (
            ("/customers", "tag"), ("/api/v1/customers", "tag"), ("/employees", "q"), ("/api/v1/calls", "cursor"),
        ):  # fmt: skip
            async with http.get(stage.url + path, params={name: text}, headers=headers) as answer:
                assert answer.status in {200, 422}, (path, text, answer.status)
                if path.startswith("/api") and answer.status == 200:
                    assert (await answer.json())["items"] == []
    async with http.get(f"{stage.url}/api/v1/customers", headers=headers) as answer:
        assert (await answer.json())["items"]
