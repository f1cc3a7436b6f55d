"""Waking: right after the commit, from other processes too, by WebSocket and long poll; and only to look."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType
from aiohttp.test_utils import TestClient
from sqlalchemy import func, select

from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.status import PartStatus, State
from core.web.app import API_PREFIX, build_app
from core.web.ports import NobodyKnown
from devicepolicy.commands import kinds
from devicepolicy.commands.agent_api import endpoints as agent_endpoints
from devicepolicy.commands.model import NewCommand
from devicepolicy.identity.gate import DeviceGate
from devicepolicy.wake.api import WakeTimes
from devicepolicy.wake.api import endpoints as wake_endpoints
from devicepolicy.wake.errors import WakeFull
from devicepolicy.wake.hub import HubLimits, WakeHub
from devicepolicy.wake.log import Tail, Wake, purge, write
from devicepolicy.wake.look import Look, Place
from devicepolicy.wake.models import WakeRow
from maskline.permissions import registry
from tests.support.commanding import Agent, CommandHouse, phone_headers

WAKE, POLL = f"{API_PREFIX}/agent/wake", f"{API_PREFIX}/agent/wake/poll"


@pytest.fixture
def house(database: Database, clock: ManualClock) -> CommandHouse:
    return CommandHouse(database, clock)


@dataclass
class Site:
    client: TestClient
    house: CommandHouse

    async def socket(self, phone: Agent) -> aiohttp.ClientWebSocketResponse:
        return await self.client.ws_connect(WAKE, headers=phone_headers(phone, "GET", WAKE))

    async def poll(self, phone: Agent, query: str = "") -> list[dict[str, object]]:
        target = POLL + query
        async with self.client.get(target, headers=phone_headers(phone, "GET", target)) as answer:
            assert answer.status == 200
            looks: list[dict[str, object]] = (await answer.json())["looks"]
            return looks


@pytest.fixture
async def site(
    house: CommandHouse, settings: Settings, aiohttp_client: Callable[..., Awaitable[TestClient]]
) -> Site:
    gate = DeviceGate(house.database, house.clock)
    app = build_app(
        settings,
        endpoints=[
            *agent_endpoints(house.commands.queue, house.clock, gate),
            *wake_endpoints(house.hub, house.standing, gate, WakeTimes(long_poll_s=0.2)),
        ],
        permissions=registry(),
        authenticator=NobodyKnown(),
        clock=house.clock,
    )
    return Site(await aiohttp_client(app), house)


async def lock(house: CommandHouse, phone: Agent) -> str:
    view = await house.commands.service.issue(house.admin, NewCommand(phone.device_id, kinds.LOCK))
    return view.id


async def said(socket: aiohttp.ClientWebSocketResponse) -> dict[str, object]:
    async with asyncio.timeout(10):
        found: dict[str, object] = json.loads(await socket.receive_str())
        return found


async def joined(house: CommandHouse, phone: Agent) -> None:
    """Wait until the server holds the phone."""
    async with asyncio.timeout(10):
        while phone.device_id not in house.hub:  # noqa: ASYNC110 - the hub has no event for its tests
            await asyncio.sleep(0)


async def test_a_connected_phone_is_told_to_look_and_nothing_else(site: Site) -> None:
    house = site.house
    phone = await house.phone()
    await lock(house, phone)
    socket = await site.socket(phone)
    assert await said(socket) == {"look": "commands", "version": 1}, "what was there before it came"
    async with house.database.begin() as session:
        new = NewCommand(phone.device_id, kinds.StartLostMode(message=kinds.Message("canary")))
        await house.commands.service.issue_in(session, new, issued_by=None)
    assert await said(socket) == {"look": "commands", "version": 2}
    await socket.close()


async def test_a_new_connection_replaces_the_one_before(site: Site) -> None:
    phone = await site.house.phone()
    first = await site.socket(phone)
    await joined(site.house, phone)
    second = await site.socket(phone)
    async with asyncio.timeout(10):
        message = await first.receive()
    assert (message.type, message.data) == (WSMsgType.CLOSE, WSCloseCode.OK)
    await lock(site.house, phone)
    assert await said(second) == {"look": "commands", "version": 1}
    assert len(site.house.hub) == 1
    await second.close()


async def test_a_phone_that_is_dismissed_or_talks_is_cut(site: Site) -> None:
    house = site.house
    gone, talker = await house.phone(), await house.phone()
    first, second = await site.socket(gone), await site.socket(talker)
    await joined(house, gone)
    async with house.database.begin() as session:
        await house.wakes.say_bye(session, gone.device_id)
    await second.send_str("hello")
    async with asyncio.timeout(10):
        assert (await first.receive()).data == WSCloseCode.OK
        assert (await second.receive()).data == WSCloseCode.POLICY_VIOLATION
        while len(house.hub):  # noqa: ASYNC110
            await asyncio.sleep(0)


async def test_headwind_5_37_phones_that_come_and_go_leave_no_descriptor_open(site: Site) -> None:
    """Headwind 5.37 leaked a file descriptor with each connection. Here phones leave, vanish, and are replaced."""
    house = site.house
    phones = [await house.phone() for _ in range(4)]
    for phone in phones:
        await site.poll(phone)  # pools are as full as they get
    before = open_descriptors()
    for number in range(40):
        phone = phones[number % 4]
        socket = await site.socket(phone)
        await joined(house, phone)
        if number % 3 == 0:
            await socket.close()
        elif number % 3 == 1:
            socket._response.connection.transport.abort()  # as when the phone's network is gone
    async with house.database.begin() as session:
        for phone in phones:
            await house.wakes.say_bye(session, phone.device_id)
    async with asyncio.timeout(60):
        while len(house.hub) or open_descriptors() > before + len(phones):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_who_may_not_connect_is_told_why(site: Site) -> None:
    phone = await site.house.phone()
    unsigned = await site.client.get(WAKE)
    assert (unsigned.status, (await unsigned.json())["code"]) == (401, "signature-missing")
    plain = await site.client.get(WAKE, headers=phone_headers(phone, "GET", WAKE))
    assert (plain.status, plain.headers["Upgrade"]) == (426, "websocket")
    other = phone_headers(phone, "GET", POLL)
    swapped = await site.client.get(WAKE, headers=other)
    assert (swapped.status, (await swapped.json())["code"]) == (401, "signature-forged")
    headers = phone_headers(phone, "GET", POLL)
    await site.client.get(POLL, headers=headers)
    replayed = await site.client.get(POLL, headers=headers)
    assert (replayed.status, (await replayed.json())["code"]) == (401, "request-replayed")
    await site.house.hub.close()
    full = await site.client.get(WAKE, headers=phone_headers(phone, "GET", WAKE))
    assert (full.status, (await full.json())["code"]) == (503, "wake-full")


async def test_a_long_poll_answers_at_once_if_there_is_something_new(site: Site) -> None:
    phone = await site.house.phone()
    assert await site.poll(phone) == [], "nothing happened in time"
    await lock(site.house, phone)
    assert await site.poll(phone) == [{"look": "commands", "version": 1}]
    assert await site.poll(phone, "?commands=1") == [], "that it has seen"
    assert len(site.house.hub) == 0


async def test_a_long_poll_that_waits_is_answered_by_the_commit(house: CommandHouse) -> None:
    phone = await house.phone()
    connection = house.hub.join(phone.device_id)
    waiting = asyncio.ensure_future(connection.next(30))
    await asyncio.sleep(0)
    await lock(house, phone)
    async with asyncio.timeout(5):
        assert await waiting == (Look(Place.COMMANDS, 1),)


async def test_the_server_lets_all_phones_go_when_it_stops(site: Site) -> None:
    sockets = [await site.socket(await site.house.phone()) for _ in range(3)]
    async with asyncio.timeout(10):
        while len(site.house.hub) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0)
        await site.house.hub.close()
        for socket in sockets:
            assert (await socket.receive()).data == WSCloseCode.GOING_AWAY


@dataclass
class Elsewhere:
    """A hub of another process on the same database."""

    hub: WakeHub

    async def hears(self, device_id: str) -> tuple[Look, ...]:
        return await self.hub.join(device_id).next(10)


@pytest.fixture
async def elsewhere(database: Database) -> AsyncIterator[Elsewhere]:
    hub = WakeHub(Tail(database), HubLimits(poll_s=0.01))
    await hub.start()
    yield Elsewhere(hub)
    await hub.close()


async def test_a_phone_connected_to_another_process_hears_of_it(
    house: CommandHouse, elsewhere: Elsewhere
) -> None:
    phone = await house.phone()
    hearing = asyncio.ensure_future(elsewhere.hears(phone.device_id))
    await asyncio.sleep(0)
    await lock(house, phone)
    assert await hearing == (Look(Place.COMMANDS, 1),)


async def test_everybody_is_woken_for_a_policy_of_all(house: CommandHouse, elsewhere: Elsewhere) -> None:
    here = [house.hub.join(f"{number:032x}") for number in range(250)]
    hearing = asyncio.ensure_future(elsewhere.hears("f" * 32))
    await asyncio.sleep(0)
    async with house.database.begin() as session:
        await house.wakes.look_for_policy(session, None, 7)
    assert await hearing == (Look(Place.POLICY, 7),)
    looks = await asyncio.gather(*(connection.next(10) for connection in here))
    assert set(looks) == {(Look(Place.POLICY, 7),)}


async def test_a_full_hub_takes_nobody_but_who_is_there(database: Database) -> None:
    hub = WakeHub(Tail(database), HubLimits(connections=1))
    first = hub.join("a" * 32)
    with pytest.raises(WakeFull):
        hub.join("b" * 32)
    second = hub.join("a" * 32)
    assert [look.place for look in first.take()] == [Place.BYE]
    hub.leave(first)
    assert "a" * 32 in hub
    hub.leave(second)
    assert len(hub) == 0


async def test_only_the_newest_of_each_place_waits_for_a_slow_phone(house: CommandHouse) -> None:
    connection = house.hub.join("a" * 32)
    for version in (1, 3, 2):
        connection.tell(Look(Place.COMMANDS, version))
    connection.tell(Look(Place.POLICY, 9))
    assert connection.take() == (Look(Place.COMMANDS, 3), Look(Place.POLICY, 9))
    assert connection.take() == ()


@pytest.mark.postgres
async def test_a_number_that_commits_after_a_higher_one_is_not_lost(
    postgres_url: str, clock: ManualClock
) -> None:
    database = Database(postgres_url)
    time = 0.0
    tail = Tail(database, monotonic=lambda: time)
    await tail.start()
    early, late = Wake("a" * 32, Look(Place.COMMANDS, 1)), Wake("b" * 32, Look(Place.COMMANDS, 1))
    async with database.begin() as slow:
        await write(slow, clock.now(), early)
        async with database.begin() as quick:
            await write(quick, clock.now(), late)
        assert await tail.read() == [late]
        floor = tail.floor
    assert await tail.read() == [early]
    assert tail.floor == floor + 2
    async with database.begin() as broken:
        await write(broken, clock.now(), early)
        await broken.rollback()
    async with database.begin() as session:
        await write(session, clock.now(), late)
    assert await tail.read() == [late]
    assert tail.floor == floor + 2, "a number is missing: it may still come"
    time = 31.0
    assert await tail.read() == []
    assert tail.floor == floor + 4, "it was rolled back"
    await database.close()


async def test_old_wakes_are_forgotten_and_numbers_only_grow(
    database: Database, clock: ManualClock, house: CommandHouse
) -> None:
    tail = Tail(database)
    await tail.start()
    for version in range(3):
        async with database.begin() as session:
            await house.wakes.look_for_commands(session, "a" * 32, version)
    assert len(await tail.read()) == 3
    clock.advance(timedelta(days=2))
    await purge(database, clock)
    async with database.begin() as session:
        assert await session.scalar(select(func.count()).select_from(WakeRow)) == 1
        await house.wakes.look_for_commands(session, "b" * 32, 1)
    assert [wake.device_id for wake in await tail.read()] == ["b" * 32]


async def test_phones_wait_for_a_database_that_is_away_and_then_look(database: Database) -> None:
    """What was written before the log could be read may have been for anybody."""
    away = Database("sqlite+aiosqlite:////nowhere/at/all.db")
    tail = Tail(away)
    hub = WakeHub(tail, HubLimits(poll_s=0.01))
    await hub.start()
    connection = hub.join("a" * 32)
    assert (await hub.status()).state is State.DEGRADED
    assert connection.take() == ()
    tail._database = database
    assert await connection.next(10) == (Look(Place.COMMANDS), Look(Place.POLICY))
    assert (await hub.status()) == PartStatus(State.OK, {"connected": 1})
    await hub.close()
    await away.close()
