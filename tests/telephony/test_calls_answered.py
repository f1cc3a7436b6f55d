"""Answered calls through the whole gateway: who hears what, what is recorded, and what the books say."""

import asyncio
import random
import time

import pytest

from gateway.calls.control import Hanger
from gateway.media.model import Law
from tests.support.media import RATE, tone
from tests.telephony.flows import arrived, connect, connect_inbound, over, staff_phone
from tests.telephony.sip_phone import PAYLOAD_TYPE, dialled
from tests.telephony.sound import (
    CUSTOMER_HZ,
    STAFF_HZ,
    assert_voices,
    converse,
    spoken,
    talk,
)


async def test_both_voices_cross_and_are_recorded_apart(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        staff, customer = await connect(phone, bound, trunk)
        assert dialled(customer) == bound.number
        assert customer.peer.count(bound.line.lstrip("0")) == 1
        await converse(staff, customer)
        await staff.bye()
        await over(customer)
        assert spoken(customer.rtp.sound(staff.law), STAFF_HZ) > 0.7
        assert spoken(staff.rtp.sound(customer.law), CUSTOMER_HZ) > 0.7
        assert spoken(customer.rtp.sound(staff.law), CUSTOMER_HZ) == 0
    row = await desk.one_call(bound, "completed")
    assert (row.ended_by, row.sip_status, row.flow) == ("staff", 200, "staff")
    assert_voices((await desk.recording(row)).samples, seconds=3.0)


@pytest.mark.parametrize(("staff_law", "customer_law"), [(Law.ULAW, Law.ALAW), (Law.ALAW, Law.ULAW)])
async def test_the_legs_speak_different_laws(desk, trunk, staff_law, customer_law):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        phone.manners.laws, trunk.manners.laws = (staff_law,), (customer_law,)
        staff, customer = await connect(phone, bound, trunk)
        assert (staff.law, customer.law) == (staff_law, customer_law)
        await converse(staff, customer, seconds=0.6)
        await customer.bye()
        await over(staff)
        assert spoken(customer.rtp.sound(customer_law), STAFF_HZ) > 0.4
        assert spoken(staff.rtp.sound(staff_law), CUSTOMER_HZ) > 0.4
        wrong = {PAYLOAD_TYPE[staff_law]}
        assert not wrong & {data[1] & 0x7F for data in customer.rtp.received}
    row = await desk.one_call(bound, "completed")
    assert row.ended_by == "customer"
    assert_voices((await desk.recording(row)).samples, seconds=2.7)


async def test_a_supervisor_ends_a_call(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone, desk.control() as control:
        staff, customer = await connect(phone, bound, trunk)
        await converse(staff, customer, seconds=0.4)
        (live,) = await desk.calls(bound)
        await control.hangup(live.id, Hanger.SUPERVISOR)
        await over(staff, customer)
    row = await desk.one_call(bound, "killed")
    assert row.ended_by == "supervisor"
    assert_voices((await desk.recording(row)).samples, seconds=2.5)


async def test_the_time_limit_ends_a_call(desk, trunk):
    bound = await desk.bind(await desk.hire())
    limit_s = desk.system.settings.sip.max_call_s
    async with staff_phone(desk, bound) as phone:
        staff, customer = await connect(phone, bound, trunk)
        answered = time.monotonic()
        await asyncio.gather(
            talk(staff.rtp, STAFF_HZ, limit_s - 1, staff.law),
            talk(customer.rtp, CUSTOMER_HZ, limit_s - 1, customer.law),
        )
        await over(staff, customer)
        assert time.monotonic() - answered > limit_s - 1, "not before"
    row = await desk.one_call(bound, "time-limit")
    assert row.ended_by == "limit"
    assert limit_s - 1 < (row.ended_at - row.customer_answered_at).total_seconds() < 2 * limit_s
    assert_voices((await desk.recording(row)).samples, seconds=limit_s - 2)


@pytest.mark.parametrize("side", ["staff", "customer"])
async def test_hold_and_resume(desk, trunk, side):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        staff, customer = await connect(phone, bound, trunk)
        holder, other = (staff, customer) if side == "staff" else (customer, staff)
        await converse(staff, customer, seconds=0.4)
        answer = await holder.reinvite("sendonly")
        assert answer.status == 200
        assert "a=recvonly" in answer.body
        holder.rtp.drain()
        heard = len(holder.rtp.received)
        await asyncio.gather(
            talk(staff.rtp, STAFF_HZ, 0.6, staff.law), talk(customer.rtp, CUSTOMER_HZ, 0.6, customer.law)
        )
        assert len(holder.rtp.received) - heard <= 2, "the holder does not want to hear"
        answer = await holder.reinvite("sendrecv")
        assert answer.status == 200
        assert "a=sendrecv" in answer.body
        heard = len(holder.rtp.received)
        await asyncio.gather(
            talk(staff.rtp, STAFF_HZ, 0.6, staff.law), talk(customer.rtp, CUSTOMER_HZ, 0.6, customer.law)
        )
        await holder.rtp.heard(lambda received: len(received) - heard >= 25)
        await other.bye()
        await over(holder)
    row = await desk.one_call(bound, "completed")
    assert_voices((await desk.recording(row)).samples, seconds=3.5)


async def test_upper_case_transport_in_contact(desk, trunk):
    """SIPp's own Contact: `;transport=UDP`. The hang-up must still find its way to both."""
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone, desk.control() as control:
        for one in (phone, trunk):
            one.manners.contact = f"<sip:{one.user}@127.0.0.1:{{port}};transport=UDP>"
        staff, customer = await connect(phone, bound, trunk)
        await converse(staff, customer, seconds=0.3)
        (live,) = await desk.calls(bound)
        await control.hangup(live.id, Hanger.STAFF)
        await over(staff, customer)
    row = await desk.one_call(bound, "completed")
    assert row.ended_by == "staff"


async def test_five_percent_of_the_packets_are_lost(desk, trunk):
    bound = await desk.bind(await desk.hire())
    dice = random.Random(5)  # noqa: S311 the same losses each time
    async with staff_phone(desk, bound) as phone:
        staff, customer = await connect(phone, bound, trunk)
        lost, begun = 0, time.monotonic()
        for call in (staff, customer):
            send = call.rtp.send

            def sometimes(data: bytes, send=send) -> None:
                nonlocal lost
                if dice.random() < 0.05:
                    lost += 1
                else:
                    send(data)

            call.rtp.send = sometimes
        length_s = await converse(staff, customer, seconds=2.0)
        await staff.bye()
        await over(customer)
        longest_s = time.monotonic() - begun
    row = await desk.one_call(bound, "completed")
    told = row.staff_packets["lost"] + row.customer_packets["lost"]
    assert lost > 8
    assert lost - 2 <= told <= lost, "but for a loss at the very end every one is counted"
    recording = await desk.recording(row)
    # 20 ms of silence for each loss, and everything else in its place: the length is right
    assert_voices(recording.samples, seconds=3.0)
    assert length_s - 0.5 < recording.samples.shape[1] / RATE < longest_s + 0.5


async def test_keys_pass_as_telephone_events(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        staff, customer = await connect(phone, bound, trunk)
        await converse(staff, customer, seconds=0.2)
        for digit in (5, 11):
            begin = staff.rtp.timestamp
            for number in range(4):
                event = bytes((digit, 0x8A if number == 3 else 0x0A)) + (160 * (number + 1)).to_bytes(
                    2, "big"
                )
                staff.rtp.timestamp = begin
                staff.rtp.say(event, payload_type=101, marker=number == 0)
            staff.rtp.timestamp = begin + 640
        await customer.rtp.heard(lambda got: len({d[12] for d in got if d[1] & 0x7F == 101}) == 2)
        keys = [data[12] for data in customer.rtp.received if data[1] & 0x7F == 101]
        assert set(keys) == {5, 11}
        await talk(customer.rtp, CUSTOMER_HZ, 0.2, customer.law)
        await staff.bye()
        await over(customer)
    row = await desk.one_call(bound, "completed")
    events = (await desk.recording(row)).events
    assert [(event.key, event.channel) for event in events if event.key] == [("5", 0), ("#", 0)]


async def test_inbound_reaches_the_bound_employee(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound, registered=True) as phone:
        staff, customer = await connect_inbound(phone, bound, trunk)
        assert bound.token in staff.peer
        await converse(staff, customer)
        await customer.bye()
        await over(staff)
        assert spoken(staff.rtp.sound(staff.law), CUSTOMER_HZ) > 0.7
        national = bound.number.removeprefix("+86")
        assert not any(national.encode() in data for data in [*phone.heard, *staff.rtp.received])
    row = await desk.one_call(bound, "completed")
    assert (row.flow, row.direction, row.ended_by) == ("inbound", "inbound", "customer")
    assert_voices((await desk.recording(row)).samples, seconds=3.0)


async def test_callback_by_the_control_api(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound, registered=True) as phone, desk.control() as control:
        placed = await control.place(bound.staff.employee_id, bound.binding_id, "key-1")
        again = await control.place(bound.staff.employee_id, bound.binding_id, "key-1")
        assert again == placed
        staff = await arrived(phone)
        staff.ring()
        assert trunk.incoming.empty(), "the customer is called after the employee"
        staff.answer()
        customer = await arrived(trunk)
        customer.ring()
        await staff.rtp.heard(lambda got: len(got) > 10)  # our own ring tone
        customer.answer()
        await asyncio.wait_for(customer.acknowledged.wait(), 60)
        await converse(staff, customer)
        await staff.bye()
        await over(customer)
    row = await desk.one_call(bound, "completed")
    assert (row.id, row.flow, row.ended_by) == (placed.call_id, "callback", "staff")
    assert_voices((await desk.recording(row)).samples, seconds=3.0)


async def test_voices_are_not_let_through_before_the_notice(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        staff, customer = await connect(phone, bound, trunk)
        await asyncio.gather(
            talk(staff.rtp, STAFF_HZ, 1.0, staff.law), talk(customer.rtp, CUSTOMER_HZ, 1.0, customer.law)
        )
        assert spoken(customer.rtp.sound(staff.law), STAFF_HZ) == 0
        await customer.rtp.heard(lambda received: len(received) > 30)  # the notice is playing
        await staff.bye()
        await over(customer)
    row = await desk.one_call(bound, "abandoned")
    assert row.relayed_packets == 0
    assert_voices((await desk.recording(row)).samples, seconds=0.7)


async def test_both_hang_up_at_once(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        staff, customer = await connect(phone, bound, trunk)
        await converse(staff, customer, seconds=0.2)
        await asyncio.gather(staff.bye(), customer.bye())
    row = await desk.one_call(bound, "completed")
    assert row.ended_by in {"staff", "customer"}


def test_the_check_of_voices_can_fail():
    import numpy as np

    good = np.stack([tone(STAFF_HZ, 8000), tone(CUSTOMER_HZ, 8000)])
    assert_voices(good, seconds=0.9)
    for bad in (
        good[::-1],
        np.stack([good[0], good[0]]),
        good // 2 + good[::-1] // 2,
        np.stack([good[0] + (good[1] // 10), good[1]]),
        good[:, :4000],
    ):
        with pytest.raises(AssertionError):
            assert_voices(bad, seconds=0.9)
