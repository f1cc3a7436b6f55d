"""The demo's way to the API: the same HTTP that an integrator uses."""

import secrets
from types import TracebackType
from typing import Any, Self

import aiohttp
import pyotp

from core.errors import Unavailable
from maskline.demo.cast import Login


class ApiRefused(Unavailable):
    """The API answered the demo with something else than it should."""

    code = "demo-api-refused"
    zh = "接口未按预期应答演示程序。"


class Api:
    """A client for one person. `password` is the one that this person has chosen.

    `totp_secret` is what their authenticator holds; empty for whom a password is enough.
    """

    def __init__(self, base_url: str, login: Login) -> None:
        self._base = base_url.rstrip("/")
        self._login = login
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        self._token = ""
        self.password = secrets.token_urlsafe(12)
        self.totp_secret = ""

    async def __aenter__(self) -> Self:
        await self._log_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def get(self, path: str, **query: str) -> Any:
        """Read; raise `ApiRefused` for anything but 2xx."""
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Write; raise `ApiRefused` for anything but 2xx."""
        return await self._ask("POST", path, json=body) if body is not None else await self._ask("POST", path)

    async def fetch(self, path: str) -> bytes:
        """Read a file; raise `ApiRefused` for anything but 2xx."""
        content: bytes = await self._ask("GET", path, file=True)
        return content

    async def _log_in(self) -> None:
        """Log in with the first password and choose an own one, as everybody must; administrators do more."""
        opened = await self.post(
            "/session",
            {"username": self._login.username, "password": self._login.password, "deliver": "token"},
        )
        self._token = opened["token"]
        changed = await self._ask(
            "PUT",
            "/account/password",
            json={"current": self._login.password, "new": self.password},
        )
        self._token = changed["token"] or self._token
        if changed["stage"] == "enrol_totp":
            started = await self.post("/account/totp")
            self.totp_secret = started["secret"]
            code = pyotp.TOTP(self.totp_secret).now()
            confirmed = await self.post("/account/totp/confirm", {"code": code})
            self._token = confirmed["session"]["token"] or self._token

    async def _ask(self, method: str, path: str, *, file: bool = False, **options: Any) -> Any:
        headers = {"Accept-Language": "zh"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        async with self._http.request(
            method, f"{self._base}/api/v1{path}", headers=headers, **options
        ) as answer:
            if answer.status >= 400:
                problem = await answer.json(content_type=None)
                raise ApiRefused(
                    f"{method} {path}: {answer.status} {problem.get('code')}", status=answer.status
                )
            if file:
                return await answer.read()
            return await answer.json() if answer.status != 204 else None
