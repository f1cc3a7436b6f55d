"""Malformed SIP (RFC 4475) and noise: the process lives, and no call comes of what is not a call."""

import asyncio
import contextlib
import random
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.switch import protocol as p
from gateway.switch.errors import SwitchUnavailable
from tests.telephony.raw_phone import RawPhone, status_of
from tests.telephony.switch_rig import rig, sdp


@dataclass(frozen=True)
class Torture:
    name: str
    verdict: str
    data: bytes


def load() -> list[Torture]:
    text = (Path(__file__).parent / "rfc4475.txt").read_text(encoding="utf-8")
    messages = []
    for part in re.split(r"^%% ", text, flags=re.MULTILINE)[1:]:  # keeps the last line's end: it counts
        head, _, body = part.partition("\n")
        name, _, verdict = head.split()
        raw = body.replace("\n", "\r\n").encode()
        raw = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), raw)
        messages.append(Torture(name, verdict, raw))
    return messages


MESSAGES = load()


async def keep_pace(number: int, phone: RawPhone) -> None:
    """Wait now and then until all was heard: the kernel drops what a full socket cannot hold."""
    if number % 20 == 19:
        assert status_of(await phone.ask("OPTIONS")) == 200


async def still_serves(r, phone: RawPhone) -> None:
    """A marker call proves that everything before it has been handled, and that calls still work."""
    await phone.invite()
    incoming = await r.expect(p.Incoming)
    assert incoming.from_user.get_secret_value() == "raw"
    r.send(p.Refuse(leg=incoming.leg, status=486))
    assert status_of(await phone.final(phone.cseq)) == 486


def test_the_set_is_whole():
    assert len({message.name for message in MESSAGES}) == len(MESSAGES) == 49
    assert {message.verdict for message in MESSAGES} == {"never", "may"}


WRONG_ON_PURPOSE = {"dblreq", "clerr", "ncl", "mcl01", "inv2543"}


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.name)
def test_the_messages_are_whole(message):
    """Each ends its header and has as many octets of body as it says, but for those that lie by design."""
    header, end, body = message.data.partition(b"\r\n\r\n")
    assert end
    said = re.findall(rb"(?im)^(?:content-length|l) *: *(\S+)", header)
    assert (said == [str(len(body)).encode()]) == (message.name not in WRONG_ON_PURPOSE)


async def test_rfc_4475_messages_start_no_call(tmp_path):
    async with rig(tmp_path) as r, RawPhone(r.port) as thrower, RawPhone(r.port) as phone:
        for message in MESSAGES:
            if message.verdict == "never":
                thrower.throw(message.data)
        await phone.invite()
        while not isinstance(event := await anext(r.events), p.Incoming):
            assert isinstance(event, p.Register)  # some are sound REGISTERs: `calls` refuses those
            r.send(p.RefuseRegister(request=event.request, status=403))
        assert event.from_user.get_secret_value() == "raw"
        r.send(p.Refuse(leg=event.leg, status=486))
        assert status_of(await phone.final(phone.cseq)) == 486
        pong = await r.idle()
        assert pong.incoming_total == 1


@pytest.mark.parametrize("message", [m for m in MESSAGES if m.verdict == "may"], ids=lambda m: m.name)
async def test_rfc_4475_messages_that_may_ring_leave_nothing(tmp_path, message):
    async with rig(tmp_path) as r, RawPhone(r.port) as phone:
        phone.throw(message.data)
        await phone.invite()
        while True:
            event = await r.expect(p.Incoming)
            r.send(p.Refuse(leg=event.leg, status=403))
            if event.from_user.get_secret_value() == "raw":
                break
        await phone.final(phone.cseq)
        assert r.link.status()[0].legs == 0


async def test_random_datagrams(tmp_path):
    noise = random.Random(4475)  # noqa: S311 the same noise each time
    async with rig(tmp_path) as r, RawPhone(r.port) as thrower, RawPhone(r.port) as phone:
        for n in range(300):
            thrower.throw(noise.randbytes(noise.randrange(0, 1400)))
            await keep_pace(n, phone)
        await still_serves(r, phone)
        assert (await r.idle()).incoming_total == 1


async def test_messages_with_flipped_bytes(tmp_path):
    """A sound INVITE with some bytes changed may ring or not; nothing dies and nothing stays."""
    noise = random.Random(3261)  # noqa: S311
    sound = (
        "INVITE sip:token1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{n};rport\r\n"
        "From: <sip:flip@127.0.0.1>;tag=f{n}\r\nTo: <sip:token1@127.0.0.1>\r\nCall-ID: flip-{n}\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:flip@127.0.0.1:{port}>\r\nMax-Forwards: 70\r\nExpires: 60\r\n"
        "Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    async with rig(tmp_path) as r, RawPhone(r.port) as thrower, RawPhone(r.port) as phone:
        for n in range(300):
            data = bytearray(sound.format(port=thrower.port, n=n, length=len(sdp()), body=sdp()).encode())
            for _ in range(noise.randrange(1, 6)):
                data[noise.randrange(len(data))] = noise.choice(b'\x00\xff <>;:,=@"%\r\n0A')
            thrower.throw(bytes(data))
            await keep_pace(n, phone)
        await phone.invite()
        async with asyncio.timeout(60):
            async for event in r.events:
                if isinstance(event, p.Incoming):
                    with contextlib.suppress(SwitchUnavailable):  # cancelled by a flipped byte
                        r.send(p.Refuse(leg=event.leg, status=403))
                    if event.from_user.get_secret_value() == "raw":
                        break
        assert status_of(await phone.final(phone.cseq)) == 403
        await r.counted(lambda pong: pong.legs == 0, "no legs")
        assert "Traceback" not in r.log_text()
        assert "flip" not in r.log_text()
