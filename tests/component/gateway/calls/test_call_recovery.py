"""After `kill -9` in the middle: the next start closes what is open, keeps the recording, tells once."""

import pytest

from core.access.model import Principal
from gateway.calls.books import recording_key
from gateway.calls.errors import AlreadyRunning
from gateway.calls.process import running
from gateway.contact.model import Outcome
from gateway.media.model import Side
from gateway.media.recording import RecordingReader
from gateway.numbers.model import BindingView
from gateway.switch import protocol as sip
from tests.component.gateway.calls.house import House, Phone


async def test_a_conversation_that_was_cut_off(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.killed() as scene:
        await scene.connect(phone, binding.token)
        await scene.bridged()
        scene.session.speak(Side.STAFF, 100)
        scene.session.speak(Side.CUSTOMER, 100)
        written = scene.session.stats()
        while (await house.row()).bridged_at is None:  # the note is a transaction of its own
            pass
    assert (await house.row()).ended_at is None
    assert not await house.messages()
    async with house.open() as scene:
        assert scene.calls.recovered == 1
        row = await house.row()
    assert (row.cause, row.ended_by) == ("interrupted", "system")
    assert row.recording_sha256
    assert row.recorded_packets == row.relayed_packets == written.recorded_packets > 100
    assert row.duration_ms >= 4500
    (contact,) = await house.contact_rows()
    assert contact.outcome is Outcome.CONNECTED
    assert len(await house.messages()) == len(await house.entries("call.ended")) == 1
    async with house.database.read() as session:
        key = await recording_key(session, house.desk.keys, row.id, row.customer_id)
    async with await RecordingReader.open(house.blobs, row.recording_id or "", key) as recording:
        assert recording.duration_ms == row.duration_ms
        assert await recording.wav_sha256() == row.wav_sha256
    async with house.open() as scene:
        assert scene.calls.recovered == 0
    assert len(await house.messages()) == 1


async def test_a_call_that_still_rang_was_unanswered_and_has_no_recording(
    house: House, binding: BindingView, phone: Phone
) -> None:
    async with house.killed() as scene:
        await scene.dial(phone, binding.token)
        await scene.next(sip.Originate)
    async with house.open():
        row = await house.row()
    assert (row.cause, row.recording_id, row.recording_sha256) == ("interrupted", None, None)
    assert (await house.contact_rows())[0].outcome is Outcome.UNANSWERED
    assert not await house.blobs.unfinished()
    assert len(await house.messages()) == 1


async def test_calls_of_another_node_are_not_ours(house: House, binding: BindingView, phone: Phone) -> None:
    async with house.killed() as scene:
        await scene.dial(phone, binding.token)
        await scene.next(sip.Originate)
    house.node = "other"
    async with house.open() as scene:
        assert scene.calls.recovered == 0
    assert (await house.row()).ended_at is None


async def test_a_blob_that_is_gone_is_said_and_the_books_are_closed(
    house: House, binding: BindingView, phone: Phone
) -> None:
    async with house.killed() as scene:
        await scene.connect(phone, binding.token)
        await scene.bridged()
        while (await house.row()).bridged_at is None:
            pass
    await house.blobs.delete((await house.row()).recording_id or "")
    async with house.open():
        row = await house.row()
    assert (row.cause, row.recording_sha256) == ("recorder-failed", None)
    assert len(await house.messages()) == 1


async def test_two_processes_cannot_drive_one_data_folder(house: House, agent: Principal) -> None:
    async with house.open():
        with pytest.raises(AlreadyRunning):
            async with running(house.parts()):
                pass


async def test_a_fault_of_our_own_leaves_nobody_talking_and_is_closed_at_the_next_start(
    house: House, binding: BindingView, phone: Phone
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError

    async with house.killed() as scene:
        staff, customer = await scene.connect(phone, binding.token)
        await scene.bridged()
        scene.session.speak(Side.STAFF, 100)
        (call_id,) = scene.calls.live.ids
        driver = scene.calls.live.get(call_id)
        assert driver is not None
        driver.machine.handle = broken  # type: ignore[method-assign, assignment]
        scene.ringing(customer)
        assert {(await scene.next(sip.Hangup)).leg for _ in range(2)} == {staff, customer}
    async with house.open() as scene:
        assert scene.calls.recovered == 1
    assert (await house.row()).cause == "interrupted"
