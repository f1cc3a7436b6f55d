"""Whole calls over real UDP on the loopback, judged by what is heard and what is in the recording."""

import asyncio
import hashlib
import itertools
import random
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.blobs import InMemoryBlobStore
from core.tasks import spawn
from gateway.media import g711
from gateway.media.errors import NoticeNotPlayed, PortsExhausted
from gateway.media.model import DtmfEvent, Law, MediaReport, Side
from gateway.media.plane import MediaPlane
from gateway.media.prompts import RECORDING_NOTICE
from gateway.media.recording import RecordingReader
from gateway.media.session import MediaSession
from tests.support.media import (
    KEY,
    RtpPhone,
    loudest_hertz,
    media_plane,
    packet,
    sdp,
    tone,
    until,
)

Phones = tuple[RtpPhone, RtpPhone]


async def connect(
    plane: MediaPlane, phones: Phones, *, staff: str | None = None, customer: str | None = None
) -> MediaSession:
    """Staff offers, the customer answers, the notice plays, the voices are let through."""
    session = await plane.open("c" * 32, KEY)
    session.set_remote(Side.STAFF, staff or sdp(phones[0].port))
    phones[1].call(session.local_sdp(Side.CUSTOMER))
    session.set_remote(Side.CUSTOMER, customer or sdp(phones[1].port))
    phones[0].call(session.local_sdp(Side.STAFF))
    await session.play_notice()
    session.bridge()
    return session


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def samples_of(report: MediaReport, blobs: InMemoryBlobStore):
    assert report.recording is not None
    return RecordingReader.open(blobs, report.recording.blob_id, KEY)


async def test_each_side_hears_the_other_and_has_its_own_channel(notice: Path, blobs, phones: Phones):
    async with media_plane(notice, blobs) as plane:
        session = await connect(plane, phones)
        for phone in phones:
            phone.received.clear()
        await asyncio.gather(phones[0].speak(tone(500, 12000)), phones[1].speak(tone(1300, 12000)))
        await phones[0].heard(lambda got: len(got) >= 75)
        await phones[1].heard(lambda got: len(got) >= 75)
        report = await session.close()

    assert loudest_hertz(phones[0].sound()) == pytest.approx(1300, abs=5)
    assert loudest_hertz(phones[1].sound()) == pytest.approx(500, abs=5)
    assert report.relayed_packets == report.recorded_packets == 150
    assert report.completeness == 1
    assert report.staff.accounted == report.staff.received == 75
    async with await samples_of(report, blobs) as reader:
        sound = await reader.samples()
        assert reader.complete
        assert reader.call_id == "c" * 32
        assert reader.recorded_packets == (75, 75)
        assert reader.relayed_packets == (75, 75)
    assert loudest_hertz(sound[0]) == pytest.approx(500, abs=5)
    assert loudest_hertz(sound[1]) == pytest.approx(1300, abs=5)
    spoken = np.flatnonzero(np.abs(sound[0].astype(int)) > 1000)
    assert 0.95 < spoken[0] / 8000 < 1.3  # after a notice of one second
    assert (spoken[-1] - spoken[0]) / 8000 == pytest.approx(1.5, abs=0.05)


async def test_the_hashes_can_be_recomputed_from_the_export(notice: Path, blobs, phones: Phones):
    async with media_plane(notice, blobs) as plane:
        session = await connect(plane, phones)
        await phones[0].speak(tone(500, 4000))
        report = await session.close()
    async with await samples_of(report, blobs) as reader:
        wav, flac, sound = await reader.wav(), await reader.flac(), await reader.samples()
        assert await reader.wav_sha256() == report.wav_sha256
        assert reader.duration_ms == report.duration_ms
    assert hashlib.sha256(wav).hexdigest() == report.wav_sha256
    for data in (wav, flac):
        read, rate = soundfile.read(BytesIO(data), dtype="int16")
        assert rate == 8000
        assert np.array_equal(read.T, sound)
    stored = await blobs.open(report.recording.blob_id, KEY)
    plain = b"".join([piece async for piece in stored.stream()])
    assert hashlib.sha256(plain).hexdigest() == report.recording.sha256


