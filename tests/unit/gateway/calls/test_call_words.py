"""Small tables and readers of calls: causes, phone addresses, tickets, errors over the socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.calls.causes import Cause, cause_of, outcome_of, refusal_status
from gateway.calls.client import error_of
from gateway.calls.errors import CallRefused, CallsUnavailable, PhoneNotRegistered
from gateway.calls.flow import Flow
from gateway.calls.gear import PhoneAddress
from gateway.calls.registrar import phone_address
from gateway.calls.switchboard import inbound_ticket, translate
from gateway.contact.model import Outcome
from gateway.media.model import Side
from gateway.switch import protocol as sip

CANARY = "13800138000"


def test_every_cause_has_a_status_of_the_fixed_table():
    assert {refusal_status(cause) for cause in Cause} <= {403, 404, 480, 486, 487, 488, 503}


@given(st.integers(400, 699))
def test_every_status_has_a_cause(status):
    assert cause_of(status) in Cause


@pytest.mark.parametrize(
    ("cause", "dialled", "answered", "outcome"),
    [
        (Cause.COMPLETED, True, True, Outcome.CONNECTED),
        (Cause.RECORDER_FAILED, True, True, Outcome.CONNECTED),
        (Cause.BUSY, True, False, Outcome.UNANSWERED),
        (Cause.CANCELLED, True, False, Outcome.UNANSWERED),
        (Cause.CANCELLED, False, False, Outcome.FAILED),
        (Cause.NO_MEDIA, False, False, Outcome.FAILED),
        (Cause.DENIED, False, False, Outcome.REFUSED),
    ],
)
def test_what_a_call_means_for_the_caps(cause, dialled, answered, outcome):
    assert outcome_of(cause, customer_dialled=dialled, customer_answered=answered) is outcome


@pytest.mark.parametrize(
    ("contact", "address"),
    [
        ("sip:alice@192.0.2.1:5062", PhoneAddress("alice", "192.0.2.1", 5062)),
        ("<sip:alice-0x1f@192.0.2.1>;q=1", PhoneAddress("alice-0x1f", "192.0.2.1", 5060)),
        ("<sip:192.0.2.1:5070;transport=UDP>", PhoneAddress("u1", "192.0.2.1", 5070)),
        ("sip:alice@10.0.0.9:5060", PhoneAddress("alice", "192.0.2.1", 40000)),
        ("sip:alice@victim.example", PhoneAddress("alice", "192.0.2.1", 40000)),
        ("sip:alice@192.0.2.1:99999", PhoneAddress("alice", "192.0.2.1", 40000)),
        ("mailto:alice@192.0.2.1", None),
        ("", None),
    ],
)
def test_where_a_phone_is(contact, address):
    assert phone_address(contact, "u1", "192.0.2.1", 40000) == address


@given(st.text(max_size=100))
def test_no_contact_leads_to_a_third_place(contact):
    found = phone_address(contact, "u1", "192.0.2.1", 40000)
    assert found is None or found.host == "192.0.2.1"


def test_an_ipv6_phone_is_written_in_brackets():
    assert (
        phone_address("sip:a@[2001:db8::1]:5062", "u", "[2001:db8::1]", 1).uri == "sip:a@[2001:db8::1]:5062"
    )


def incoming(from_user: str) -> sip.Incoming:
    return sip.Incoming(
        leg="L1",
        from_user=SecretStr(from_user),
        to_user=SecretStr("01088886666"),
        source_host="198.51.100.1",
        source_port=5060,
        sdp=f"s={CANARY}",
    )


def test_an_inbound_ticket_prints_no_number():
    ticket = inbound_ticket(incoming(CANARY), "CN")
    assert ticket.flow is Flow.INBOUND
    assert ticket.caller.e164 == f"+86{CANARY}"
    assert CANARY not in repr(ticket)


@pytest.mark.parametrize("caller", ["anonymous", "", "110", "tel" * 20])
def test_who_hides_their_number_gets_no_ticket(caller):
    assert inbound_ticket(incoming(caller), "CN") is None


def test_translations_keep_side_and_hide_sdp():
    event = translate(sip.Answered(leg="L1", sdp=f"s={CANARY}"), Side.CUSTOMER)
    assert event.side is Side.CUSTOMER
    assert CANARY not in repr(event)
    assert translate(sip.Ended(leg="L1", by="timeout"), Side.STAFF).timed_out
    assert not translate(sip.Ended(leg="L1", by="error"), Side.STAFF).timed_out


def test_errors_come_back_over_the_socket():
    assert isinstance(error_of({"code": "phone-not-registered"}), PhoneNotRegistered)
    unknown = error_of({"code": "internal"})
    assert isinstance(unknown, CallsUnavailable)
    assert unknown.facts == {"reason": "internal"}
    refused = error_of({"code": "call-refused", "facts": {"reason_zh": "夜间", "reason_en": "Night"}})
    assert isinstance(refused, CallRefused)
    assert (refused.message("en"), refused.message("zh")) == (
        "A rule forbids this call. Night",
        "规则不允许此次通话。 夜间",
    )
