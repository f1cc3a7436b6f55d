"""Whatever collaborator breaks or does not answer: no call, or the call ends; told why; the books right."""

import asyncio
from dataclasses import replace

import pytest
from pydantic import SecretStr

from core.access.model import Role
from core.errors import Unavailable
from gateway.calls.causes import EndedBy
from gateway.calls.errors import CallOver
from gateway.contact.model import Outcome
from gateway.media.errors import NoticeUnavailable, RecorderUnavailable
from gateway.media.model import FailureReason, Side
from gateway.numbers.model import BindingView
from gateway.switch import protocol as sip
from tests.component.gateway.calls.house import LINE, PATIENCE_S, House, Phone, Scene
from tests.support.media import until

QUICK_S = 0.3


async def refused(scene: Scene, status: int = 503) -> None:
    assert (await scene.next(sip.Refuse)).status == status


async def test_no_verdict_no_call(house: House, binding: BindingView, phone: Phone) -> None:
    house.contacts.faults["judge"] = [Unavailable()]
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        await refused(scene)
        await scene.dial(phone, binding.token)  # and the next one works
        await scene.next(sip.Originate)
    assert len(await house.rows()) == 1


async def test_a_verdict_that_takes_too_long_is_none_and_is_closed_when_it_comes(
    house: House, binding: BindingView, phone: Phone
) -> None:
    house.limits = replace(house.limits, judge_s=QUICK_S)
    house.contacts.gates["judge"] = asyncio.Event()
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        await refused(scene)
        house.contacts.gates["judge"].set()
        row = await scene.closed()
        assert not scene.said(sip.Originate)
    assert (row.cause, row.ended_by) == ("system-error", "system")
    assert (await house.contact_rows())[0].outcome is Outcome.FAILED
    assert len(await house.messages()) == 1


async def test_no_recorder_no_call(house: House, binding: BindingView, phone: Phone) -> None:
    house.media.faults["open"] = RecorderUnavailable()
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        await refused(scene)
        row = await scene.closed()
        assert not scene.said(sip.Originate)
    assert row.cause == "media-unavailable"
    assert (await house.contact_rows())[0].outcome is Outcome.FAILED


async def test_a_recorder_that_comes_too_late_is_closed_again(
    house: House, binding: BindingView, phone: Phone
) -> None:
    house.limits = replace(house.limits, media_s=QUICK_S)
    house.media.gates["open"] = asyncio.Event()
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        await refused(scene)
        house.media.gates["open"].set()
        row = await scene.closed()
        assert scene.session.closed
        assert not scene.said(sip.Originate)
    assert row.cause == "media-unavailable"
    assert not await house.blobs.unfinished()


async def test_a_second_look_that_takes_too_long_dials_nobody_later(
    house: House, binding: BindingView, phone: Phone
) -> None:
    house.limits = replace(house.limits, dial_s=QUICK_S)
    house.contacts.gates["recheck"] = asyncio.Event()
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        await refused(scene)
        house.contacts.gates["recheck"].set()
        row = await scene.closed()
        assert not scene.said(sip.Originate)
    assert row.cause == "system-error"


async def test_no_number_no_call(house: House, binding: BindingView, phone: Phone) -> None:
    house.contacts.faults["reveal_for_dialling"] = [Unavailable()]
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        await refused(scene)
        row = await scene.closed()
    assert row.customer_dialled_at is None
    assert (await house.contact_rows())[0].outcome is Outcome.FAILED


async def test_a_notice_that_cannot_be_played_ends_the_call_unbridged(
    house: House, binding: BindingView, phone: Phone
) -> None:
    house.media.faults["notice"] = NoticeUnavailable()
    async with house.open() as scene:
        await scene.connect(phone, binding.token)
        await scene.next(sip.Hangup)
        await scene.next(sip.Hangup)
        row = await scene.closed()
        assert not scene.session.bridging.is_set()
    assert (row.cause, row.bridged_at) == ("media-unavailable", None)
    assert (await house.contact_rows())[0].outcome is Outcome.CONNECTED


async def test_voices_that_cannot_be_bridged_end_the_call(
    house: House, binding: BindingView, phone: Phone
) -> None:
    house.media.faults["bridge"] = NoticeUnavailable()
    async with house.open() as scene:
        await scene.connect(phone, binding.token)
        row = await scene.closed()
    assert row.cause == "media-unavailable"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (FailureReason.RECORDER_STALLED, "recorder-failed"),
        (FailureReason.RECORDER_WRITE_FAILED, "recorder-failed"),
        (FailureReason.RTP_TIMEOUT, "no-audio"),
    ],
)
async def test_media_that_fails_kills_the_call(
    house: House, binding: BindingView, phone: Phone, reason: FailureReason, cause: str
) -> None:
    async with house.open() as scene:
        staff, customer = await scene.connect(phone, binding.token)
        await scene.bridged()
        scene.session.fail(reason)
        assert {(await scene.next(sip.Hangup)).leg for _ in range(2)} == {staff, customer}
        row = await scene.closed()
    assert (row.cause, row.ended_by, row.media_failure) == (cause, "system", reason.value)