async def test_the_notice_reaches_both_before_any_voice_crosses(notice: Path, blobs, phones: Phones):
    async with media_plane(notice, blobs) as plane:
        session = await plane.open("c" * 32, KEY)
        session.set_remote(Side.STAFF, sdp(phones[0].port))
        phones[0].call(session.local_sdp(Side.STAFF))
        phones[1].call(session.local_sdp(Side.CUSTOMER))
        session.set_remote(Side.CUSTOMER, sdp(phones[1].port))
        with pytest.raises(NoticeNotPlayed):
            session.bridge()
        playing = spawn(session.play_notice(), name="test")
        await asyncio.gather(phones[0].speak(tone(2000, 6400)), phones[1].speak(tone(2400, 6400)))
        with pytest.raises(NoticeNotPlayed):
            session.bridge()
        played = await playing
        report = await session.close()

    assert (played.ms, played.staff_packets, played.customer_packets) == (1000, 50, 50)
    assert played.prompt_sha256 == sha256_of(notice)
    assert report.notice == played
    assert report.relayed_packets == 0
    assert report.staff.unbridged == report.staff.recorded == 40
    for phone in phones:
        assert loudest_hertz(phone.sound()) == pytest.approx(700, abs=5)
        assert len(phone.received) == 50
    async with await samples_of(report, blobs) as reader:  # what was said during the notice is evidence too
        sound, events = await reader.samples(), await reader.events()
    assert [loudest_hertz(channel) for channel in sound] == pytest.approx([2000, 2400], abs=5)
    assert [event.kind.name for event in events] == ["NOTICE_BEGIN"] * 2 + ["NOTICE_END"] * 2
    assert events[2].at_ms == pytest.approx(1000, abs=60)


async def test_the_committed_notice_is_played_in_full(blobs, phones: Phones):
    async with media_plane(RECORDING_NOTICE, blobs) as plane:
        session = await connect(plane, phones)
        report = await session.close()
    prompt, _ = soundfile.read(RECORDING_NOTICE, dtype="int16")
    heard = phones[1].sound()
    assert len(prompt) <= len(heard) < len(prompt) + 160
    assert np.corrcoef(prompt, heard[: len(prompt)])[0, 1] > 0.99
    assert report.notice.ms == pytest.approx(len(prompt) / 8, abs=20)


async def test_one_numbering_from_ringback_to_voice(notice: Path, blobs, phones: Phones):
    async with media_plane(notice, blobs) as plane:
        session = await plane.open("c" * 32, KEY)
        session.set_remote(Side.STAFF, sdp(phones[0].port))
        phones[0].call(session.local_sdp(Side.STAFF))
        session.play_ringback(Side.STAFF)
        await phones[0].heard(lambda got: len(got) >= 20)
        assert loudest_hertz(phones[0].sound()) == pytest.approx(450, abs=10)
        phones[1].call(session.local_sdp(Side.CUSTOMER))
        session.set_remote(Side.CUSTOMER, sdp(phones[1].port))
        await session.play_notice()
        session.bridge()
        await phones[1].speak(tone(900, 1600))
        phones[1].ssrc, phones[1].seq, phones[1].timestamp = 99, 7, 1 << 31  # the far end restarts
        await phones[1].speak(tone(900, 1600))
        await until(lambda: session.stats().customer.relayed == 20)
        await phones[0].heard(lambda got: len(got) >= session.stats().staff.sent)
        report = await session.close()

    heads = [(int.from_bytes(d[2:4]), int.from_bytes(d[4:8]), d[8:12]) for d in phones[0].received]
    assert len({ssrc for _, _, ssrc in heads}) == 1
    assert {(b[0] - a[0]) & 0xFFFF for a, b in itertools.pairwise(heads)} == {1}
    steps = [(b[1] - a[1]) & 0xFFFFFFFF for a, b in itertools.pairwise(heads)]
    assert all(160 <= step < 2400 for step in steps)
    assert report.customer.restarts == 1
    assert report.customer.recorded == 20


