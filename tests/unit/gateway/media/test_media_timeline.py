"""The time line under everything a network does to packets; the sound is checked code by code."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.media import g711
from gateway.media.model import Law, Side
from gateway.media.recorder import Recorder
from gateway.media.recording import decode_blocks
from gateway.media.timeline import LEAD_FRAMES, REORDER_FRAMES
from tests.support.media_network import SILENT, Disk, Packet, Talker, record


def decoded(codes: bytes | bytearray) -> np.ndarray:
    return g711.decode(bytes(codes), Law.ALAW)


def expected_of(
    talker: Talker, packets: list[Packet], kept: list[Packet], first: int, length: int
) -> np.ndarray:
    """What the channel must hold: each kept packet at its timestamp's place, silence elsewhere."""
    line = bytearray([SILENT]) * length
    for packet in kept:
        at = first + ((packet.timestamp - packets[0].timestamp) & 0xFFFFFFFF)
        line[at : at + len(packet.codes)] = packet.codes
    return decoded(line)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    ptime=st.sampled_from([80, 160, 240, 480]),
    seq=st.sampled_from([0, 65530, 40000]),
    timestamp=st.sampled_from([0, 2**32 - 4000, 2**31 - 100]),
    loss=st.sampled_from([0.0, 0.05, 0.3]),
    doubles=st.sampled_from([0.0, 0.1]),
    jitter_ms=st.sampled_from([0, 15, 60]),
)
def test_every_packet_that_arrives_is_where_it_was_said(
    seed, ptime, seq, timestamp, loss, doubles, jitter_ms
):
    """Loss, jitter, reordering, doubles and wrap-around: exact sound, exact places, exact counts."""
    talker = Talker(seed=seed, ptime=ptime, seq=seq, timestamp=timestamp)
    packets = talker.packets(60, lambda source: source.random() * jitter_ms * 8)
    packets[0] = replace(packets[0], at=float(ptime))  # the first one is the anchor
    source = random.Random(seed + 1)  # noqa: S311
    kept = [packets[0], *(p for p in packets[1:] if source.random() >= loss)]
    copies = [replace(p, at=p.at + 1 + source.random() * 200) for p in kept if source.random() < doubles]
    result = record(kept + copies)

    assert result.recorded == result.placed == len(kept)
    assert result.refused == len(copies)
    assert result.clock.restarts == 0
    length = len(result.channel)
    assert np.array_equal(result.channel, expected_of(talker, packets, kept, ptime, length))
    highest = max((p.seq - seq) & 0xFFFF for p in kept)
    assert result.clock.lost == highest + 1 - len(kept)


@pytest.mark.parametrize("parts", [-100e-6, 100e-6])
def test_an_hour_with_a_clock_that_is_off(parts: float):
    """Nothing is lost, and the channel stays within the window of real time."""
    count = 3600 * 50
    pause = bytes([SILENT]) * 160
    packets = [
        Packet((n + 1) * 160 / (1 + parts), n & 0xFFFF, n * 160, pause if n % 100 > 60 else b"\x11" * 160)
        for n in range(count)
    ]
    result = record(packets)
    assert result.recorded == count
    assert result.refused == 0
    drift = [frame - int(packet.at) for frame, packet in zip(result.frames, packets, strict=True)]
    assert min(drift) >= -REORDER_FRAMES
    assert max(drift) <= 2000 + 160 * 61  # silence is trimmed at the next pause
    assert result.clock.restarts == 0
    loud = int(np.count_nonzero(np.abs(result.channel.astype(int)) > 100))
    assert loud == 160 * sum(1 for n in range(count) if n % 100 <= 60)


def test_a_new_ssrc_goes_on_where_the_old_one_ended():
    one, two = Talker(seed=1), Talker(seed=2, seq=500, timestamp=10**9, start=50 * 160)
    first = one.packets(50)
    second = [replace(p, ssrc=2) for p in two.packets(50)]
    result = record(first + second)
    assert result.recorded == 100
    assert result.clock.restarts == 1
    assert np.array_equal(result.channel[160 : 160 + 16000], decoded(one.spoken + two.spoken))


def test_the_same_ssrc_with_new_numbers_needs_two_packets_in_a_row():
    one, two = Talker(seed=1, seq=30000), Talker(seed=2, seq=100, timestamp=10**9, start=50 * 160)
    result = record(one.packets(50) + two.packets(50))
    assert result.refused == 1
    assert result.recorded == 99
    assert result.clock.restarts == 1


