"""The demo's way to the API: the same HTTP that an integrator uses."""

import secrets
from types import TracebackType
from typing import Any, Self

import aiohttp

from core.errors import Unavailable
from maskline.demo.cast import Login


class ApiRefused(Unavailable):
    """The API answered the demo with something else than it should."""

    code = "demo-api-refused"
    zh = "接口未按预期应答演示程序。"


class Api:
    """A client for one person. `password` is the one that this person has chosen."""

    def __init__(self, base_url: str, login: Login) -> None:
        self._base = base_url.rstrip("/")
        self._login = login
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        self._token = ""
        self.password = secrets.token_urlsafe(12)

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

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Write; raise `ApiRefused` for anything but 2xx."""
        return await self._ask("POST", path, json=body)

    async def _log_in(self) -> None:
        """Log in with the first password and choose an own one, as everybody must."""
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

    async def _ask(self, method: str, path: str, **options: Any) -> Any:
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
            return await answer.json() if answer.status != 204 else None