async def test_laws_are_translated_and_keys_renumbered(notice: Path, blobs, phones: Phones):
    keys: list[DtmfEvent] = []
    async with media_plane(notice, blobs) as plane:
        session = await connect(
            plane,
            phones,
            staff=sdp(phones[0].port, codecs=[0], event=96),
            customer=sdp(phones[1].port, codecs=[8], event=101),
        )
        session.on_dtmf(keys.append)
        for phone in phones:
            phone.received.clear()
        await phones[0].speak(tone(600, 4000), Law.ULAW)
        for n in range(3):  # one key, three packets
            event = bytes((5, 0x4A if n < 2 else 0xCA, *divmod(160 * (n + 1), 256)))
            phones[0].send(
                packet(
                    event,
                    seq=phones[0].seq + n,
                    timestamp=phones[0].timestamp,
                    ssrc=phones[0].ssrc,
                    payload_type=96,
                    marker=n == 0,
                )
            )
        await phones[1].heard(lambda got: len(got) >= 28)
        await phones[1].speak(tone(800, 1600))
        await phones[0].heard(lambda got: len(got) >= 10)
        report = await session.close()

    assert loudest_hertz(phones[1].sound(Law.ALAW)) == pytest.approx(600, abs=5)
    assert loudest_hertz(phones[0].sound(Law.ULAW)) == pytest.approx(800, abs=10)
    events = [d for d in phones[1].received if d[1] & 0x7F == 101]
    assert [d[12:] for d in events] == [
        bytes((5, 0x0A, 0, 160)),
        bytes((5, 0x0A, 1, 64)),
        bytes((5, 0x8A, 1, 224)),
    ]
    assert len({d[4:8] for d in events}) == 1
    assert events[0][1] & 0x80
    assert [(key.side, key.digit) for key in keys] == [(Side.STAFF, "5")]
    assert "5" not in repr(keys[0]).split("at_ms")[0]
    assert report.staff.dtmf == 3
    async with await samples_of(report, blobs) as reader:
        assert [event.key for event in await reader.events() if event.key] == ["5"]


async def test_hold_and_resume(notice: Path, blobs, phones: Phones):
    async with media_plane(notice, blobs) as plane:
        session = await connect(plane, phones)
        before = session.local_sdp(Side.CUSTOMER)
        assert session.hold(Side.CUSTOMER, sdp(phones[1].port, extra="a=sendonly\r\n")).held
        answer = session.local_sdp(Side.CUSTOMER)
        assert "a=recvonly" in answer
        assert int(answer.split()[3]) == int(before.split()[3]) + 1  # the version in o=
        assert session.local_sdp(Side.CUSTOMER) == answer
        phones[1].received.clear()
        await phones[0].speak(tone(500, 1600))
        await until(lambda: session.stats().staff.unbridged == 10)
        assert not phones[1].received
        assert not session.hold(Side.CUSTOMER, sdp(phones[1].port, extra="a=sendrecv\r\n")).held
        await phones[0].speak(tone(500, 1600))
        await phones[1].heard(lambda got: len(got) == 10)
        report = await session.close()
    assert report.staff.recorded == 20


