"""Calls that nobody answered, or that a rule refused: what the staff phone is told, and what never happens."""

import asyncio
import socket

import pytest

from gateway.calls.errors import CallRefused, PhoneNotRegistered
from gateway.contact.model import Outcome
from gateway.contact.models import ContactRow
from tests.support.system_desk import SystemDesk
from tests.telephony.flows import arrived, over, staff_phone, status
from tests.telephony.sip_phone import SipPhone


def invites(phone: SipPhone) -> int:
    """How often this phone was called."""
    return sum(data.startswith(b"INVITE ") for data in phone.heard)


async def outcome(desk: SystemDesk, contact_id: str) -> Outcome:
    async with desk.ground.database.read() as session:
        return (await session.get(ContactRow, contact_id)).outcome


@pytest.mark.parametrize(
    ("said", "told", "cause"),
    [
        (486, 486, "busy"),
        (600, 486, "busy"),
        (603, 480, "declined"),
        (404, 480, "unreachable"),
        (500, 503, "network-error"),
        (488, 488, "bad-media"),
        (480, 480, "no-answer"),
    ],
)
async def test_the_customer_does_not_take_the_call(desk, trunk, said, told, cause):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        staff = phone.place(bound.token)
        customer = await arrived(trunk)
        customer.ring()
        customer.answer_invite(said, "Whatever 13912345678", headers=(("Reason", "Q.850;cause=17"),))
        assert await status(staff) == told
        assert not any(b"13912345678" in data or b"Reason:" in data for data in phone.heard)
    row = await desk.one_call(bound, cause)
    assert (row.ended_by, row.recording_id, row.relayed_packets) == ("customer", None, 0)
    assert await outcome(desk, row.contact_id) is Outcome.UNANSWERED


