"""Malformed SIP and RTP against the whole system while a call is going on: it goes on, and nothing else begins."""

import asyncio
import random
import struct

from tests.support.media import packet
from tests.telephony.flows import connect, over, staff_phone, status
from tests.telephony.sip_phone import SipPhone
from tests.telephony.sound import assert_voices, converse
from tests.telephony.switch_torture_test import MESSAGES


async def answers(phone: SipPhone) -> None:
    """An OPTIONS that is answered proves that everything before it was taken."""
    call = phone.place("98765432")
    assert await status(call) == 404


async def throw_sip(thrower: SipPhone, noise: random.Random) -> None:
    for message in MESSAGES:
        thrower.send(message.data)
    sound = next(message.data for message in MESSAGES if message.data.startswith(b"INVITE"))
    for number in range(300):
        if number % 2:
            data = bytearray(sound)
            for _ in range(noise.randrange(1, 8)):
                data[noise.randrange(len(data))] = noise.randrange(256)
            thrower.send(bytes(data))
        else:
            thrower.send(noise.randbytes(noise.randrange(0, 1400)))
        if number % 20 == 19:
            await asyncio.sleep(0)  # the phone's own answers have their turn


async def test_torture_messages_and_noise_while_people_talk(desk, trunk):
    bound = await desk.bind(await desk.hire())
    noise = random.Random(4475)  # noqa: S311 the same each time
    account = bound.staff.sip
    async with (
        staff_phone(desk, bound) as phone,
        SipPhone(desk.system.sip, "thrower") as thrower,
        SipPhone(desk.system.sip, account.username, account.password) as other,
    ):
        staff, customer = await connect(phone, bound, trunk)
        calls = len(trunk.calls)
        before = await desk.totals()

        async def throw() -> None:
            await throw_sip(thrower, noise)
            await throw_sip(trunk, noise)  # the carrier may talk nonsense too
            await answers(other)

        await asyncio.gather(converse(staff, customer, seconds=2.0), throw())
        assert not staff.ended.is_set()
        assert not customer.ended.is_set()
        assert len(trunk.calls) == calls, "nobody was called"
        assert await desk.totals() == before, "nothing was judged"
        await staff.bye()
        await over(customer)
    row = await desk.one_call(bound, "completed")
    assert_voices((await desk.recording(row)).samples, seconds=4.0)
    for name in ("calls", "switch"):
        assert "Traceback" not in desk.system.log(name)
        assert '"level": "critical"' not in desk.system.log(name)


def bad_packets(noise: random.Random, seq: int, timestamp: int, ssrc: int) -> list[bytes]:
    """RTP that is none: random, huge, cut off, of another version, of another type."""
    good = packet(noise.randbytes(160), seq=seq, timestamp=timestamp, ssrc=ssrc)
    return [
        b"",
        b"\x80",
        *(noise.randbytes(noise.randrange(1, 1500)) for _ in range(10)),
        bytes([0x40]) + good[1:],  # version 1
        bytes([0xC0]) + good[1:],  # version 3
        bytes([0x8F]) + good[1:40],  # 15 CSRC that are not there
        bytes([0x90]) + good[1:12] + struct.pack("!HH", 0xBEDE, 0xFFFF) + good[12:],  # endless extension
        bytes([0xA0]) + good[1:-1] + b"\xff",  # more padding than packet
        bytes([0xA0]) + good[1:-1] + b"\x00",  # no padding
        *(good[:size] for size in (4, 8, 11, 12, 13)),
        packet(noise.randbytes(160), seq=seq, timestamp=timestamp, ssrc=ssrc, payload_type=97),
        packet(noise.randbytes(160), seq=seq, timestamp=timestamp, ssrc=ssrc, payload_type=18),
        packet(noise.randbytes(8000), seq=seq, timestamp=timestamp, ssrc=ssrc),
        packet(noise.randbytes(60000), seq=seq, timestamp=timestamp, ssrc=ssrc),
        packet(b"\x20\x0a\x00\xa0", seq=seq, timestamp=timestamp, ssrc=ssrc, payload_type=101),
        packet(b"\x01", seq=seq, timestamp=timestamp, ssrc=ssrc, payload_type=101),
        struct.pack("!BBHI", 0x80, 200, 6, ssrc) + noise.randbytes(20),
        struct.pack("!BBHI", 0x81, 203, 0xFFFF, ssrc),
    ]


async def test_bad_rtp_into_a_live_call(desk, trunk):
    bound = await desk.bind(await desk.hire())
    noise = random.Random(3550)  # noqa: S311
    async with staff_phone(desk, bound) as phone, SipPhone(desk.system.sip, "stranger") as stranger:
        staff, customer = await connect(phone, bound, trunk)

        async def throw() -> None:
            for _ in range(12):
                for call in (staff, customer):
                    rtp = call.rtp
                    for data in bad_packets(noise, rtp.seq + 20000, rtp.timestamp, rtp.ssrc):
                        rtp.send(data)  # from the phone's own port
                    for data in bad_packets(noise, rtp.seq, rtp.timestamp, rtp.ssrc):
                        stranger.send(data, rtp.target)  # and from a stranger's
                    tone = packet(b"\x05" * 160, seq=rtp.seq + 3, timestamp=rtp.timestamp, ssrc=rtp.ssrc)
                    stranger.send(tone, rtp.target)  # a perfect packet, from the wrong place
                await asyncio.sleep(0.1)

        await asyncio.gather(converse(staff, customer, seconds=2.0), throw())
        assert not staff.ended.is_set()
        assert not customer.ended.is_set()
        await customer.bye()
        await over(staff)
    row = await desk.one_call(bound, "completed")
    for leg in (row.staff_packets, row.customer_packets):
        assert leg["malformed"] > 100
        assert leg["foreign"] > 10
        assert leg["wrong_payload_type"] > 10
        assert leg["rtcp"] > 10
    recording = await desk.recording(row)
    assert_voices(recording.samples, seconds=4.0)
