"""Bodies without end, measure or honesty: each gets one clear refusal, and the server goes on."""

import asyncio
import gzip
import io
import json
import random
import zipfile
import zlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from openpyxl import Workbook
from prometheus_client import CollectorRegistry

from core.access.permissions import PermissionRegistry
from core.clock import ManualClock
from core.config import Settings
from core.web.app import build_app
from core.web.endpoint import PUBLIC, Endpoint, endpoint
from core.web.schema import ApiModel
from core.web.server import serve
from core.web.system import SYSTEM_PERMISSIONS
from core.web.upload import Upload
from tests.browser.stage import Stage
from tests.hardening.conftest import START
from tests.hardening.wire import request, said, status_of

MIB = 1024 * 1024
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
ENTITIES = (
    '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {"abcdefgh"[i + 1]} "{("&" + "abcdefgh"[i] + ";") * 10}">' for i in range(7))
    + "]>"
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY h SYSTEM "{}">]>'
OF_STRINGS = (
    b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument'
    b'.spreadsheetml.sharedStrings+xml"/>'
)
NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def workbook(**parts: bytes) -> bytes:
    """Give a workbook of one honest row in which some parts are others. A part's name is its alias."""
    book, out = Workbook(), io.BytesIO()
    assert book.active is not None
    book.active.append(["手机号", "姓名"])
    book.active.append(["13800138000", "张三"])
    book.save(out)
    names = {"sheet": SHEET, "strings": STRINGS}
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(out.getvalue())) as old,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            alias = next((alias for alias, path in names.items() if path == name), "")
            content = parts.get(alias, old.read(name))
            if name == "[Content_Types].xml" and "strings" in parts:
                content = content.replace(b"</Types>", OF_STRINGS + b"</Types>")
            new.writestr(name, content)
        if "strings" in parts:
            new.writestr(STRINGS, parts["strings"])
        for alias in set(parts) - set(names):
            new.writestr(f"xl/{alias}.bin", parts[alias])
    return made.getvalue()


def sheet(inside: str, head: str = "") -> bytes:
    return f"{head}<worksheet {NAMESPACE}><sheetData>{inside}</sheetData></worksheet>".encode()


def cell(place: str, inside: str) -> str:
    return f'<row r="1"><c r="{place}" t="inlineStr"><is><t>{inside}</t></is></c></row>'


def many_strings(count: int) -> bytes:
    """Shared strings: small packed, large in memory."""
    return f"<sst {NAMESPACE}>{'<si><t>a</t></si>' * count}</sst>".encode()


def flipped(content: bytes) -> bytes:
    """Damage what is packed, not the directory."""
    at = content.index(b"xl/worksheets/sheet1.xml") + 40
    return content[:at] + bytes(255 - byte for byte in content[at : at + 60]) + content[at + 60 :]


BOMBS = {
    "zeros": lambda: workbook(bomb=b"\0" * (120 * MIB)),
    "entities": lambda: workbook(sheet=sheet(cell("A1", "&h;"), ENTITIES)),
    "entities among the strings": lambda: workbook(
        strings=f"{ENTITIES}<sst {NAMESPACE}><si><t>&h;</t></si></sst>".encode()
    ),
    "a file of the server": lambda: workbook(
        sheet=sheet(cell("A1", "&h;"), OUTSIDE.format("file:///etc/passwd"))
    ),
    "an address": lambda: workbook(
        sheet=sheet(cell("A1", "&h;"), OUTSIDE.format("http://127.0.0.1:9/latest/meta-data"))
    ),
    "many strings": lambda: workbook(strings=many_strings(1_000_000)),
    "many strings beside something that does not pack": lambda: workbook(
        strings=many_strings(3_500_000),
        noise=random.Random(7).randbytes(MIB),  # noqa: S311
    ),
    "many cells in one row": lambda: workbook(
        sheet=sheet(f'<row r="1">{"<c/>" * 3_000_000}</row>'),
        noise=random.Random(7).randbytes(MIB),  # noqa: S311
    ),
    "flipped bits": lambda: flipped(workbook()),
    "a row far down": lambda: workbook(sheet=sheet('<row r="1048576"><c r="A1048576"><v>1</v></c></row>')),
    "a row beyond the sheet": lambda: workbook(sheet=sheet('<row r="999999999999"><c><v>1</v></c></row>')),
    "a column beyond the sheet": lambda: workbook(
        sheet=sheet('<row r="1"><c r="ZZZZZZ1"><v>1</v></c></row>')
    ),
    "deep": lambda: workbook(sheet=b"<worksheet>" + b"<a>" * 200_000 + b"</a>" * 200_000 + b"</worksheet>"),
    "a million columns": lambda: b"phone,name" + b"," * 1_000_000 + b"\n",
    "a million rows": lambda: b"phone,name\n" + b"1,x\n" * 1_000_000,
    "one line without end": lambda: b"phone,name\n" + b"a" * (9 * MIB),
    "a quote that never closes": lambda: b'phone,name\n"' + b"a\n" * 100_000,
    "nulls": lambda: b"phone,name\n" + b"\0" * 100_000,
    "no text at all": lambda: bytes(range(128, 256)) * 1000,
    "not a workbook": lambda: b"PK\x03\x04" + b"\0" * 1000,
}


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_among_the_imports(stage: Stage, http: aiohttp.ClientSession, name: str) -> None:
    """One refusal with its code or a report of refused rows; nobody becomes a customer, nothing is fetched."""
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(BOMBS[name]()), filename="a.xlsx")
    headers = {"Authorization": f"Bearer {stage.run(stage.seeder.token('admin'))}"}
    async with http.post(
        f"{stage.url}/api/v1/customers/import?mode=good_rows", data=form, headers=headers
    ) as answer:
        told = await answer.json(content_type=None)
    if answer.status == 200:
        assert told["written"] == 0, told
        assert "root:" not in json.dumps(told)
    else:
        assert answer.status in {413, 422}, (answer.status, told)
        assert told["code"].startswith(("import-", "body-")), told