def test_one_stray_packet_restarts_nothing():
    talker = Talker(seq=30000)
    packets = talker.packets(100)
    result = record([*packets, Packet(5000.0, 100, 5, b"\x01" * 160)])
    assert result.refused == 1
    assert result.clock.restarts == 0
    assert np.array_equal(result.channel[160 : 160 + 16000], decoded(talker.spoken))


def test_a_sender_that_is_silent_between_words():
    """Silence suppression: timestamps go on, packets do not."""
    talker = Talker()
    packets = talker.packets(200)
    kept = [p for n, p in enumerate(packets) if n % 50 < 20]
    result = record(kept)
    assert np.array_equal(result.channel, expected_of(talker, packets, kept, 160, len(result.channel)))
    assert result.recorded == len(kept)


def test_timestamps_that_stand_still_in_silence():
    """Broken senders freeze their clock while they are silent: the time line follows real time."""
    one, two = Talker(seed=1), Talker(seed=2, seq=50, timestamp=50 * 160, start=50 * 160 + 8000 * 5)
    result = record(one.packets(50) + two.packets(50))
    assert result.recorded == 100
    assert np.array_equal(result.channel[160:8160], decoded(one.spoken))
    start = result.frames[50]
    assert abs(start - (50 * 160 + 40000 + 160)) <= REORDER_FRAMES
    assert np.array_equal(result.channel[start : start + 8000], decoded(two.spoken))


def test_a_leap_of_the_timestamps():
    one, two = Talker(seed=1), Talker(seed=2, seq=50, timestamp=3_000_000_000, start=50 * 160)
    result = record(one.packets(50) + two.packets(50))
    assert result.recorded == 100
    assert result.clock.restarts == 1
    assert np.array_equal(result.channel[160 : 160 + 16000], decoded(one.spoken + two.spoken))


def test_a_network_that_holds_its_breath():
    """A second of nothing, then everything at once: all of it is kept, in order."""
    talker = Talker()
    packets = [replace(p, at=max(p.at, 20000.0) if p.at > 12000 else p.at) for p in talker.packets(200)]
    result = record(packets)
    assert result.recorded == 200
    sound = result.channel[result.channel != decoded(bytes([SILENT]))[0]]
    assert np.array_equal(sound, decoded(talker.spoken))
    assert max(result.frames) <= packets[-1].at + LEAD_FRAMES


def test_a_flood_is_refused_and_memory_stays_bounded():
    flood = [Packet(160.0 + n / 10, n & 0xFFFF, n * 160, b"\x01" * 160) for n in range(20_000)]
    result = record(flood)
    assert result.placed + result.refused == 20_000
    assert max(result.frames) <= flood[-1].at + LEAD_FRAMES
    assert result.recorded == result.placed


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 65535),
            st.integers(0, 2**32 - 1),
            st.integers(8, 960),
            st.integers(1, 3),
            st.integers(0, 4000),
        ),
        max_size=80,
    )
)
def test_nonsense_stays_inside_the_window(rows):
    at, packets = 0, []
    for seq, timestamp, size, ssrc, wait in rows:
        at += wait
        packets.append(Packet(float(at), seq, timestamp, b"\x01" * size, ssrc))
    result = record(packets)
    assert result.recorded == result.placed
    assert result.placed + result.refused == len(rows)
    for frame in result.frames:
        assert 0 <= frame <= at + LEAD_FRAMES


def test_what_is_not_on_disk_is_less_than_a_second():
    assert record(Talker().packets(500)).longest_unsafe < 8000


def test_a_loop_that_stood_still_loses_nothing():
    """No flush for four seconds, then all the packets: the recorder makes room for them."""
    disk = Disk()
    recorder = Recorder(disk)
    codes = Talker().packets(600)
    for n, packet in enumerate(codes):
        recorder.on_audio(Side.STAFF, packet.codes, Law.ALAW, n * 160, relayed=True)
    assert recorder.finish(600 * 160) == 600 * 160
    assert recorder.recorded == (600, 0)
    assert np.array_equal(
        decode_blocks(bytes(disk.data), 0)[0], decoded(b"".join(packet.codes for packet in codes))
    )
