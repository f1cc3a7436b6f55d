"""A web process that stops says so to every connected phone (RFC 6455 §7.4.1: 1001), and waits for none of them."""

import asyncio
import base64
import os

import pytest
from aiohttp import WSCloseCode

from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.web.app import API_PREFIX, build_app
from core.web.ports import NobodyKnown
from core.web.server import serve
from devicepolicy.identity.gate import DeviceGate
from devicepolicy.wake.api import endpoints
from maskline.permissions import registry
from tests.support.commanding import Agent, CommandHouse, phone_headers

WAKE = f"{API_PREFIX}/agent/wake"
PHONES = 30
WITHIN_S = 60.0


class MutePhone:
    """Connects, and says nothing any more: asleep, or out of reach."""

    def __init__(self, phone: Agent) -> None:
        self.phone = phone

    async def connect(self, port: int) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        headers = {
            "Host": "server",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            **phone_headers(self.phone, "GET", WAKE),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.writer.write(f"GET {WAKE} HTTP/1.1\r\n{lines}\r\n".encode())
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    async def goodbye(self) -> int:
        """Read the closing frame and the end of the connection; give the code."""
        opcode, length = await self.reader.readexactly(2)
        assert opcode == 0x88
        payload = await self.reader.readexactly(length)
        assert await self.reader.read() == b""
        self.writer.close()
        return int.from_bytes(payload[:2], "big")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_phone_is_told_and_none_is_waited_for(
    database: Database, clock: ManualClock, settings: Settings
) -> None:
    house = CommandHouse(database, clock)
    app = build_app(
        settings,
        endpoints=endpoints(house.hub, house.standing, DeviceGate(database, clock)),
        permissions=registry(),
        authenticator=NobodyKnown(),
        clock=clock,
    )
    app.on_shutdown.append(lambda _app: house.hub.close())
    phones = [MutePhone(await house.phone()) for _ in range(PHONES)]
    async with asyncio.timeout(WITHIN_S):
        async with serve(app, host="127.0.0.1") as port:
            await asyncio.gather(*(phone.connect(port) for phone in phones))
            while len(house.hub) < PHONES:  # noqa: ASYNC110 - the hub has no event for its tests
                await asyncio.sleep(0)
        codes = await asyncio.gather(*(phone.goodbye() for phone in phones))
    assert set(codes) == {WSCloseCode.GOING_AWAY}