async def _endless(piece: bytes, most: int) -> AsyncIterator[bytes]:
    for _ in range(most):
        yield piece


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/session", "application/json"),
        ("/login", "application/x-www-form-urlencoded"),
        ("/api/v1/customers/import", "multipart/form-data; boundary=x"),
    ],
)
async def test_a_body_in_pieces_without_end_is_cut_at_the_limit(
    stage: Stage, http: aiohttp.ClientSession, path: str, kind: str
) -> None:
    """No length is told beforehand; what is read stops at the limit, whatever is still being sent."""
    head = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        if "multipart" in kind
        else b""
    )

    async def body() -> AsyncIterator[bytes]:
        yield head
        async for piece in _endless(b"a" * 65536, 1024):
            yield piece

    headers = {"Content-Type": kind, "Authorization": f"Bearer {stage.run(stage.seeder.token('admin'))}"}
    try:
        async with http.post(stage.url + path, data=body(), headers=headers) as answer:
            assert answer.status in {400, 413, 422}, answer.status
    except aiohttp.ClientError:
        pass  # cut off while it was still sending
    async with http.get(f"{stage.url}/healthz") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x-unknown"])
@pytest.mark.parametrize("path", ["/api/v1/session", "/login", "/api/v1/customers/import"])
async def test_no_packed_body_is_unpacked(
    stage: Stage, http: aiohttp.ClientSession, path: str, coding: str
) -> None:
    """Ten megabytes of nothing in ten kilobytes: refused before a byte of it is unpacked."""
    nothing = b" " * (10 * MIB)
    data = zlib.compress(nothing) if coding == "deflate" else gzip.compress(nothing)
    kind = {"/login": "application/x-www-form-urlencoded", "/api/v1/session": "application/json"}.get(
        path, "multipart/form-data; boundary=x"
    )
    headers = {
        "Content-Type": kind,
        "Content-Encoding": coding,
        "Authorization": f"Bearer {stage.run(stage.seeder.token('admin'))}",
    }
    async with http.post(stage.url + path, data=data, headers=headers) as answer:
        assert answer.status in {400, 415}, answer.status


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 200_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"username":' + b"9" * 200_000 + b"}",
        b'{"username": 1e400}',
        b'{"username": NaN}',
        b'{"username": "\\ud800"}',
        b'{"username": "\\u0000"}',
        b"\xff\xfe{\x00}\x00",
        b'{"username": "a", "username": "b", "password": "c"}',
        json.dumps({f"k{i}": i for i in range(20_000)}).encode(),
    ],
)
async def test_json_out_of_measure(stage: Stage, http: aiohttp.ClientSession, data: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    async with http.post(f"{stage.url}/api/v1/session", data=data, headers=headers) as answer:
        assert answer.status in {400, 401, 413, 422}, answer.status
        assert len(await answer.read()) < 20_000, "the answer is no echo"


def parts(count: int, name: str = "f{}", head: str = "", data: str = "x") -> bytes:
    """Write a multipart body."""
    made = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name.format(i)}"\r\n{head}\r\n{data}\r\n'
        for i in range(count)
    )
    return f"{made}--x--\r\n".encode()


