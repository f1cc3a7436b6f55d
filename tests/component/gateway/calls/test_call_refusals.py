"""Who gets no call, with which status, and what the books say then."""

import asyncio

import pytest

from core.access.model import Principal, Role
from core.access.models import EmployeeState
from gateway.contact.model import Outcome
from gateway.numbers.model import BindingView
from gateway.switch import protocol as sip
from tests.component.gateway.calls.house import (
    CUSTOMER,
    CUSTOMER_SDP,
    LINE,
    TRUNK_HOST,
    House,
    Phone,
)
from tests.support.desk import shanghai


async def test_a_rule_refuses_with_403_and_says_when_it_would_allow(
    house: House, binding: BindingView, phone: Phone
) -> None:
    house.clock.set(shanghai(22, 30))
    async with house.open() as scene:
        leg = await scene.dial(phone, binding.token)
        refused = await scene.next(sip.Refuse)
        assert (refused.leg, refused.status) == (leg, 403)
        assert refused.retry_after_s == pytest.approx(9.5 * 3600, abs=2)
        row = await scene.closed()
        assert not scene.said(sip.Originate)
        assert not house.media.sessions
    assert (row.cause, row.ended_by, row.decision) == ("denied", "rule", "deny")
    assert row.rule_id == "hours-collection"
    assert (await house.contact_rows())[0].outcome is Outcome.REFUSED
    assert len(await house.messages()) == 1


async def test_an_unknown_target_is_404_and_no_contact(house: House, phone: Phone) -> None:
    async with house.open() as scene:
        leg = await scene.dial(phone, "tnobody")
        refused = await scene.next(sip.Refuse)
        assert (refused.leg, refused.status) == (leg, 404)
    assert not await house.rows()
    assert not await house.contact_rows()
    assert not await house.messages()


async def test_the_token_of_a_colleague_is_404(house: House, binding: BindingView) -> None:
    other = await house.phone_of(await house.principal(Role.AGENT))
    async with house.open() as scene:
        await scene.dial(other, binding.token)
        assert (await scene.next(sip.Refuse)).status == 404
    assert not await house.rows()