@pytest.mark.parametrize("frames", [80, 240, 480])
async def test_other_packet_lengths(notice: Path, blobs, phones: Phones, frames: int):
    async with media_plane(notice, blobs) as plane:
        session = await connect(plane, phones)
        phones[1].received.clear()
        await phones[0].speak(tone(640, 9600), frames=frames)
        await phones[1].heard(lambda got: len(got) == 9600 // frames)
        report = await session.close()
    assert loudest_hertz(phones[1].sound()) == pytest.approx(640, abs=5)
    async with await samples_of(report, blobs) as reader:
        sound = (await reader.samples())[0]
    spoken = np.flatnonzero(np.abs(sound.astype(int)) > 1000)
    assert spoken[-1] - spoken[0] == pytest.approx(9600, abs=20)


async def test_an_unanswered_call_leaves_no_blob_and_frees_its_ports(notice: Path, blobs, phones: Phones):
    async with media_plane(notice, blobs) as plane:
        free = plane.status().ports_free
        session = await plane.open("c" * 32, KEY)
        assert plane.status().ports_free == free - 2
        session.set_remote(Side.STAFF, sdp(phones[0].port))
        session.play_ringback(Side.STAFF)
        report = await session.close()
        assert await session.close() == report
        assert plane.status().ports_free == free
    assert report.recording is None
    assert report.wav_sha256 is None
    assert report.failure is None
    assert await blobs.unfinished() == []


async def test_no_ports_no_call(notice: Path, blobs):
    async with media_plane(notice, blobs) as plane:
        sessions = [await plane.open("c" * 32, KEY) for _ in range(plane.status().ports_free // 2)]
        with pytest.raises(PortsExhausted):
            await plane.open("c" * 32, KEY)
        assert len(sessions) >= 5
        for session in sessions:
            await session.close()
        assert plane.status().ports_free == plane.status().ports
    assert await blobs.unfinished() == []


async def test_a_call_ended_during_the_notice(notice: Path, blobs, phones: Phones):
    async with media_plane(notice, blobs) as plane:
        session = await plane.open("c" * 32, KEY)
        session.set_remote(Side.STAFF, sdp(phones[0].port))
        session.set_remote(Side.CUSTOMER, sdp(phones[1].port))
        playing = spawn(session.play_notice(), name="test")
        await phones[0].heard(lambda got: len(got) >= 5)
        report = await session.close()
        with pytest.raises(NoticeNotPlayed):
            await playing
    assert report.notice is None
    assert report.recording is not None


async def test_offers_and_answers_stay_what_they_are_until_the_remote_speaks_again(
    notice: Path, blobs, phones: Phones
):
    async with media_plane(notice, blobs) as plane:
        session = await plane.open("c" * 32, KEY)
        session.set_remote(Side.STAFF, sdp(phones[0].port, codecs=[0, 8]))
        ringing = session.local_sdp(Side.STAFF)
        offer = session.local_sdp(Side.CUSTOMER)
        assert "RTP/AVP 0 8 101" in offer  # what the staff's phone speaks comes first
        assert session.local_sdp(Side.CUSTOMER) == offer
        session.set_remote(Side.CUSTOMER, sdp(phones[1].port, codecs=[8]))
        assert session.local_sdp(Side.STAFF) == ringing  # a 183 and its 200 say the same
        session.hold(Side.STAFF, sdp(phones[0].port, codecs=[8], extra="a=sendonly\r\n"))
        assert "RTP/AVP 8 101" in session.local_sdp(Side.STAFF)
        await session.close()


async def test_five_percent_loss_and_jitter_over_real_sockets(notice: Path, blobs, phones: Phones):
    source = random.Random(7)  # noqa: S311
    codes = g711.encode(tone(500, 24_000), Law.ALAW)
    async with media_plane(notice, blobs) as plane:
        session = await connect(plane, phones)
        loop, sent = asyncio.get_running_loop(), 0
        begin = loop.time()
        for n in range(150):
            if n == 0 or source.random() >= 0.05:
                data = packet(
                    codes[n * 160 : n * 160 + 160], seq=65_500 + n, timestamp=2**32 - 8000 + n * 160
                )
                delay = begin + n * 0.02 + source.random() * 0.05 - loop.time()
                loop.call_later(max(delay, 0), phones[0].send, data)
                sent += 1
        await until(lambda: session.stats().staff.received == sent)
        report = await session.close()
    assert report.staff.relayed == report.staff.recorded == sent
    assert report.staff.lost == 150 - sent > 0
    assert report.completeness == 1
    async with await samples_of(report, blobs) as reader:
        sound = (await reader.samples())[0]
    silent = int(np.count_nonzero(np.abs(sound[8000:].astype(int)) < 20))
    spoken = np.flatnonzero(np.abs(sound.astype(int)) > 1000)
    assert loudest_hertz(sound) == pytest.approx(500, abs=3)
    assert spoken[-1] - spoken[0] == pytest.approx(24_000, abs=700)
    assert silent >= (150 - sent) * 150
