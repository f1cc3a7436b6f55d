"""Texts by SIP MESSAGE through the real switch process, in UTF-8, and the channel over them."""

import asyncio

import pytest

from core.tasks import cancel, spawn
from gateway.customers.phone import PhoneNumber
from gateway.messages.channels.sip.channel import LinkSplit, SipTextChannel, SipTextOptions
from gateway.messages.errors import ChannelRefused, ChannelUnavailable
from gateway.messages.model import Outgoing
from gateway.switch import protocol as p
from gateway.switch.trunk import TrunkSources
from tests.telephony.raw_phone import RawPhone, status_of
from tests.telephony.switch_rig import rig


def raw_message(phone, text, cseq, *, kind="text/plain;charset=UTF-8", length=None):
    body = text.encode()
    head = "\r\n".join(
        [
            f"MESSAGE sip:+861087654321@127.0.0.1:{phone.switch[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{phone.port};branch=z9hG4bKt{cseq};rport",
            f"From: <sip:+8613800138000@127.0.0.1>;tag=t{cseq}",
            f"To: <sip:+861087654321@127.0.0.1:{phone.switch[1]}>",
            f"Call-ID: text-{cseq}-{phone.port}",
            f"CSeq: {cseq} MESSAGE",
            "Max-Forwards: 70",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body) if length is None else length}",
        ]
    )
    phone.throw(head.encode() + b"\r\n\r\n" + body)


class Texts:
    """The channel over the rig's link, and what calls would hear."""

    def __init__(self, r, phone, trusted=("127.0.0.1/32",)):
        options = SipTextOptions("127.0.0.1", phone.port, TrunkSources(trusted, ()))
        self.channel = SipTextChannel(r.link, options, lambda text: format(abs(hash(text)), "x"))
        self.others = []
        self.rig = r

    async def listen(self):
        async for event in LinkSplit(Replay(self.rig), self.channel.hear).events():
            self.others.append(event)


class Replay:
    """The rig has taken the link's iterator already."""

    def __init__(self, r):
        self._rig = r

    async def events(self):
        async for event in self._rig.events:
            yield event


async def nothing(part, reference):
    return None


def outgoing(text="您好，请于明天还款😀", number=1):
    return Outgoing("m", "t", f"{number:032x}", "+861087654321", text, PhoneNumber.parse("13800138000"))


async def test_off_unless_asked_for(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        raw_message(phone, "你好", 1)
        assert status_of(await phone.next()) == 405


async def test_received_and_answered_when_kept(tmp_path):
    async with rig(tmp_path, texts=True) as r, RawPhone(r.port) as phone:
        texts = Texts(r, phone)
        listening = spawn(texts.listen(), name="listen")
        coming = texts.channel.deliveries()
        raw_message(phone, "我的号码是13800138000，好的👌", 1)
        first = await anext(coming)
        assert first.event.text == "我的号码是13800138000，好的👌"
        assert first.event.sender == PhoneNumber.parse("13800138000")
        assert first.event.line_number == "+861087654321"
        assert "13800138000" not in repr(first.event)
        await first.give_back()
        assert status_of(await phone.next()) == 503
        raw_message(phone, "好", 2)
        second = await anext(coming)
        await second.settle()
        answer = await phone.next()
        assert status_of(answer) == 200
        raw_message(phone, "好", 2)  # a retransmission is answered by the switch itself
        assert await phone.next() == answer
        for cseq, how, status in [
            (3, {"kind": "text/html"}, 415),
            (4, {"text": "x" * 1301}, 513),
            (5, {"text": " "}, 400),
        ]:
            raw_message(phone, how.pop("text", "x"), cseq, **how)
            assert status_of(await phone.next()) == status
        await cancel(listening)
        assert "13800138000" not in r.log.read_text()


async def test_only_from_the_trunk(tmp_path):
    async with rig(tmp_path, texts=True) as r, RawPhone(r.port) as phone:
        texts = Texts(r, phone, trusted=("192.0.2.1/32",))
        listening = spawn(texts.listen(), name="listen")
        raw_message(phone, "你好", 1)
        assert status_of(await phone.next()) == 403
        await cancel(listening)


async def test_sent_with_the_answers_of_a_trunk(tmp_path):
    async with rig(tmp_path, texts=True) as r, RawPhone(r.port) as phone:
        texts = Texts(r, phone)
        listening = spawn(texts.listen(), name="listen")
        sending = spawn(texts.channel.submit(outgoing(), nothing), name="send")
        request = await phone.next_request("MESSAGE")
        head, _, body = request.partition("\r\n\r\n")
        assert body == "您好，请于明天还款😀"
        assert f"Content-Length: {len(body.encode())}" in head
        assert "MESSAGE sip:+8613800138000@127.0.0.1" in head
        assert "From: <sip:+861087654321@" in head.replace("Anonymous ", "").replace('"" ', "")
        phone.reply(request, "200 OK")
        assert (await sending).references == (f"sip-{outgoing().reference}",)
        for number, (answer, error) in enumerate(
            [("404 Not Found", ChannelRefused), ("503 Busy", ChannelUnavailable)], 2
        ):
            sending = spawn(texts.channel.submit(outgoing("a", number), nothing), name="send")
            phone.reply(await phone.next_request("MESSAGE"), answer)
            with pytest.raises(error):
                await sending
        assert texts.others == [] or all(isinstance(event, p.Pong) for event in texts.others)
        await cancel(listening)


async def test_without_an_answer_from_calls_the_sender_hears_503(tmp_path):
    async with rig(tmp_path, texts=True) as r, RawPhone(r.port) as phone:
        raw_message(phone, "你好", 1)
        await r.expect(p.TextIn)
        async with asyncio.timeout(60):
            assert status_of(await phone.next()) == 503
