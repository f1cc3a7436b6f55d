"""Signed requests to the server, by its clock; faults of the network happen here."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from .faults import Faults, NetworkLost
from .memory import Memory
from .signing import JSON, sign_request, thumbprint, unb64u

API = "/api/v1/agent"
TIMEOUT_S = 30.0
SKEW_S = 1.0
"""Within this the phone's clock is good enough."""


class Problem(Exception):
    """The server refused, in its own words: `application/problem+json` (RFC 9457)."""

    def __init__(self, status: int, code: str, facts: Mapping[str, JSON], detail: str = "") -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code, self.facts, self.detail = status, code, facts, detail


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: JSON
    etag: str


class Client:
    """Speaks for one phone. `wall` is the phone's own clock, in seconds since 1970."""

    def __init__(
        self, http: aiohttp.ClientSession, memory: Memory, *, wall: Callable[[], float], faults: Faults
    ) -> None:
        self.http = http
        self.memory = memory
        self._wall = wall
        self._faults = faults

    @property
    def key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(unb64u(self.memory.seed))

    def now(self) -> float:
        """Give the server's time as well as we know it: never before what it has signed already."""
        return max(self.clock() + self.memory.offset_s, self.memory.floor_s)

    def clock(self) -> float:
        """Give what the phone's own clock says."""
        return self._wall() + self._faults.clock_s

    def signed(self, method: str, path: str, body: bytes = b"") -> tuple[URL, dict[str, str]]:
        """Give address and headers of a request that is ours."""
        url = URL(f"{self.memory.server.rstrip('/')}{API}{path}", encoded=True)
        headers = sign_request(
            self.key,
            self.memory.device_id or thumbprint(self.key.public_key()),
            method=method,
            target=url.raw_path_qs,
            # Not by the floor: it only guards what we believe, not what we claim.
            created=int(self.clock() + self.memory.offset_s),
            nonce=secrets.token_urlsafe(16),
            body=body,
        )
        return url, headers

    async def ask(
        self,
        method: str,
        path: str,
        body: JSON = None,
        *,
        etag: str = "",
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """Ask as this phone; with a wrong clock twice, the second time by the server's. Bytes go as they are.

        Raises:
            NetworkLost: nobody knows whether it was served.
            Problem: the server said no.
        """
        try:
            return await self._once(method, path, body, etag, timeout_s)
        except Problem as problem:
            told = problem.facts.get("server_time")
            if problem.code != "clock-skewed" or not isinstance(told, str):
                raise
            self._set_clock(told, force=True)
        return await self._once(method, path, body, etag, timeout_s)

    async def open(self, path: str) -> JSON:
        """Ask for what everybody may read, unsigned."""
        url = URL(f"{self.memory.server.rstrip('/')}{API}{path}", encoded=True)
        return (await self._send("GET", url, {}, b"", TIMEOUT_S)).body

    async def _once(self, method: str, path: str, body: JSON, etag: str, timeout_s: float) -> Answer:
        raw = isinstance(body, bytes)
        data = b"" if body is None else body if raw else json.dumps(body, ensure_ascii=False).encode()
        url, headers = self.signed(method, path, data)
        if data:
            headers["Content-Type"] = "application/octet-stream" if raw else "application/json"
        if etag:
            headers["If-None-Match"] = f'"{etag}"'
        answer = await self._send(method, url, headers, data, timeout_s)
        if isinstance(answer.body, dict) and isinstance(answer.body.get("server_time"), str):
            self._set_clock(answer.body["server_time"])
        self.memory.heard_s = self.now()
        return answer

    async def _send(
        self, method: str, url: URL, headers: Mapping[str, str], data: bytes, timeout_s: float
    ) -> Answer:
        drop = self._faults.next_drop()
        if drop == "request":
            raise NetworkLost
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self.http.request(
                method, url, headers=headers, data=data or None, timeout=timeout, allow_redirects=False
            ) as reply:
                raw = await reply.read()
                status, told = reply.status, reply.headers.get("ETag", "").strip('"')
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise NetworkLost from None
        if drop == "answer":
            raise NetworkLost
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            raise NetworkLost from None  # something between us and the server answered
        if status >= 400:
            problem = body if isinstance(body, dict) else {}
            facts = problem.get("facts")
            raise Problem(
                status,
                str(problem.get("code", "")),
                facts if isinstance(facts, dict) else {},
                str(problem.get("detail") or problem.get("title", "")),
            )
        return Answer(status, body, told)

    def _set_clock(self, told: str, *, force: bool = False) -> None:
        """Take the server's time for ours where ours is off."""
        try:
            offset = datetime.fromisoformat(told).timestamp() - self.clock()
        except ValueError:
            return
        if force or abs(offset - self.memory.offset_s) > SKEW_S:
            self.memory.offset_s = offset
