"""Nonces of many requests at once: each counts once, in any process, after a restart, whatever the order."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from core.db import Database
from core.web.wire import WireRequest
from devicepolicy.devices.model import SEEN_EVERY, Trust
from devicepolicy.identity.errors import DeviceReleased, RequestReplayed
from devicepolicy.identity.gate import Admitted, DeviceGate
from devicepolicy.identity.models import NonceRow
from devicepolicy.identity.requests import sign_request
from tests.support.fleet import House, SimPhone

TARGET = "/api/v1/agent/me"


def captured(phone: SimPhone) -> WireRequest:
    """A request as an eavesdropper has it."""
    headers = sign_request(
        phone.key, phone.device_id, method="GET", target=TARGET,
        created=phone.house.clock.now(), nonce=secrets.token_urlsafe(16),
    )  # fmt: skip
    return WireRequest("GET", TARGET, tuple(headers.items()), b"")


@asynccontextmanager
async def another_process(house: House) -> AsyncIterator[DeviceGate]:
    """A gate that shares nothing with the house's but the database."""
    database = Database(house.database.url.render_as_string(hide_password=False))
    try:
        yield DeviceGate(database, house.clock)
    finally:
        await database.close()


async def ask(gate: DeviceGate, requests: Sequence[WireRequest]) -> list[str]:
    """Send requests at the same time; say how each ended."""
    answers = await asyncio.gather(*(gate.admit(one) for one in requests), return_exceptions=True)
    for answer in answers:
        assert isinstance(answer, Admitted | RequestReplayed), answer
    return ["admitted" if isinstance(answer, Admitted) else "replayed" for answer in answers]


async def test_a_request_counts_once_in_another_process_and_after_a_restart(house: House) -> None:
    request = captured(await house.phone())
    assert await ask(house.fleet.gate, [request]) == ["admitted"]
    for _ in range(2):
        async with another_process(house) as gate:
            assert await ask(gate, [request]) == ["replayed"]


async def test_the_same_request_many_times_in_one_batch_counts_once(house: House) -> None:
    """Which of them it is nobody may say: each reads the phone's key on a connection of its own first."""
    phone = await house.phone()
    warm_up, request, other = captured(phone), captured(phone), captured(phone)
    first, *same, last = await ask(house.fleet.gate, [warm_up, request, request, request, other])
    assert (first, last) == ("admitted", "admitted")
    assert sorted(same) == ["admitted", "replayed", "replayed"]


async def test_captured_requests_sent_to_two_processes_in_opposite_order_count_once_and_block_nobody(
    house: House,
) -> None:
    phones = [await house.phone() for _ in range(3)]
    requests = [captured(phone) for phone in phones for _ in range(10)]
    async with another_process(house) as gate:
        here, there = await asyncio.gather(
            ask(house.fleet.gate, requests), ask(gate, list(reversed(requests)))
        )
    for one, other in zip(here, reversed(there), strict=True):
        assert sorted((one, other)) == ["admitted", "replayed"]
    assert await house.count(NonceRow) >= len(requests)


async def test_a_phone_that_another_process_released_is_out_although_its_key_is_known_here(
    house: House,
) -> None:
    phone = await house.phone()
    async with another_process(house) as gate:
        assert await ask(gate, [captured(phone)]) == ["admitted"]
        assert (await house.ask(house.admin, "POST", f"/devices/{phone.device_id}/release"))[0] == 204
        with pytest.raises(DeviceReleased):
            await gate.admit(captured(phone))
        assert (await gate.admit(captured(phone), trust=set(Trust))).phone.trust is Trust.RELEASED


async def test_when_a_phone_was_seen_is_written_with_its_first_request_and_never_lags_by_more_than_it_may(
    house: House,
) -> None:
    phone = await house.phone()
    house.clock.advance(timedelta(minutes=1))
    first = house.clock.now()
    await ask(house.fleet.gate, [captured(phone), captured(phone)])
    assert (await house.row(phone.device_id)).last_seen_at == first
    house.clock.advance(SEEN_EVERY - timedelta(seconds=1))
    await ask(house.fleet.gate, [captured(phone)])
    assert (await house.row(phone.device_id)).last_seen_at == first
    house.clock.advance(timedelta(seconds=1))
    await ask(house.fleet.gate, [captured(phone)])
    assert (await house.row(phone.device_id)).last_seen_at == house.clock.now()


async def test_a_replay_is_no_sign_of_life(house: House) -> None:
    phone = await house.phone()
    request = captured(phone)
    await ask(house.fleet.gate, [request])
    seen = (await house.row(phone.device_id)).last_seen_at
    house.clock.advance(timedelta(minutes=1))
    assert await ask(house.fleet.gate, [request]) == ["replayed"]
    assert (await house.row(phone.device_id)).last_seen_at == seen


async def test_a_phone_that_spoke_within_its_time_is_never_called_silent(house: House) -> None:
    phone = await house.phone()
    house.clock.advance(timedelta(minutes=1))
    await ask(house.fleet.gate, [captured(phone)])
    house.clock.advance(SEEN_EVERY - timedelta(seconds=1))
    await ask(house.fleet.gate, [captured(phone)])  # heard of, and not written
    house.clock.advance(timedelta(seconds=house.settings.phones.reports.offline_s))
    await house.fleet.sweep()
    assert not (await house.row(phone.device_id)).offline
    house.clock.advance(timedelta(seconds=2))
    await house.fleet.sweep()
    assert (await house.row(phone.device_id)).offline


async def test_a_phone_whose_row_is_locked_keeps_no_other_request_waiting(house: House) -> None:
    """Whoever holds a phone's row may be waiting for a request in turn."""
    if house.database.is_sqlite:
        pytest.skip("SQLite has one writer")
    busy, other = await house.phone(), await house.phone()
    house.clock.advance(timedelta(minutes=1))
    async with house.database.begin() as session:
        await house.fleet.register.locked(session, busy.device_id)
        async with asyncio.timeout(60):
            assert await ask(house.fleet.gate, [captured(busy), captured(other)]) == ["admitted"] * 2
    assert (await house.row(other.device_id)).last_seen_at == house.clock.now()