async def test_from_is_never_believed(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        leg = scene.invite(binding.token, from_user=phone.account.username)
        challenge = await scene.next(sip.Challenge)
        assert (challenge.leg, challenge.realm, challenge.stale) == (leg, "maskline", False)
        assert challenge.algorithms == ("SHA-256", "MD5")
    assert not await house.rows()


async def test_a_wrong_password_is_challenged_again(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        scene.invite(binding.token)
        challenge = await scene.next(sip.Challenge)
        wrong = phone.credentials(challenge, "INVITE", f"sip:{binding.token}@gw", password="guess")
        scene.invite(binding.token, credentials=wrong)
        await scene.next(sip.Challenge)
    assert not await house.rows()


async def test_credentials_of_one_call_do_not_open_another(
    house: House, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        scene.invite(binding.token)
        challenge = await scene.next(sip.Challenge)
        proof = phone.credentials(challenge, "INVITE", "sip:tother@gw")
        scene.invite(binding.token, credentials=proof)
        assert (await scene.next(sip.Refuse)).status == 403


async def test_replayed_credentials_are_challenged_as_stale(
    house: House, binding: BindingView, phone: Phone
) -> None:
    house.clock.set(shanghai(22, 30))  # so that the first call is over at once
    async with house.open() as scene:
        scene.invite(binding.token)
        challenge = await scene.next(sip.Challenge)
        proof = phone.credentials(challenge, "INVITE", f"sip:{binding.token}@gw")
        scene.invite(binding.token, credentials=proof)
        await scene.next(sip.Refuse)
        scene.invite(binding.token, credentials=proof)
        assert (await scene.next(sip.Challenge)).stale
    assert len(await house.rows()) == 1


async def test_a_suspended_employee_gets_403_before_any_verdict(
    house: House, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    await house.desk.set_state(agent.employee_id, EmployeeState.SUSPENDED)
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        assert (await scene.next(sip.Refuse)).status == 403
    assert not await house.rows()


async def test_suspended_between_verdict_and_dialling_the_number_stays_in_the_vault(
    house: House, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    house.media.gates["open"] = asyncio.Event()
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        async with scene.patience():
            await house.media.reached["open"].wait()
        await house.desk.set_state(agent.employee_id, EmployeeState.SUSPENDED)
        house.media.gates["open"].set()
        assert (await scene.next(sip.Refuse)).status == 403
        row = await scene.closed()
        assert not scene.said(sip.Originate)
    # The check before dialling and the watch over live calls both see it; whoever looks first ends the call.
    assert row.ended_by == "rule"
    assert row.cause in {"denied", "killed"}
    assert not await house.entries("contact.reveal-for-dialling")
    assert (await house.contact_rows())[0].outcome in {Outcome.REFUSED, Outcome.FAILED}


async def test_a_trunk_call_to_an_unknown_line_or_from_a_hidden_number_is_404(
    house: House, binding: BindingView
) -> None:
    async with house.open() as scene:
        for line, caller in (("02099999999", CUSTOMER), (LINE, "anonymous"), (LINE, "13900139000")):
            scene.invite(line, source=TRUNK_HOST, from_user=caller)
            assert (await scene.next(sip.Refuse)).status == 404
    assert not await house.rows()


async def test_inbound_to_an_employee_without_a_phone_is_480(house: House, binding: BindingView) -> None:
    async with house.open() as scene:
        scene.invite(LINE, source=TRUNK_HOST, from_user=CUSTOMER, offer=CUSTOMER_SDP)
        assert (await scene.next(sip.Refuse)).status == 480
        row = await scene.closed()
    assert (row.cause, row.ended_by) == ("no-answer", "staff")


@pytest.mark.parametrize(
    ("status", "cause", "to_staff"),
    [(486, "busy", 486), (480, "no-answer", 480), (404, "unreachable", 480), (603, "declined", 480),
     (500, "network-error", 503)],
)  # fmt: skip
async def test_a_customer_who_does_not_answer(
    house: House, binding: BindingView, phone: Phone, status: int, cause: str, to_staff: int
) -> None:
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        customer = await scene.next(sip.Originate)
        scene.failed(customer.leg, status)
        assert (await scene.next(sip.Refuse)).status == to_staff
        row = await scene.closed()
    assert (row.cause, row.ended_by, row.sip_status) == (cause, "customer", status)
    assert row.recording_id is None
    assert (await house.contact_rows())[0].outcome is Outcome.UNANSWERED


async def test_a_call_given_up_while_it_rings(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        staff = await scene.dial(phone, binding.token)
        customer = await scene.next(sip.Originate)
        scene.ringing(customer.leg)
        await scene.next(sip.Ring)
        scene.cancelled(staff)
        assert (await scene.next(sip.Hangup)).leg == customer.leg
        row = await scene.closed()
        assert not scene.said(sip.Refuse)
    assert (row.cause, row.ended_by) == ("cancelled", "staff")
    assert (await house.contact_rows())[0].outcome is Outcome.UNANSWERED


async def test_an_offer_without_audio_is_488(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.open() as scene:
        await scene.dial(phone, binding.token, offer="v=0\r\nm=video 5000 RTP/AVP 99\r\n")
        assert (await scene.next(sip.Refuse)).status == 488
        row = await scene.closed()
        assert not scene.said(sip.Originate)
    assert row.cause == "bad-media"
    assert (await house.contact_rows())[0].outcome is Outcome.FAILED


async def test_a_phone_that_gives_up_while_it_is_being_identified_starts_nothing(
    house: House, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        scene.invite(binding.token)
        challenge = await scene.next(sip.Challenge)
        proof = phone.credentials(challenge, "INVITE", f"sip:{binding.token}@gw")
        leg = scene.invite(binding.token, credentials=proof)
        scene.cancelled(leg)
        assert await scene.register(phone) == 600  # served after the INVITE
        assert not scene.calls.live.ids
    assert not await house.rows()
