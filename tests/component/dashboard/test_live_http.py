"""The live feed over HTTP: what it begins with, who gets none, and a reader that does not read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestClient

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.web.app import Pages, build_app
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import StreamReply
from dashboard.live.feed import Limits, LiveFeed
from dashboard.live.pulse import Pulse
from dashboard.pages.supervisor import events
from maskline.permissions import registry
from tests.support.web import NOW

CHUNK = b"x" * 65536
GOOD, POOR = "good-token-0123456789abcdef", "poor-token-0123456789abcdef"


@dataclass
class OneReviewer:
    """An authenticator and the sessions behind it: one reviewer, and somebody who may do nothing."""

    over: bool = False

    async def authenticate(self, token: str) -> Principal | None:
        roles = {GOOD: frozenset({Role.REVIEWER}), POOR: frozenset[Role]()}.get(token)
        if roles is None:
            return None
        grants = registry().grants_for(roles)
        return Principal("f" * 32, None, "", roles, grants, token, NOW)

    async def look_up(self, session_ids: object) -> dict[str, Principal]:
        del session_ids
        principal = await self.authenticate(GOOD)
        return {} if self.over or principal is None else {GOOD: principal}


@dataclass
class Flood:
    """An endpoint that never stops; `cut` is set when the server gives its reader up."""

    cut: asyncio.Event

    def endpoint(self) -> Endpoint:
        async def chunks() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield CHUNK
            finally:
                self.cut.set()

        @endpoint(
            "GET",
            "/flood",
            permission="call.read",
            summary_zh="流",
            summary_en="Flood",
            produces="text/plain",
            kind="page",
        )
        async def flood() -> StreamReply:
            return StreamReply(chunks(), "text/plain", write_timeout_s=0.2)

        return flood


@dataclass
class Server:
    client: TestClient
    feed: LiveFeed
    people: OneReviewer
    flood: Flood


@pytest.fixture
async def server(
    database: Database,
    clock: ManualClock,
    settings: Settings,
    aiohttp_client: Callable[..., Awaitable[TestClient]],
) -> Server:
    people, flood = OneReviewer(), Flood(asyncio.Event())
    feed = LiveFeed(Pulse(database, clock), people, Limits(poll_s=0.01, recheck_s=0.0, total=1))
    app = build_app(
        settings,
        endpoints=[],
        permissions=registry(),
        authenticator=people,
        clock=clock,
        pages=Pages([*events.endpoints(feed), flood.endpoint()], closing=[feed.close]),
    )
    return Server(await aiohttp_client(app), feed, people, flood)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_stream_begins_with_the_whole_picture_and_ends_with_its_session(server: Server) -> None:
    answer = await server.client.get(
        "/live/events", headers={**bearer(GOOD), "Last-Event-ID": "17", "Accept": "text/event-stream"}
    )
    assert answer.status == 200
    assert answer.content_type == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-store"
    async with asyncio.timeout(60):
        assert await answer.content.readline() == b"retry: 3000\n"
        await answer.content.readline()
        assert await answer.content.readline() == b"event: picture\n"
        assert b'"calls":{"version":' in await answer.content.readline()
        full = await server.client.get("/live/events", headers=bearer(GOOD))
        assert full.status == 503
        assert full.headers.get("Content-Type", "").startswith("application/problem+json")
        server.people.over = True
        assert b'{"reason":"session"}' in await answer.content.read()
    assert len(server.feed) == 0


async def test_only_those_who_may_see_calls_get_a_stream(server: Server) -> None:
    assert (await server.client.get("/live/events")).status == 401
    assert (await server.client.get("/live/events", headers=bearer(POOR))).status == 403
    assert (await server.client.head("/live/events", headers=bearer(GOOD))).status == 200
    assert len(server.feed) == 0, "a HEAD opens nothing"


async def test_the_server_does_not_wait_for_open_streams_when_it_stops(server: Server) -> None:
    answer = await server.client.get("/live/events", headers=bearer(GOOD))
    await answer.content.readline()
    async with asyncio.timeout(20):  # aiohttp itself would wait for a minute
        await server.client.server.close()
    assert len(server.feed) == 0


async def test_a_reader_that_does_not_read_is_cut(server: Server) -> None:
    port = server.client.port
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
    writer.write(f"GET /flood HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {GOOD}\r\n\r\n".encode())
    await writer.drain()
    async with asyncio.timeout(60):
        await server.flood.cut.wait()
    writer.transport.abort()
    await asyncio.sleep(0)