async def test_nobody_answers(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        staff = phone.place(bound.token)
        customer = await arrived(trunk)
        customer.ring()
        assert await status(staff) == 480
        await over(customer)  # it was cancelled
    row = await desk.one_call(bound, "no-answer")
    ring_s = (row.ended_at - row.customer_ringing_at).total_seconds()
    limit_s = desk.system.settings.sip.ring_timeout_s
    assert limit_s - 1 < ring_s < 3 * limit_s


async def test_the_staff_take_the_call_back(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        staff = phone.place(bound.token)
        customer = await arrived(trunk)
        customer.ring()
        await asyncio.wait_for(staff.ringing.wait(), 60)
        await staff.cancel()
        assert await status(staff) == 487
        await over(customer)
    row = await desk.one_call(bound, "cancelled")
    assert row.ended_by == "staff"
    assert await outcome(desk, row.contact_id) is Outcome.UNANSWERED


async def test_the_staff_take_the_call_back_before_it_rings(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        staff = phone.place(bound.token)
        customer = await arrived(trunk)
        await staff.cancel()
        assert await status(staff) == 487
        customer.ring()
        await over(customer)
    await desk.one_call(bound, "cancelled")


async def test_a_redirect_is_not_followed_and_not_told(desk, trunk):
    bound = await desk.bind(await desk.hire())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.setblocking(False)  # noqa: FBT003
        port = elsewhere.getsockname()[1]
        async with staff_phone(desk, bound) as phone:
            staff = phone.place(bound.token)
            customer = await arrived(trunk)
            contact = ("Contact", f"<sip:13987654321@127.0.0.1:{port}>")
            customer.answer_invite(302, "Moved Temporarily", headers=(contact,))
            assert await status(staff) == 480
            assert not any(b"13987654321" in data for data in phone.heard)
            assert not staff.final.all("contact")
        row = await desk.one_call(bound, "no-answer")
        assert row.recording_id is None
        assert invites(trunk) == 1
        with pytest.raises(BlockingIOError):
            elsewhere.recv(1)  # not even an ACK


async def test_an_answer_without_usable_audio_is_no_call(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        staff = phone.place(bound.token)
        customer = await arrived(trunk)
        customer.answer_invite(200, "OK", sdp="v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")
        assert await status(staff) == 488
        await over(customer)
    assert (await desk.closed(bound))[0].cause == "bad-media"


# --- what never reaches the customer


async def test_outside_the_hours(desk, trunk):
    bound = await desk.bind(await desk.hire(), late=True)
    async with staff_phone(desk, bound, registered=True) as phone, desk.control() as control:
        staff = phone.place(bound.token)
        assert await status(staff) == 403
        assert int(staff.final.get("retry-after")) > 0
        row = await desk.one_call(bound, "denied")
        assert (row.decision, row.rule_id, row.customer_dialled_at) == ("deny", "hours-collection", None)
        assert await outcome(desk, row.contact_id) is Outcome.REFUSED
        with pytest.raises(CallRefused):
            await control.place(bound.staff.employee_id, bound.binding_id, None)
    assert invites(trunk) == 0


async def test_no_binding_wrong_password_unknown_user(desk, trunk):
    stranger, bound = await desk.hire(), await desk.bind(await desk.hire())
    before = await desk.totals()
    server, account = desk.system.sip, bound.staff.sip
    cases = [
        (SipPhone(server, account.username, account.password), "98765432", 404),
        (SipPhone(server, account.username, account.password), bound.number, 404),
        (SipPhone(server, stranger.sip.username, stranger.sip.password), bound.token, 404),
        (SipPhone(server, account.username, "wrong"), bound.token, 407),
        (SipPhone(server, "nobody", "wrong"), bound.token, 407),
        (SipPhone(server, account.username, ""), bound.token, 407),
        (SipPhone(server, bound.number, ""), bound.line, 407),  # From says it is the customer
    ]
    for phone, target, expected in cases:
        async with phone:
            assert await status(phone.place(target)) == expected, target
    assert await desk.totals() == before
    assert invites(trunk) == 0


async def test_registers_and_unregisters(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        for expires in (600, 0):
            assert (await phone.register(expires=expires)).status == 200
        trunk.user = bound.number
        assert await status(trunk.place(bound.line)) == 480


async def test_a_suspended_employee_does_not_get_through(desk, trunk):
    bound = await desk.bind(await desk.hire())
    await desk.people.employees.suspend(desk.director, bound.staff.employee_id)
    before = await desk.totals()
    async with staff_phone(desk, bound) as phone:
        assert await status(phone.place(bound.token)) == 403
        assert (await phone.register()).status == 403
    assert await desk.totals() == before
    assert invites(trunk) == 0


async def test_the_fourth_connected_call_of_a_day_is_refused(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound) as phone:
        for _ in range(3):
            staff = phone.place(bound.token)
            customer = await arrived(trunk)
            customer.answer()
            assert await status(staff) == 200
            await staff.bye()
            await over(customer)
        await desk.closed(bound, count=3)
        assert await status(phone.place(bound.token)) == 403
    rows = await desk.closed(bound, count=4)
    assert [row.cause for row in rows] == ["abandoned"] * 3 + ["denied"]
    assert rows[3].rule_id == "cap-connected-collection"
    for row in rows:
        await desk.assert_books(row)
    assert invites(trunk) == 3


async def test_callback_without_a_registered_phone(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with desk.control() as control:
        with pytest.raises(PhoneNotRegistered):
            await control.place(bound.staff.employee_id, bound.binding_id, None)
    assert await desk.calls(bound) == []
    assert invites(trunk) == 0


@pytest.mark.parametrize("answer", [486, None])
async def test_callback_that_the_employee_does_not_take(desk, trunk, answer):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound, registered=True) as phone, desk.control() as control:
        await control.place(bound.staff.employee_id, bound.binding_id, None)
        staff = await arrived(phone)
        staff.ring()
        if answer:
            staff.answer_invite(answer, "Busy Here")
        else:
            await over(staff)  # our ring time is over
        row = await desk.one_call(bound, "busy" if answer else "no-answer")
    assert (row.ended_by, row.customer_dialled_at) == ("staff", None)
    assert await outcome(desk, row.contact_id) is Outcome.FAILED
    assert invites(trunk) == 0


async def test_inbound_to_an_employee_without_a_phone(desk, trunk):
    bound = await desk.bind(await desk.hire())
    trunk.user = bound.number
    assert await status(trunk.place(bound.line)) == 480
    row = await desk.one_call(bound, "no-answer")
    assert (row.flow, row.ended_by, row.recording_id) == ("inbound", "staff", None)


async def test_inbound_from_somebody_who_is_bound_to_nobody(desk, trunk):
    before = await desk.totals()
    trunk.user = "+8613700000001"
    assert await status(trunk.place("02166668888")) == 404
    trunk.user = "anonymous"
    assert await status(trunk.place("02166668888")) == 404
    assert await desk.totals() == before


async def test_inbound_that_the_customer_gives_up(desk, trunk):
    bound = await desk.bind(await desk.hire())
    async with staff_phone(desk, bound, registered=True) as phone:
        trunk.user = bound.number
        customer = trunk.place(bound.line)
        staff = await arrived(phone)
        staff.ring()
        await asyncio.wait_for(customer.ringing.wait(), 60)
        await customer.cancel()
        assert await status(customer) == 487
        await over(staff)
    row = await desk.one_call(bound, "cancelled")
    assert row.ended_by == "customer"
