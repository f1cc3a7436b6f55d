"""A small application on the web kit, for its tests."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import Field, SecretStr, field_validator
from sqlalchemy.exc import OperationalError

from core.access.model import Principal, Role, Scope
from core.access.permissions import PermissionRegistry, PermissionSpec
from core.errors import Conflict, NotFound, TooMany
from core.status import PartStatus, State
from core.web.context import RequestContext
from core.web.endpoint import PUBLIC, Endpoint, endpoint
from core.web.paging import Page, PageQuery
from core.web.replies import Cookie, FileReply, Html, Redirect, Reply, StreamReply
from core.web.schema import ApiModel, FieldProblem, IdStr
from core.web.system import SYSTEM_PERMISSIONS
from core.web.upload import Upload

CANARY = "+8613912345678"
TOKENS = {role: f"{role}-token-0123456789abcdef" for role in Role}
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
PERMISSIONS = (
    PermissionSpec("thing.read", "查看", "Read things", {Role.AGENT: Scope.OWN, Role.SUPERVISOR: Scope.TEAM}),
    PermissionSpec("thing.write", "修改", "Change things", {Role.SUPERVISOR: Scope.TEAM}),
)


def registry() -> PermissionRegistry:
    return PermissionRegistry(PERMISSIONS, SYSTEM_PERMISSIONS)


@dataclass
class TokenBook:
    """An authenticator with one fixed token for each role."""

    verified_at: datetime = NOW

    async def authenticate(self, token: str) -> Principal | None:
        for role, known in TOKENS.items():
            if token == known:
                grants = registry().grants_for([role])
                return Principal(role.value, "d1", "/d1/", frozenset({role}), grants, "s1", self.verified_at)
        return None


@dataclass
class Part:
    """A part of the status."""

    name: str = "part"
    state: State = State.OK
    broken: bool = False
    facts: dict[str, int] = field(default_factory=lambda: {"jobs": 3})

    async def status(self) -> PartStatus:
        if self.broken:
            raise RuntimeError(CANARY)
        return PartStatus(self.state, self.facts)


def auth(role: Role = Role.SUPERVISOR) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[role]}", "Accept-Language": "en"}


class ThingPath(ApiModel):
    thing_id: IdStr


class ThingQuery(PageQuery):
    tag: list[str] = Field(default=[], max_length=3)
    minimum: int = Field(default=0, ge=0, le=10)


class ThingNew(ApiModel):
    name: str = Field(min_length=2, max_length=5)
    size: int = Field(default=1, ge=1)
    parts: list[ThingPath] = Field(default=[])
    secret: SecretStr | None = None
    colour: Role = Role.AGENT

    @field_validator("name")
    @classmethod
    def _no_spaces(cls, value: str) -> str:
        if value == "bad":
            raise ValueError(f"quoting {value} {CANARY}")
        if " " in value:
            raise FieldProblem("不能含空格。", "No spaces.")
        return value


class Thing(ApiModel):
    name: str
    by: str


class Text:
    """A source of ranges."""

    size = 200_000

    async def read(self, offset: int, length: int) -> bytes:
        return bytes((offset + step) % 251 for step in range(length))


def make_endpoints() -> list[Endpoint]:  # noqa: C901 - a list of small handlers
    @endpoint("GET", "/things", permission="thing.read", summary_zh="列表", summary_en="List things")
    async def things(*, principal: Principal, query: ThingQuery) -> Page[Thing]:
        return Page(items=[Thing(name=",".join(query.tag), by=principal.id)], next_cursor=None)

    @endpoint(
        "POST",
        "/things",
        permission="thing.write",
        status=201,
        summary_zh="新建",
        summary_en="Create",
        errors=(Conflict,),
    )
    async def create(*, principal: Principal, body: ThingNew) -> Thing:
        """Makes a thing."""
        if body.name == "twice":
            raise Conflict("It is there.", detail_zh="已经存在。", thing="x")
        return Thing(name=body.name, by=principal.id)

    @endpoint("GET", "/things/{thing_id}", permission="thing.read", summary_zh="查看", summary_en="Read")
    async def read(*, path: ThingPath) -> Thing:
        raise NotFound

    @endpoint(
        "DELETE",
        "/things/{thing_id}",
        permission="thing.write",
        step_up=True,
        summary_zh="删除",
        summary_en="Delete",
    )
    async def delete(*, path: ThingPath) -> None: ...

    @endpoint("GET", "/crash", permission="thing.read", summary_zh="崩溃", summary_en="Crash")
    async def crash() -> Thing:
        raise RuntimeError(f"cannot reach {CANARY}")

    @endpoint("GET", "/no-database", permission="thing.read", summary_zh="无库", summary_en="No database")
    async def no_database() -> Thing:
        raise OperationalError(f"SELECT '{CANARY}'", None, Exception(CANARY))

    @endpoint("GET", "/busy", permission="thing.read", summary_zh="忙", summary_en="Busy")
    async def busy() -> Thing:
        raise TooMany(retry_after_s=7.2)

    @endpoint("GET", "/slow", permission="thing.read", timeout_s=0.05, summary_zh="慢", summary_en="Slow")
    async def slow() -> Thing:
        await asyncio.Event().wait()
        raise AssertionError

    @endpoint(
        "GET", "/file", permission="thing.read", produces="audio/wav", summary_zh="文件", summary_en="File"
    )
    async def file() -> FileReply:
        return FileReply(Text(), "audio/wav", "录音 1.wav", etag="abc")

    @endpoint(
        "GET",
        "/broken-stream",
        permission="thing.read",
        produces="text/csv",
        summary_zh="断流",
        summary_en="Broken stream",
    )
    async def broken_stream() -> StreamReply:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"a,b\n"
            raise RuntimeError(CANARY)

        return StreamReply(chunks(), "text/csv", "export.csv")

    @endpoint(
        "POST",
        "/upload",
        permission="thing.write",
        max_body_bytes=100_000,
        summary_zh="上传",
        summary_en="Upload",
    )
    async def upload(*, upload: Upload) -> Thing:
        return Thing(name=upload.file_name, by=str(len(await upload.read())))

    @endpoint(
        "GET", "/hello", permission=PUBLIC, public_reason="a test", summary_zh="你好", summary_en="Hello"
    )
    async def hello(*, principal: Principal | None, context: RequestContext) -> Reply[Thing]:
        who = "nobody" if principal is None else principal.id
        cookie = Cookie("maskline", TOKENS[Role.SUPERVISOR])
        return Reply(Thing(name=context.language, by=f"{who}@{context.source}"), cookies=(cookie,))

    return [things, create, read, delete, crash, no_database, busy, slow, file, broken_stream, upload, hello]


class Search(ApiModel):
    text: str = ""


def make_pages() -> list[Endpoint]:
    @endpoint("GET", "/calls", kind="page", permission="thing.read", summary_zh="通话", summary_en="Calls")
    async def calls(*, context: RequestContext) -> Html:
        return Html(f"<p>{context.csrf_token}</p>")

    @endpoint("POST", "/calls", kind="page", permission="thing.write", summary_zh="搜索", summary_en="Search")
    async def search(*, body: Search) -> Redirect:
        return Redirect("/calls")

    @endpoint("GET", "/oops", kind="page", permission="thing.read", summary_zh="崩溃", summary_en="Crash")
    async def oops() -> Html:
        raise RuntimeError(CANARY)

    return [calls, search, oops]
