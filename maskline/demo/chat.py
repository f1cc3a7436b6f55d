"""A customer with the link of a web chat: reads what comes, says that it was seen, answers."""

import asyncio
from types import TracebackType
from typing import Any, Self

import aiohttp

from core.errors import Unavailable
from core.ids import new_id

ANSWER_WITHIN_S = 20.0


class ChatFailed(Unavailable):
    """The web chat answered the demo's customer with something else than it should."""

    code = "demo-chat-failed"
    zh = "网页会话未按预期应答演示客户。"


class ChatCustomer:
    """One open page. `seen` has the text of every message that it showed, by id."""

    def __init__(self, link: str, http: aiohttp.ClientSession, *, origin: str | None = None) -> None:
        """`origin`: what the browser says where the page came from; by default the link's own host."""
        address, _, self._token = link.partition("#")
        self._address = address.rstrip("/")
        self._origin = origin or "/".join(self._address.split("/")[:3])
        self._http = http
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.seen: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self._socket = await self._http.ws_connect(f"{self._address}/ws", headers={"Origin": self._origin})
        await self._socket.send_json({"type": "hello", "token": self._token})
        await self._hear("ready")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def reads(self, message_id: str) -> str:
        """Wait for a message, say that it was seen, and give its text."""
        while message_id not in self.seen:
            await self._hear("line")
        return self.seen[message_id]

    async def says(self, text: str) -> None:
        """Write something and wait until it is kept."""
        reference = new_id()
        await self._send({"type": "say", "ref": reference, "text": text})
        while (await self._hear("kept"))["ref"] != reference:
            pass

    async def _send(self, frame: dict[str, object]) -> None:
        if self._socket is None:
            raise ChatFailed("not open")
        await self._socket.send_json(frame)

    async def _hear(self, kind: str) -> dict[str, Any]:
        """Give the next frame of a kind; what is shown on the way is seen."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                while self._socket is not None:
                    said = await self._socket.receive()
                    if said.type is not aiohttp.WSMsgType.TEXT:
                        raise ChatFailed(f"closed with {self._socket.close_code}")
                    frame: dict[str, Any] = said.json()
                    if frame["type"] == "line" and not frame["mine"]:
                        self.seen[frame["id"]] = frame["text"]
                        if frame["waiting"]:
                            await self._send({"type": "seen", "id": frame["id"]})
                    if frame["type"] == kind:
                        return frame
        except TimeoutError:
            raise ChatFailed(f"no {kind} within {ANSWER_WITHIN_S:.0f} s") from None
        raise ChatFailed("not open")