async def test_a_recording_that_cannot_be_closed_is_a_failure_of_ours(
    house: House, binding: BindingView, phone: Phone
) -> None:
    house.media.faults["close"] = RecorderUnavailable()
    async with house.open() as scene:
        _, customer = await scene.connect(phone, binding.token)
        await scene.bridged()
        scene.ended(customer)
        row = await scene.closed()
    assert (row.cause, row.ended_by, row.recording_sha256) == ("recorder-failed", "system", None)
    assert row.recording_id is not None  # so that what is there can still be found
    assert len(await house.messages()) == 1


async def test_a_record_is_written_again_until_the_database_takes_it(
    house: House, binding: BindingView, phone: Phone
) -> None:
    house.contacts.faults["close"] = [Unavailable(), OSError(), Unavailable()]
    async with house.open() as scene:
        _, customer = await scene.connect(phone, binding.token)
        await scene.bridged()
        scene.ended(customer)
        row = await scene.closed()
        assert not house.contacts.faults["close"]
    assert row.cause == "completed"
    assert len(await house.messages()) == len(await house.entries("call.ended")) == 1


async def test_a_lost_switch_ends_all_calls_and_a_new_one_serves_again(
    house: House, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        await scene.connect(phone, binding.token)
        await scene.bridged()
        scene.switch.disconnect()
        row = await scene.closed()
        assert (row.cause, row.ended_by) == ("switch-lost", "system")
        assert not scene.said(sip.Hangup)
        scene.switch.connect()
        await scene.dial(phone, binding.token)
        await scene.next(sip.Originate)
    assert len(await house.messages()) == 2


async def test_a_switch_that_goes_before_the_customer_is_dialled(
    house: House, binding: BindingView, phone: Phone
) -> None:
    house.contacts.gates["recheck"] = asyncio.Event()
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        async with scene.patience():
            await house.contacts.reached["recheck"].wait()
        scene.switch.disconnect()
        house.contacts.gates["recheck"].set()
        row = await scene.closed()
        assert not scene.said(sip.Originate)
    assert row.cause == "switch-lost"


async def test_what_the_switch_says_twice_counts_once(
    house: House, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        staff, customer = await scene.connect(phone, binding.token)
        scene.answered(customer)
        scene.ringing(customer)
        await scene.bridged()
        scene.switch.emit(_again(staff))
        scene.ended(customer)
        scene.ended(customer)
        scene.ended(staff)
        await scene.closed()
    assert len(await house.rows()) == len(await house.messages()) == 1


def _again(leg: str) -> sip.Incoming:
    return sip.Incoming(
        leg=leg,
        from_user=SecretStr("x"),
        to_user=SecretStr(LINE),
        source_host="192.0.2.10",
        source_port=5062,
        sdp="",
    )


async def test_a_call_that_is_over_cannot_be_hung_up(
    house: House, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        _, customer = await scene.connect(phone, binding.token)
        (call_id,) = scene.calls.live.ids
        scene.ended(customer)
        await scene.closed()
        with pytest.raises(CallOver):
            scene.calls.service.hangup(call_id, EndedBy.SUPERVISOR)


async def test_stopping_the_process_ends_its_calls_in_the_books(
    house: House, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        await scene.connect(phone, binding.token)
        await scene.bridged()
        scene.session.speak(Side.STAFF, 5)
    row = await house.row()
    assert (row.cause, row.ended_by) == ("killed", "system")
    assert row.recorded_packets == row.relayed_packets == 5
    assert len(scene.said(sip.Hangup)) == 2


async def test_twenty_calls_at_once_leave_twenty_records(house: House) -> None:
    admin = await house.principal(Role.ADMINISTRATOR)
    await house.desk.line(admin, LINE)
    phones: dict[str, tuple[Phone, str]] = {}
    async with house.open() as scene:
        for number in range(20):
            agent = await house.principal(Role.AGENT)
            binding = await house.bound(agent, f"138001380{number:02d}", line=None)
            phone = await house.phone_of(agent)
            phones[scene.invite(binding.token)] = (phone, binding.token)
        await until(lambda: len(scene.said(sip.Challenge)) == 20)
        for challenge in scene.said(sip.Challenge):
            phone, token = phones[challenge.leg or ""]
            scene.invite(token, credentials=phone.credentials(challenge, "INVITE", f"sip:{token}@gw"))
        await until(lambda: len(scene.said(sip.Originate)) == 20, PATIENCE_S)
        for originate in scene.said(sip.Originate):
            scene.answered(originate.leg)
        for session in house.media.sessions.values():
            async with scene.patience():
                await session.bridging.wait()
        assert scene.calls.live.counts().live == 20
        for originate in scene.said(sip.Originate):
            scene.ended(originate.leg)
        await scene.closed()
    rows = await house.rows()
    assert [row.cause for row in rows] == ["completed"] * 20
    assert len({row.contact_id for row in rows}) == len(await house.messages()) == 20
