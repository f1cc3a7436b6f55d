"""SMS against a real SMSC process whose PDUs are another library's."""

import asyncio
import json
import sys

import pytest

from core.clock import SystemClock
from core.tasks import cancel, spawn
from gateway.customers.phone import PhoneNumber
from gateway.messages.channels.smpp import segments
from gateway.messages.channels.smpp.channel import SmppChannel, SmppOptions
from gateway.messages.channels.smpp.session import SessionLimits
from gateway.messages.errors import ChannelRefused, ChannelThrottled, ChannelUnavailable, OutcomeUnknown
from gateway.messages.model import Fragment, Outgoing, Receipt, ReceiptState, Received

FAST = SessionLimits(window=4, connect_s=5, response_s=2, enquire_s=0.1)
TO = PhoneNumber.parse("13800138000")


class Smsc:
    """The other process and what it said."""

    def __init__(self, process, port):
        self.process, self.port, self.heard = process, port, []

    @classmethod
    async def start(cls, *options, port=0):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.smsc", str(port), *options,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        smsc = cls(process, 0)
        smsc.port = (await smsc.next("port"))["port"]
        return smsc

    async def next(self, event):
        async with asyncio.timeout(60):
            while True:
                line = await self.process.stdout.readline()
                assert line, "the SMSC died"
                said = json.loads(line)
                self.heard.append(said)
                if said["event"] == event:
                    return said

    async def tell(self, **order):
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        await self.process.stdin.drain()

    async def stop(self):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        self.process.stdin.close()
        self.process._transport.close()


@pytest.fixture
async def smsc():
    smsc = await Smsc.start("--dedupe")
    yield smsc
    await smsc.stop()


def channel_of(smsc, **more):
    limits = more.pop("limits", FAST)
    options = SmppOptions("127.0.0.1", smsc.port, "me", more.pop("password", "secret"), limits=limits,
                          reconnect_s=(0.05,), throttle_pause_s=0.05, dedupes=True, **more)  # fmt: skip
    return SmppChannel(options, SystemClock(), lambda text: format(abs(hash(text)), "x"))


@pytest.fixture
async def channel(smsc):
    channel = channel_of(smsc)
    await channel.start()
    async with asyncio.timeout(60):
        await channel.wait_bound()
    yield channel
    await channel.close()


class Taken:
    def __init__(self):
        self.parts = {}

    async def __call__(self, part, reference):
        self.parts[part] = reference


def outgoing(text="您好", number=1, **more):
    return Outgoing("m", "t", f"{number:032x}", "+861087654321", text, TO, **more)


async def test_one_part_in_ucs2(smsc, channel):
    taken = Taken()
    submitted = await channel.submit(outgoing(), taken)
    said = await smsc.next("submit")
    assert (said["source"], said["to"], said["coding"], said["registered"]) == (
        "861087654321",
        "8613800138000",
        8,
        1,
    )
    assert bytes.fromhex(said["payload"]).decode("utf-16-be") == "您好"
    assert (submitted.references, taken.parts) == ((said["id"],), {0: said["id"]})


async def test_a_long_text_in_parts_none_twice(smsc, channel):
    text = "欠款提醒" * 40
    await smsc.tell(do="throttle")
    taken = Taken()
    with pytest.raises(ChannelThrottled):
        await channel.submit(outgoing(text), taken)
    await smsc.next("throttle")
    first = await channel.submit(outgoing(text), taken)
    assert first.parts == 3
    parts = [await smsc.next("submit") for _ in range(3)]
    pieces = [segments.read_piece(p["esm"], p["coding"], bytes.fromhex(p["payload"])) for p in parts]
    assert b"".join(piece.payload for piece in pieces).decode("utf-16-be") == text
    done = tuple(sorted(taken.parts.items()))[:2]
    await channel.submit(outgoing(text, number=2, done_parts=done), Taken())
    await smsc.next("submit")
    await smsc.tell(do="enquire")
    assert sum(said["event"] == "submit" for said in smsc.heard) == 4


