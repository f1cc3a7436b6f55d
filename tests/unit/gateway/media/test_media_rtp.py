"""Taking packets apart, and the numbering of what we send."""

import itertools
import struct

from hypothesis import given
from hypothesis import strategies as st

from gateway.media.latch import GRACE_S, SourceLatch
from gateway.media.rtp import OutboundStream, is_rtcp, parse_rtp

HEAD = struct.Struct("!BBHII")


@given(st.binary(max_size=1600))
def test_random_bytes_never_raise(data: bytes):
    parsed = None if is_rtcp(data) else parse_rtp(data)
    if parsed is not None:
        assert data[0] >> 6 == 2
        assert 0 < len(parsed[5]) <= len(data) - 12


@given(st.binary(min_size=13, max_size=200), st.integers(0, 63))
def test_random_bodies_of_version_two_never_raise(data: bytes, flags: int):
    parsed = parse_rtp(bytes((0x80 | flags,)) + data)
    assert parsed is None or parsed[5] in data


@given(
    payload=st.binary(min_size=1, max_size=480),
    csrc=st.lists(st.binary(min_size=4, max_size=4), max_size=15),
    extension=st.none() | st.lists(st.binary(min_size=4, max_size=4), max_size=20),
    padding=st.integers(0, 255),
    marker=st.booleans(),
)
def test_the_payload_is_found_between_everything_else(payload, csrc, extension, padding, marker):
    first = 0x80 | len(csrc) | (0x10 if extension is not None else 0) | (0x20 if padding else 0)
    data = HEAD.pack(first, 8 | (0x80 if marker else 0), 7, 8, 9) + b"".join(csrc)
    if extension is not None:
        data += struct.pack("!HH", 0xBEDE, len(extension)) + b"".join(extension)
    data += payload
    if padding:
        data += b"\0" * (padding - 1) + bytes((padding,))
    assert parse_rtp(data) == ((8, marker, 7, 8, 9, payload) if len(data) <= 1500 else None)


def test_rtcp_is_recognised():
    assert all(is_rtcp(bytes((0x80, kind)) + b"\0" * 8) for kind in range(192, 224))
    assert not any(is_rtcp(bytes((0x80, kind))) for kind in (0, 8, 13, 96, 101, 127, 128, 136))


def numbers(packet: bytes) -> tuple[int, int, int]:
    _, _, seq, timestamp, ssrc = HEAD.unpack_from(packet)
    return seq, timestamp, ssrc


@given(
    sources=st.lists(
        st.tuples(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(1, 20)),
        min_size=1,
        max_size=6,
    )
)
def test_sources_follow_each_other_without_a_seam(sources):
    stream, now, sent = OutboundStream(), 10.0, []
    for key, (seq, timestamp, count) in enumerate(sources):
        for n in range(count):
            sent.append(
                stream.packet(
                    key,
                    (seq + n) & 0xFFFF,
                    (timestamp + 160 * n) & 0xFFFFFFFF,
                    now,
                    8,
                    marker=False,
                    payload=b"x" * 160,
                )
            )
            now += 0.02
    heads = [numbers(data) for data in sent]
    for before, after in itertools.pairwise(heads):
        assert (after[0] - before[0]) & 0xFFFF == 1
        assert (after[1] - before[1]) & 0xFFFFFFFF in range(159, 162)
        assert after[2] == before[2]
    assert sent[0][1] & 0x80


def test_a_gap_that_we_made_is_closed_and_one_of_the_network_is_kept():
    stream = OutboundStream()
    first, *_ = numbers(stream.packet(1, 10, 0, 1.0, 8, marker=False, payload=b"a"))
    stream.skip(1)  # 11 was comfort noise
    assert numbers(stream.packet(1, 12, 320, 1.04, 8, marker=False, payload=b"a"))[0] == (first + 1) & 0xFFFF
    assert (
        numbers(stream.packet(1, 14, 640, 1.08, 8, marker=False, payload=b"a"))[0] == (first + 3) & 0xFFFF
    )  # 13 lost
    assert (
        numbers(stream.packet(1, 13, 480, 1.09, 8, marker=False, payload=b"a"))[0] == (first + 2) & 0xFFFF
    )  # late


ANNOUNCED, NAT, STRANGER = ("10.0.0.1", 4000), ("1.2.3.4", 999), ("6.6.6.6", 1)


def test_the_announced_source_locks_at_once():
    latch = SourceLatch()
    assert not latch.admits(ANNOUNCED, 0)
    latch.announce(ANNOUNCED)
    assert not latch.admits(STRANGER, 0)
    assert latch.admits(ANNOUNCED, 0.1)
    assert not latch.admits(STRANGER, 5)
    assert latch.target == ANNOUNCED


def test_behind_a_nat_the_one_that_keeps_sending_is_latched():
    latch = SourceLatch()
    latch.announce(ANNOUNCED)
    assert not latch.admits(STRANGER, 0)  # once, then never again
    for at in (1.0, 1.2, 1.4):
        assert not latch.admits(NAT, at)
    assert latch.target == ANNOUNCED
    assert latch.admits(NAT, 1.01 + GRACE_S)
    assert latch.target == NAT
    assert not latch.admits(STRANGER, 3)
    assert latch.admits(ANNOUNCED, 4)  # the announced one speaks after all: once and for good
    assert not latch.admits(NAT, 5)


def test_a_stranger_who_sprays_does_not_shut_out_the_announced():
    latch = SourceLatch()
    latch.announce(ANNOUNCED)
    for n in range(20):
        latch.admits(STRANGER, n / 10)
    assert latch.admits(ANNOUNCED, 3)
    assert not latch.admits(STRANGER, 3)


def test_a_new_description_opens_the_latch_and_the_same_one_does_not():
    latch = SourceLatch()
    latch.announce(ANNOUNCED)
    assert latch.admits(ANNOUNCED, 0)
    latch.announce(ANNOUNCED)
    assert not latch.admits(NAT, 1)
    latch.announce(NAT)
    assert latch.target == NAT
    assert latch.admits(NAT, 1)
    assert not latch.admits(ANNOUNCED, 1)
