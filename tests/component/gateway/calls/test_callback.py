"""Placing calls from the screen, through the control API and its client."""

import asyncio

import aiohttp
import pytest

from core.access.model import Principal, Role
from core.status import State
from gateway.calls.client import CallsClient
from gateway.calls.control import SECRET_NAME, SOCKET_NAME, Hanger
from gateway.calls.errors import (
    AlreadyPlaced,
    CallNotPlaced,
    CallOver,
    CallRefused,
    CallsUnavailable,
    CallTargetUnknown,
    PhoneNotRegistered,
    SwitchNotConnected,
)
from gateway.contact.errors import VerdictUnavailable
from gateway.numbers.model import BindingView
from gateway.switch import protocol as sip
from tests.component.gateway.calls.house import STAFF_SDP, House, Phone
from tests.support.desk import shanghai

NOBODY = "0" * 32


def client_of(house: House) -> CallsClient:
    secret = house.desk.vault.secret(SECRET_NAME).reveal_text()
    return CallsClient(house.settings.run_dir / SOCKET_NAME, secret, timeout_s=10)


async def test_place_and_hang_up(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene, client_of(house) as client:
        await scene.register(phone)
        placed = await client.place(binding.employee_id, binding.id, None)
        staff = await scene.next(sip.Originate)
        scene.answered(staff.leg, STAFF_SDP)
        customer = await scene.next(sip.Originate)
        await client.hangup(placed.call_id, Hanger.STAFF)
        assert {(await scene.next(sip.Hangup)).leg for _ in range(2)} == {staff.leg, customer.leg}
        row = await scene.closed()
        with pytest.raises(CallOver):
            await client.hangup(placed.call_id, Hanger.STAFF)
    assert (row.id, row.cause, row.ended_by) == (placed.call_id, "cancelled", "staff")


async def test_the_same_key_is_the_same_call(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene, client_of(house) as client:
        await scene.register(phone)
        wishes = [client.place(binding.employee_id, binding.id, "once") for _ in range(4)]
        placed = await asyncio.gather(*wishes)
        assert len({call.call_id for call in placed}) == 1
        with pytest.raises(AlreadyPlaced):
            await client.place(binding.employee_id, NOBODY, "once")
    assert len(await house.rows()) == len(await house.contact_rows()) == 1


async def test_a_refusal_names_rule_reason_and_time(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene, client_of(house) as client:
        await scene.register(phone)
        house.clock.set(shanghai(22, 30))
        await scene.register(phone)
        for _ in range(2):  # the second time by the key
            with pytest.raises(CallRefused) as refused:
                await client.place(binding.employee_id, binding.id, "late")
            assert refused.value.facts["rule_id"] == "hours-collection"
            assert refused.value.facts["rule_version"]
            assert str(refused.value.facts["next_allowed_at"]).startswith("2026-11-22T00:00")
            assert refused.value.message("zh") != refused.value.message("en")
        await scene.closed()
    assert len(await house.rows()) == 1


async def test_what_is_missing_is_said(
    house: House, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene, client_of(house) as client:
        with pytest.raises(PhoneNotRegistered):
            await client.place(agent.employee_id, binding.id, None)
        await scene.register(phone)
        with pytest.raises(CallTargetUnknown):
            await client.place(agent.employee_id, NOBODY, None)
        house.contacts.faults["judge"] = [VerdictUnavailable()]
        with pytest.raises(CallNotPlaced):
            await client.place(agent.employee_id, binding.id, None)
        scene.switch.disconnect()
        with pytest.raises(SwitchNotConnected):
            await client.place(agent.employee_id, binding.id, None)
    assert not await house.rows()


async def test_a_binding_of_somebody_else_is_unknown(house: House, binding: BindingView) -> None:
    other = await house.principal(Role.AGENT)
    phone = await house.phone_of(other)
    async with house.open() as scene, client_of(house) as client:
        await scene.register(phone)
        with pytest.raises(CallTargetUnknown):
            await client.place(other.employee_id, binding.id, None)
    assert not await house.contact_rows()


async def test_without_the_secret_there_is_nothing(house: House, binding: BindingView) -> None:
    async with house.open():
        connector = aiohttp.UnixConnector(path=str(house.settings.run_dir / SOCKET_NAME))
        async with aiohttp.ClientSession(connector=connector) as http:
            body = {"employee_id": binding.employee_id, "binding_id": binding.id}
            for headers in ({}, {"Authorization": "Bearer " + "x" * 43}):
                async with http.post("http://calls/calls", json=body, headers=headers) as answer:
                    assert answer.status == 401


async def test_status_and_absence(house: House) -> None:
    async with client_of(house) as client:
        async with house.open() as scene:
            seen = await client.status()
            assert seen.state is State.OK
            assert seen.facts["switch_connected"] is True
            assert seen.facts["live_calls"] == 0
            scene.switch.disconnect()
            assert (await client.status()).state is State.DOWN
        assert (await client.status()).state is State.DOWN
        with pytest.raises(CallsUnavailable):
            await client.place(NOBODY, NOBODY, None)


async def test_the_socket_is_for_its_owner_only(house: House) -> None:
    async with house.open():
        assert (house.settings.run_dir / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
        assert house.settings.run_dir.stat().st_mode & 0o777 == 0o700


async def test_metrics_count_ends_by_cause(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        customer = await scene.next(sip.Originate)
        scene.failed(customer.leg, 486)
        await scene.closed()
        labels = {"flow": "staff", "cause": "busy", "ended_by": "customer"}
        assert scene.calls.metrics.registry.get_sample_value("maskline_calls_ended_total", labels) == 1