async def test_refused_for_good(smsc, channel):
    await smsc.tell(do="refuse")
    with pytest.raises(ChannelRefused) as refused:
        await channel.submit(outgoing(), Taken())
    assert refused.value.provider_code == "0x0b"


async def test_lost_answer_then_once_only_by_reference(smsc, channel):
    await smsc.tell(do="drop_after")
    with pytest.raises(OutcomeUnknown):
        await channel.submit(outgoing(), Taken())
    first = await smsc.next("submit")
    async with asyncio.timeout(60):
        await smsc.next("bound")
        await channel.wait_bound()
    again = await channel.submit(outgoing(), Taken())
    assert again.references == (first["id"],)


async def test_window_and_order(smsc, channel):
    many = await asyncio.gather(*(channel.submit(outgoing("a", n), Taken()) for n in range(40)))
    assert len({one.references for one in many}) == 40


async def test_an_smscs_id_that_holds_a_number_is_hashed(smsc, channel):
    coming = channel.deliveries()
    for _ in range(2):
        await smsc.tell(do="receipt", id="1069-13977778888", stat="DELIVRD")
    first, again = [(await anext(coming)).event.provider_reference for _ in range(2)]
    assert first == again == channel._provider_id("1069-13977778888")
    assert "77778888" not in first


async def test_receipts_messages_and_fragments(smsc, channel):
    coming = channel.deliveries()
    await smsc.tell(do="receipt", id="A00001", stat="DELIVRD")
    receipt = await anext(coming)
    assert receipt.event == Receipt(channel.kind, ReceiptState.DELIVERED, "A00001", code="DELIVRD:000")
    await receipt.settle()
    assert (await smsc.next("resp"))["status"] == 0
    order = {"do": "mo", "from": "8613800138000", "to": "861087654321", "coding": 8}
    await smsc.tell(**order, payload="好的".encode("utf-16-be").hex())
    first = await anext(coming)
    assert isinstance(first.event, Received)
    assert (first.event.text, first.event.sender, first.event.line_number) == ("好的", TO, "+861087654321")
    await first.give_back()
    assert (await smsc.next("resp"))["status"] == 8
    await smsc.tell(**order, payload="好的".encode("utf-16-be").hex())
    again = await anext(coming)
    assert again.event.reference == first.event.reference
    await again.settle()
    await smsc.tell(**order, payload="好的".encode("utf-16-be").hex())
    assert (await anext(coming)).event.reference != first.event.reference
    for part in segments.split("请" * 100, 9):
        await smsc.tell(**order, esm=part.esm_class, payload=part.payload.hex())
    fragments = [(await anext(coming)).event for _ in range(2)]
    assert all(isinstance(fragment, Fragment) for fragment in fragments)
    assert [(f.part, f.total) for f in fragments] == [(0, 2), (1, 2)]
    assert fragments[0].group == fragments[1].group
    assert "13800138000" not in repr(fragments) + repr(first.event)


async def test_reconnects_after_the_smsc_died(smsc, channel):
    former = channel._session
    await smsc.stop()
    await former.wait_ended()
    with pytest.raises(ChannelUnavailable):
        await channel.submit(outgoing(), Taken())
    second = await Smsc.start(port=smsc.port)
    try:
        await second.next("bound")
        await channel.wait_bound()
        assert (await channel.submit(outgoing(), Taken())).parts == 1
    finally:
        await second.stop()


async def test_link_checks_both_ways(smsc, channel):
    await smsc.next("link")
    await smsc.tell(do="mute")
    await smsc.next("gone")


async def test_a_wrong_password_is_tried_again_without_end(smsc):
    channel = channel_of(smsc, password="wrong")
    await channel.start()
    await smsc.next("refused")
    await smsc.next("refused")
    assert not channel.connected
    await channel.close()


async def test_deliveries_end_when_closed(smsc):
    channel = channel_of(smsc)

    async def listen():
        return [delivery async for delivery in channel.deliveries()]

    listening = spawn(listen(), name="listen")
    await channel.start()
    await channel.wait_bound()
    await channel.close()
    assert await listening == []
    await cancel(listening)
