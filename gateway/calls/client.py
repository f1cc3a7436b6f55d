"""The web process's way to the calls process: its control API over the Unix socket."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from core.errors import MasklineError
from core.status import PartStatus, State
from gateway.calls import errors
from gateway.calls.control import Hanger
from gateway.calls.errors import CallRefused, CallsUnavailable
from gateway.calls.service import PlacedCall

TIMEOUT_S = 20.0
_KNOWN: dict[str, type[MasklineError]] = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, MasklineError) and kind.__module__ == errors.__name__
}


class CallsClient:
    """Asks the calls process. Every fault of the way is `CallsUnavailable`; what it refuses, it says why."""

    def __init__(self, socket: Path, secret: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._socket = socket
        self._secret = secret
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def place(self, employee_id: str, binding_id: str, idempotency_key: str | None) -> PlacedCall:
        """Place a callback; see `CallService.place` for what it raises."""
        wish = {"employee_id": employee_id, "binding_id": binding_id, "idempotency_key": idempotency_key}
        answer = await self._ask("POST", "/calls", wish)
        return PlacedCall(answer["call_id"], answer["contact_id"])

    async def hangup(self, call_id: str, by: Hanger) -> None:
        """End a live call. Raises `CallOver`, `CallsUnavailable`."""
        await self._ask("POST", f"/calls/{call_id}/hangup", {"by": by.value})

    async def end_inactive(self) -> int:
        """End the live calls of inactive employees; give how many. Raises `CallsUnavailable`."""
        return int((await self._ask("POST", "/presence", None))["calls"])

    # --- what /status of `web` shows ------------------------------------------------------------

    @property
    def name(self) -> str:
        return "calls"

    async def status(self) -> PartStatus:
        """Give the calls process's own view of itself; down if it does not answer."""
        try:
            answer = await self._ask("GET", "/status", None)
        except CallsUnavailable as error:
            return PartStatus(State.DOWN, {"error": error.code})
        part = (answer.get("parts") or {}).get("calls", {})
        return PartStatus(State(answer["state"]), part.get("facts", {}))

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        try:
            async with self._session().request(method, f"http://calls{path}", json=body) as response:
                if response.status == 204:
                    return {}
                answer: dict[str, Any] = await response.json(content_type=None)
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            raise CallsUnavailable from None
        if status < 400 or path == "/status":
            return answer
        raise error_of(answer)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(path=str(self._socket)),
                headers={"Authorization": f"Bearer {self._secret}"},
                timeout=self._timeout,
            )
        return self._http


def error_of(problem: dict[str, Any]) -> MasklineError:
    """Rebuild the error that the calls process answered with; an unknown one is `CallsUnavailable`."""
    kind = _KNOWN.get(str(problem.get("code")))
    facts = {str(name): value for name, value in (problem.get("facts") or {}).items()}
    if kind is None:
        return CallsUnavailable(reason=str(problem.get("code", "?")))
    if kind is CallRefused:
        return CallRefused(facts.get("reason_en"), detail_zh=facts.get("reason_zh"), **facts)
    return kind(**facts)
