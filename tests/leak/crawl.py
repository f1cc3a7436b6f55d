"""Asks the web process everything that an account may ask, and keeps every byte of every answer."""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import aiohttp

_ID = re.compile(rb'"([0-9a-f]{32})"')
_LINK = re.compile(rb'(?:href|src|hx-get|action)="(/[^"#]*)"')
MAX_PAGES = 110
MAX_TRIES = 12
EVENTS = "/live/events"
STARTS = (
    "/", "/today", "/customers", "/approvals", "/threads", "/messages", "/live", "/held", "/alerts", "/word-rules", "/team", "/calls",
    "/results", "/inspections", "/analysis", "/ledger", "/evidence", "/access-log", "/templates", "/imports",
    "/bindings", "/system", "/login", "/lines", "/employees", "/rules", "/offboarding", "/rebind", "/phones",
    "/phones/enrol", "/phones/gaps?state=all", "/policies", "/policies/new", "/rollouts", "/conduct?state=all", "/expected-phones", "/expected-phones/lists", "/money", "/file-operations",
)  # fmt: skip


class Crawler:
    """One account's browser and API client. `answers` are (what was asked, head and body)."""

    def __init__(self, base: str, role: str) -> None:
        self._base, self._role = base.rstrip("/"), role
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        self.answers: list[tuple[str, bytes]] = []
        self.statuses: dict[str, int] = {}
        self.token = ""

    async def close(self) -> None:
        await self._http.close()

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        kind: str = "application/json",
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = kind
        async with self._http.request(
            method, self._base + path, data=data, headers=headers, allow_redirects=False
        ) as answer:
            content = await answer.read()
            head = f"{answer.status} {answer.reason}\r\n".encode() + b"".join(
                key + b": " + value + b"\r\n" for key, value in answer.raw_headers
            )
        self.answers.append((f"{self._role}: {method} {path}", head + b"\r\n" + content))
        self.statuses[f"{method} {path}"] = answer.status
        return answer.status, content

    async def log_in(self, username: str, password: str, own: str) -> None:
        """Log in with the first password and choose an own one."""
        wish = {"username": username, "password": password, "deliver": "token"}
        status, content = await self.ask("POST", "/api/v1/session", wish)
        assert status in {200, 201}, content
        self.token = json.loads(content)["token"]
        status, content = await self.ask("PUT", "/api/v1/account/password", {"current": password, "new": own})
        assert status in {200, 201}, content
        self.token = json.loads(content)["token"] or self.token

    async def listen(self, until: asyncio.Event) -> None:
        """Read the stream of live events until told to stop, and keep what came."""
        heard, patience = b"", aiohttp.ClientTimeout(total=None)
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self._http.get(self._base + EVENTS, headers=headers, timeout=patience) as answer:
            self.statuses[f"GET {EVENTS}"] = answer.status
            while not until.is_set() and not answer.content.at_eof():
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.3):
                        heard += await answer.content.readany()
        self.answers.append((f"{self._role}: GET {EVENTS}", heard))

    async def crawl(self, ids: Mapping[str, Iterable[str]], bad: str) -> None:
        """Ask every GET of the API with real ids, with none, and with nonsense; then follow the pages."""
        status, content = await self.ask("GET", "/openapi.json")
        assert status == 200
        paths: dict[str, Any] = json.loads(content)["paths"]
        for path, methods in paths.items():
            if "get" not in methods:
                continue
            for one in self._filled(path, ids, bad):
                await self.ask("GET", one)
            queries = [p["name"] for p in methods["get"].get("parameters", []) if p["in"] == "query"]
            for name in queries:
                await self.ask("GET", f"{self._first(path, ids)}?{name}={quote(bad)}")
            await self.ask("GET", f"{self._first(path, ids)}?unknown={quote(bad)}")
        for path, methods in paths.items():
            for method in {"post", "put", "patch", "delete"} & set(methods):
                if path.endswith(("/session", "/sessions")) and method == "delete":
                    continue
                target = re.sub(r"\{[^}]*\}", bad, path)
                await self.ask(method.upper(), target, {"phone": bad, bad: bad})
                await self.ask(method.upper(), target, raw=b'{"phone": ' + bad.encode())
        await self._pages(ids)

    def _filled(self, path: str, ids: Mapping[str, Iterable[str]], bad: str) -> Iterator[str]:
        names = re.findall(r"\{([^}]*)\}", path)
        if not names:
            yield path
            return
        known = list(ids.get(self._kind(path, names[0]), ())) or [
            one for many in ids.values() for one in many
        ]
        for one in [*known[:MAX_TRIES], bad, "%00", "0" * 32]:
            yield re.sub(r"\{[^}]*\}", one, path)

    def _first(self, path: str, ids: Mapping[str, Iterable[str]]) -> str:
        return next(self._filled(path, ids, "0"))

    @staticmethod
    def _kind(path: str, name: str) -> str:
        if name != "id":
            return name
        return path.split("/")[3].rstrip("s") + "_id"

    async def _pages(self, ids: Mapping[str, Iterable[str]]) -> None:
        """Follow the links of the dashboard, in both languages; the pages of people who wrote come first."""
        waiting = [*STARTS]
        waiting += [f"/threads/{one}" for one in ids["thread_id"]]
        waiting += [f"/customers/{one}" for one in ids["writer_id"]]
        seen = {EVENTS}
        while waiting and len(seen) < MAX_PAGES:
            page = waiting.pop(0)
            if page in seen or "logout" in page:
                continue
            seen.add(page)
            status, content = await self.ask("GET", page)
            if status == 200:
                waiting += [
                    link.decode().replace("&amp;", "&")
                    for link in _LINK.findall(content)
                    if not link.startswith(b"/static")
                ]
