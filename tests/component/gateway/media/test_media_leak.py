"""Invariant 1 on the media plane: a canary number in anything a far end can send never crosses."""

import itertools
import random
import struct
from pathlib import Path

from gateway.media.model import Side
from gateway.media.session import MediaSession
from tests.support.media import KEY, RtpPhone, media_plane, packet, sdp, until

CANARY = b"13800138000"
DIGITS = CANARY.decode()
PAYLOAD = b"\xd5\x55" * 80
CANARY_SDP = (
    f"i={DIGITS}\r\nb=AS:{DIGITS}\r\nk=clear:{DIGITS}\r\na=label:{DIGITS}\r\na=ice-ufrag:{DIGITS}\r\n"
    f"a=fmtp:101 0-15,{DIGITS}\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{DIGITS}\r\na=x-{DIGITS}\r\n"
    f"a=rtpmap:97 {DIGITS}/8000\r\na=rtcp:{DIGITS[:5]}\r\na=ssrc:1 cname:{DIGITS}\r\na=sendrecv\r\n"
    f"m=video 0 RTP/AVP {DIGITS}\r\na=label:{DIGITS}\r\nm=x{DIGITS} 0 {DIGITS} {DIGITS}\r\n"
)


def canary_offer(port: int) -> str:
    clean = sdp(port, extra=CANARY_SDP)
    return (
        clean.replace("o=phone 1 1", f"o={DIGITS} {DIGITS} {DIGITS}")
        .replace("s=call", f"s={DIGITS}\r\nu=tel:{DIGITS}\r\ne={DIGITS}\r\np=+86 {DIGITS}")
        .replace("t=0 0", f"t={DIGITS} 0\r\na=tool:{DIGITS}")
    )


def crafted() -> list[bytes]:
    """Packets with the canary in every place that is not audio; all but the last three carry audio too."""
    number = CANARY.ljust(12, b"\0")
    head = struct.Struct("!BBHII")
    with_csrc = head.pack(0x83, 8, 1, 160, 7) + number + PAYLOAD
    extension = struct.pack("!HH", 0xBEDE, 3) + number
    with_extension = head.pack(0x90, 8, 2, 320, 7) + extension + PAYLOAD
    padded = head.pack(0xA0, 8, 3, 480, 7) + PAYLOAD + number + b"\0\0\0\x10"
    everything = head.pack(0xB3, 8, 4, 640, 7) + number + extension + PAYLOAD + number + b"\0\0\0\x10"
    (number_as_stamp,) = struct.unpack("!I", struct.pack("!I", 1380013800))
    leaping = head.pack(0x80, 8, 5, number_as_stamp, 7) + PAYLOAD
    other_ssrc = head.pack(0x80, 8, 38000, 0, number_as_stamp) + PAYLOAD
    sdes = struct.pack("!BBHI", 0x81, 202, 6, 7) + b"\x01\x0b" + CANARY + b"\x04\x0b" + CANARY + b"\0\0"
    unknown_type = packet(CANARY * 3, seq=6, timestamp=800, ssrc=7, payload_type=111)
    long_key = packet(
        b"\x01\x0a\x00\xa0" + CANARY, seq=38001, timestamp=160, ssrc=1380013800, payload_type=101
    )
    return [with_csrc, with_extension, padded, everything, leaping, other_ssrc, sdes, unknown_type, long_key]


async def bridged(session: MediaSession, phones: tuple[RtpPhone, RtpPhone]) -> list[str]:
    """Both ends describe themselves with the canary; gives all SDP that we wrote."""
    session.set_remote(Side.STAFF, canary_offer(phones[0].port))
    written = [session.local_sdp(Side.CUSTOMER)]
    session.set_remote(Side.CUSTOMER, canary_offer(phones[1].port))
    written += [session.local_sdp(Side.STAFF), session.local_sdp(Side.CUSTOMER)]
    await session.play_notice()
    session.bridge()
    phones[0].call(written[1])
    phones[1].call(written[2])
    return written


async def test_nothing_but_audio_and_keys_crosses(notice: Path, phones: tuple[RtpPhone, RtpPhone]):
    async with media_plane(notice) as plane:
        session = await plane.open("c" * 32, KEY)
        written = await bridged(session, phones)
        phones[0].received.clear()
        for data in crafted():
            phones[1].send(data)
        await until(lambda: session.stats().customer.received == len(crafted()))
        await phones[0].heard(lambda got: len(got) == 7)
        report = await session.close()

    assert not any(DIGITS in text for text in written)
    assert not any(DIGITS[:5] in text for text in written)
    assert (report.customer.rtcp, report.customer.wrong_payload_type) == (1, 1)
    assert report.customer.relayed == 6
    assert report.customer.dtmf == 1
    got = phones[0].received
    assert [d[12:] for d in got[:6]] == [PAYLOAD] * 6
    assert got[6][12:] == b"\x01\x0a\x00\xa0"
    assert {d[0] for d in got} == {0x80}
    assert not any(CANARY in d for d in got)
    assert len({d[8:12] for d in got}) == 1
    assert got[0][8:12] not in {struct.pack("!I", 7), struct.pack("!I", 1380013800)}
    stamps = [int.from_bytes(d[4:8]) for d in got]  # neither does a number hidden in a timestamp's leap
    steps = [(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)]
    assert max(steps) < 8000


async def test_foreign_packets_are_dropped(notice: Path, phones: tuple[RtpPhone, RtpPhone]):
    async with media_plane(notice) as plane:
        session = await plane.open("c" * 32, KEY)
        await bridged(session, phones)
        stranger = RtpPhone.start()
        stranger.target = phones[1].target
        phones[1].say(PAYLOAD)
        await until(lambda: session.stats().customer.relayed == 1)
        phones[0].received.clear()
        for _ in range(50):
            stranger.say(PAYLOAD)
        phones[1].say(PAYLOAD)
        await until(lambda: session.stats().customer.received == 52)
        report = await session.close()
        stranger.close()
    assert report.customer.foreign == 50
    assert report.customer.relayed == 2
    assert not stranger.received


async def test_garbage_neither_crosses_nor_kills(notice: Path, phones: tuple[RtpPhone, RtpPhone]):
    source = random.Random(1)  # noqa: S311
    async with media_plane(notice) as plane:
        session = await plane.open("c" * 32, KEY)
        await bridged(session, phones)
        phones[1].say(PAYLOAD)
        sent = 1
        for _batch in range(20):
            for _ in range(25):
                phones[1].send(source.randbytes(source.randrange(0, 1600)))
                sent += 1
            await until(lambda: session.stats().customer.received >= sent)  # noqa: B023
        phones[1].say(PAYLOAD)
        await until(lambda: session.stats().customer.relayed >= 2)
        report = await session.close()
    assert report.customer.accounted == report.customer.received == sent + 1
    assert all(d[0] == 0x80 and len(d) <= 12 + 960 for d in phones[0].received)
    assert report.failure is None