@pytest.mark.parametrize(
    "data",
    [
        parts(50_000),
        parts(5_000, name="mode"),
        parts(1, head="".join(f"X-{i}: y\r\n" for i in range(20_000))),
        parts(1, head=f"X: {'y' * 500_000}\r\n"),
        parts(1, name="file", head="Content-Encoding: gzip\r\n"),
        parts(1, name="file", head="Content-Transfer-Encoding: base64\r\n", data="!!!"),
        parts(
            1, name="mode", head="Content-Type: multipart/mixed; boundary=y\r\n", data="--y\r\n\r\n" * 5_000
        ),
        b"--x\r\n" * 100_000,
        b"--" + b"x" * 100_000,
        b"",
    ],
)
@pytest.mark.parametrize(
    "path", ["/imports", "/api/v1/customers/import", "/api/v1/messages/files?channel=sms"]
)
async def test_forms_of_too_many_or_strange_parts(
    stage: Stage, http: aiohttp.ClientSession, path: str, data: bytes
) -> None:
    username = "lin" if "messages" in path else "admin"
    if "messages" in path:
        path += f"&binding_id={'0' * 32}"
    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Authorization": f"Bearer {stage.run(stage.seeder.token(username))}",
    }
    try:
        async with http.post(
            stage.url + path, data=io.BytesIO(data), headers=headers, allow_redirects=False
        ) as answer:
            assert answer.status in {400, 404, 413, 415, 422}, answer.status
    except aiohttp.ClientError:
        pass  # refused and cut off while it was still sending
    async with http.get(f"{stage.url}/healthz") as answer:
        assert answer.status == 200


async def test_a_form_of_too_many_fields(stage: Stage, http: aiohttp.ClientSession) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for data in (b"&".join(b"a%d=b" % i for i in range(50_000)), b"&" * 100_000, b"a=b&" * 300, b"%" * 1000):
        async with http.post(f"{stage.url}/login", data=data, headers=kind) as answer:
            assert answer.status in {400, 422}, answer.status


class Word(ApiModel):
    word: str


def patient(limit_s: float) -> list[Endpoint]:
    """Two endpoints that wait for their body no longer than `limit_s`."""
    words: dict[str, str] = {"summary_zh": "", "summary_en": ""}

    @endpoint("POST", "/word", permission=PUBLIC, public_reason="a test's", timeout_s=limit_s, **words)  # type: ignore[arg-type]
    async def word(*, body: Word) -> Word:
        return body

    @endpoint("POST", "/file", permission=PUBLIC, public_reason="a test's", timeout_s=limit_s, **words)  # type: ignore[arg-type]
    async def file(*, upload: Upload) -> Word:
        return Word(word=str(len(await upload.read())))

    return [word, file]


class Nobody:
    """Knows no session."""

    async def authenticate(self, token: str) -> None:
        del token


@pytest.fixture
async def slow(settings: Settings) -> AsyncIterator[str]:
    """A server that is in a hurry."""
    app = build_app(
        settings,
        endpoints=patient(0.3),
        permissions=PermissionRegistry(SYSTEM_PERMISSIONS),
        authenticator=Nobody(),
        registry=CollectorRegistry(),
        clock=ManualClock(START),
    )
    async with serve(app, host="127.0.0.1", idle_s=0.3) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("path", ["/word", "/file"])
async def test_a_body_that_drips_is_given_up(slow: str, path: str) -> None:
    """Slow loris: a byte now and then does not buy time; the answer says why, and the connection ends."""
    kind = "application/json" if path == "/word" else "multipart/form-data; boundary=x"
    reader, writer = await asyncio.open_connection(*slow.removeprefix("http://").split(":"))
    writer.write(
        request(
            f"POST /api/v1{path} HTTP/1.1", f"Content-Type: {kind}", "Content-Length: 1000", body=b"--x\r\n"
        )
    )
    heard = b""
    async with asyncio.timeout(60):
        while not heard:
            writer.write(b"a")
            with_answer = asyncio.ensure_future(reader.read(4096))
            done, _ = await asyncio.wait({with_answer}, timeout=0.05)
            heard = with_answer.result() if done else b""
            with_answer.cancel()
    writer.close()
    assert status_of(heard) == 503
    assert b"timed-out" in heard


@pytest.mark.parametrize("data", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX"])
async def test_a_head_that_never_ends_is_cut_off(slow: str, data: bytes) -> None:
    """Nothing, or half a head: the connection is not kept for it."""
    assert await said(slow, data) == b""
