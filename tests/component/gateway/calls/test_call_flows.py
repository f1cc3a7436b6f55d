"""The three flows through the whole process, over a real database."""

import hashlib

import rfc8785

from core.db import Database
from gateway.calls.causes import EndedBy
from gateway.calls.models import CallRow, cdr_document
from gateway.contact.model import Outcome
from gateway.media.model import Side
from gateway.numbers.model import BindingView
from gateway.switch import protocol as sip
from tests.component.gateway.calls.house import (
    CUSTOMER,
    CUSTOMER_SDP,
    HELD,
    LINE,
    STAFF_HOST,
    STAFF_SDP,
    TRUNK_HOST,
    House,
    Phone,
)


async def test_staff_calls_a_token(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        staff, customer = await scene.connect(phone, binding.token)
        originate = next(command for command in scene.switch.sent if isinstance(command, sip.Originate))
        assert originate.uri.get_secret_value() == f"sip:+86{CUSTOMER}@{TRUNK_HOST}:5080"
        assert originate.from_user.get_secret_value() == binding.line_number
        await scene.bridged()
        scene.session.speak(Side.STAFF, 50)
        scene.session.speak(Side.CUSTOMER, 30)
        scene.ended(customer)
        assert (await scene.next(sip.Hangup)).leg == staff
        row = await scene.closed()
    assert (row.cause, row.ended_by, row.sip_status) == ("completed", "customer", 200)
    assert row.customer_answered_at is not None
    assert row.recorded_packets == row.relayed_packets == 80
    assert row.recording_sha256
    assert row.wav_sha256
    assert row.notice_ms == 1000
    (contact,) = await house.contact_rows()
    assert contact.outcome is Outcome.CONNECTED
    assert contact.id == row.contact_id
    (message,) = await house.messages()
    assert (message.key, message.payload) == (
        row.contact_id,
        {"call_id": row.id, "contact_id": row.contact_id},
    )
    (entry,) = await house.entries("call.ended")
    assert entry.seq == row.ledger_seq
    assert entry.body["recording_sha256"] == row.recording_sha256


async def test_the_ledger_holds_the_hash_of_the_stored_record(
    house: House, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        _, customer = await scene.connect(phone, binding.token)
        scene.ended(customer)
        row = await scene.closed()
    again = hashlib.sha256(rfc8785.dumps(cdr_document(row))).hexdigest()
    (entry,) = await house.entries("call.ended")
    assert entry.body["cdr_sha256"] == again == row.cdr_sha256
    row.cause = "busy"
    assert hashlib.sha256(rfc8785.dumps(cdr_document(row))).hexdigest() != again


async def test_staff_calls_a_line(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        await scene.connect(phone, LINE)


async def test_the_customer_number_is_in_no_record(
    house: House, binding: BindingView, phone: Phone, database: Database
) -> None:
    async with house.open() as scene:
        staff, _ = await scene.connect(phone, binding.token)
        scene.ended(staff)
        row = await scene.closed()
        said = [repr(command) for command in scene.switch.sent]
        to_staff = [
            command.model_dump_json() for command in scene.switch.sent if getattr(command, "leg", "") == staff
        ]
    assert to_staff
    for text in (str(cdr_document(row)), *said, *to_staff):
        assert CUSTOMER not in text
    async with database.read() as session:
        stored = await session.get(CallRow, row.id)
        assert stored is not None
        assert CUSTOMER not in str({c.name: getattr(stored, c.name) for c in CallRow.__table__.columns})


async def test_callback_calls_staff_first(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        await scene.register(phone)
        placed = await scene.calls.service.place(binding.employee_id, binding.id, "key-1")
        staff = await scene.next(sip.Originate)
        assert staff.uri.get_secret_value() == f"sip:{phone.account.username}@{STAFF_HOST}:5062"
        assert staff.from_user.get_secret_value() == binding.token
        scene.answered(staff.leg, STAFF_SDP)
        customer = await scene.next(sip.Originate)
        assert CUSTOMER in customer.uri.get_secret_value()
        scene.ringing(customer.leg)
        scene.answered(customer.leg)
        await scene.bridged()
        assert scene.session.log == [
            "remote staff", "ringback staff", "no ringback staff", "remote customer", "notice", "bridge",
        ]  # fmt: skip
        scene.ended(staff.leg)
        row = await scene.closed()
    assert (row.id, row.flow, row.cause, row.ended_by) == (placed.call_id, "callback", "completed", "staff")


async def test_inbound_reaches_the_bound_employee(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        await scene.register(phone)
        customer = scene.invite(LINE, source=TRUNK_HOST, from_user=CUSTOMER, offer=CUSTOMER_SDP)
        staff = await scene.next(sip.Originate)
        assert staff.from_user.get_secret_value() == binding.token
        scene.ringing(staff.leg)
        assert (await scene.next(sip.Ring)).leg == customer
        scene.answered(staff.leg, STAFF_SDP)
        assert (await scene.next(sip.Answer)).leg == customer
        await scene.bridged()
        scene.ended(customer)
        row = await scene.closed()
    assert (row.flow, row.direction, row.cause) == ("inbound", "inbound", "completed")
    (contact,) = await house.contact_rows()
    assert contact.outcome is Outcome.CONNECTED


async def test_hold_is_answered_to_the_holder_and_nothing_reaches_the_other_leg(
    house: House, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        staff, customer = await scene.connect(phone, binding.token)
        await scene.bridged()
        scene.switch.emit(sip.Reoffer(leg=staff, sdp=HELD))
        accepted = await scene.next(sip.AcceptReoffer)
        assert accepted.leg == staff
        scene.switch.emit(sip.Reoffer(leg=staff, sdp="v=0\r\nrubbish"))
        refused = await scene.next(sip.RefuseReoffer)
        assert (refused.leg, refused.status) == (staff, 488)
        scene.switch.emit(sip.Reoffer(leg=staff, sdp=STAFF_SDP))
        await scene.next(sip.AcceptReoffer)
        held = [word for word in scene.session.log if word in {"hold staff", "resume staff"}]
        assert held == ["hold staff", "resume staff"]
        to_customer = [command for command in scene.switch.sent if getattr(command, "leg", "") == customer]
        assert [type(command) for command in to_customer] == [sip.Originate]
        scene.ended(customer)
        await scene.closed()


async def test_a_supervisor_ends_a_call(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        staff, customer = await scene.connect(phone, binding.token)
        await scene.bridged()
        (call_id,) = scene.calls.live.ids
        scene.calls.service.hangup(call_id, EndedBy.SUPERVISOR)
        assert {(await scene.next(sip.Hangup)).leg, (await scene.next(sip.Hangup)).leg} == {staff, customer}
        row = await scene.closed()
    assert (row.cause, row.ended_by) == ("killed", "supervisor")


async def test_the_time_limit_ends_a_call(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        await scene.connect(phone, binding.token)
        await scene.bridged()
        house.timers.fire(house.settings.sip.max_call_s)
        row = await scene.closed()
    assert (row.cause, row.ended_by) == ("time-limit", "limit")
