"""Calls with baresip: as a staff phone that registers and dials, as a customer, and on both ends."""

import asyncio

import pytest

from gateway.calls.control import Hanger
from gateway.calls.models import RegistrationRow
from tests.support.ports import free_port
from tests.support.system_desk import awaited
from tests.telephony.baresip import BARESIP, NO_BARESIP, baresip
from tests.telephony.flows import arrived, over, staff_phone
from tests.telephony.sound import CUSTOMER_HZ, STAFF_HZ, assert_voices, speak_on, spoken

pytestmark = pytest.mark.skipif(BARESIP is None, reason=NO_BARESIP)


def staff_account(desk, bound) -> str:
    account, (host, port) = bound.staff.sip, desk.system.sip
    return (
        f"<sip:{account.username}@{host}:{port}>;auth_user={account.username};auth_pass={account.password}"
        ";regint=600;answermode=auto;audio_codecs=PCMA"
    )


async def registered(desk, bound) -> None:
    async def look() -> bool:
        async with desk.ground.database.read() as session:
            rows = await session.scalars(
                RegistrationRow.__table__.select().where(
                    RegistrationRow.employee_id == bound.staff.employee_id
                )
            )
            return bool(list(rows))

    await awaited(look, what="baresip registers")


async def test_a_staff_phone_registers_dials_a_token_and_speaks(desk, trunk, tmp_path):
    bound = await desk.bind(await desk.hire())
    host, port = desk.system.sip
    dial = f"/dial sip:{bound.token}@{host}:{port}"
    async with baresip(
        tmp_path / "staff", staff_account(desk, bound), port=free_port(), hertz=STAFF_HZ, commands=(dial,)
    ):
        customer = await arrived(trunk)
        customer.ring()
        customer.answer()
        await speak_on((customer, CUSTOMER_HZ, STAFF_HZ), seconds=1.5)
        await registered(desk, bound)
        await customer.bye()
        assert spoken(customer.rtp.sound(customer.law), STAFF_HZ) > 0.8
        row = await desk.one_call(bound, "completed")
    assert row.ended_by == "customer"
    assert_voices((await desk.recording(row)).samples, seconds=2.5)


async def test_a_staff_phone_is_called_back(desk, trunk, tmp_path):
    bound = await desk.bind(await desk.hire())
    async with (
        desk.control() as control,
        baresip(tmp_path / "staff", staff_account(desk, bound), port=free_port(), hertz=STAFF_HZ),
    ):
        await registered(desk, bound)
        placed = await control.place(bound.staff.employee_id, bound.binding_id, None)
        customer = await arrived(trunk)
        customer.ring()
        customer.answer()
        await speak_on((customer, CUSTOMER_HZ, STAFF_HZ), seconds=1.0)
        await control.hangup(placed.call_id, Hanger.STAFF)
        await over(customer)
        row = await desk.one_call(bound, "completed")
    assert_voices((await desk.recording(row)).samples, seconds=2.5)


async def test_a_customer_with_baresip(desk, tmp_path):
    bound = await desk.bind(await desk.hire())
    account = f"<sip:{bound.number}@127.0.0.1>;regint=0;answermode=auto;audio_codecs=PCMU"
    async with (
        baresip(tmp_path / "customer", account, port=desk.system.trunk_port, hertz=CUSTOMER_HZ) as customer,
        staff_phone(desk, bound) as phone,
    ):
        await customer.said("baresip is ready")
        staff = phone.place(bound.token)
        assert await asyncio.wait_for(staff.status, 60) == 200
        await speak_on((staff, STAFF_HZ, CUSTOMER_HZ), seconds=1.0)
        await customer.stop()
        await over(staff)
        assert spoken(staff.rtp.sound(staff.law), CUSTOMER_HZ) > 0.5
        row = await desk.one_call(bound, "completed")
    assert row.ended_by == "customer"
    assert_voices((await desk.recording(row)).samples, seconds=2.5)


async def test_inbound_rings_a_baresip_staff_phone(desk, trunk, tmp_path):
    bound = await desk.bind(await desk.hire())
    async with baresip(tmp_path / "staff", staff_account(desk, bound), port=free_port(), hertz=STAFF_HZ):
        await registered(desk, bound)
        trunk.user = bound.number
        customer = trunk.place(bound.line)
        assert await asyncio.wait_for(customer.status, 60) == 200
        await speak_on((customer, CUSTOMER_HZ, STAFF_HZ), seconds=0.8)
        await customer.bye()
        row = await desk.one_call(bound, "completed")
    assert row.flow == "inbound"
    assert_voices((await desk.recording(row)).samples, seconds=2.4)
