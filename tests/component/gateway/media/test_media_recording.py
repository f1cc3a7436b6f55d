"""Reading back: ranges, peaks, events, damage; and taps that listen along."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.blobs import BlobCorrupt, InMemoryBlobStore
from gateway.media import g711
from gateway.media.container import (
    FILE_HEADER_BYTES,
    MEDIA_TYPE,
    BlockHeader,
    EventKind,
    FileHeader,
    StoredEvent,
)
from gateway.media.errors import RecordingUnreadable
from gateway.media.model import Law, Side
from gateway.media.recorder import Recorder
from gateway.media.recording import RecordingReader
from tests.support.media import KEY, RtpPhone, media_plane, sdp, tone, until

ARMED = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


class Direct:
    """Writes at once."""

    def __init__(self, writer):
        self._writer = writer

    def submit(self, data, written):
        self._writer.append(data)
        written()


async def recorded(
    store: InMemoryBlobStore, frames: int, fill, events: int = 0, key: bytes = KEY
) -> RecordingReader:
    writer = await store.create(key, MEDIA_TYPE)
    writer.append(FileHeader(ARMED, "e" * 32).pack())
    recorder = Recorder(Direct(writer))
    fill(recorder)
    for n in range(events):
        recorder.note(EventKind.DTMF, Side.CUSTOMER, n % 16, n)
    recorder.finish(frames)
    return await RecordingReader.open(store, writer.close().blob_id, key)


def two_tones(recorder: Recorder) -> None:
    """The staff speaks µ-law, the customer A-law and louder, 20 seconds."""
    for side, law, level in ((Side.STAFF, Law.ULAW, 0.2), (Side.CUSTOMER, Law.ALAW, 0.8)):
        codes = g711.encode(tone(400, 160_000, level=level), law)
        if side is Side.CUSTOMER:
            codes = codes[:80_000] + bytes([0xD5]) * 80_000
        for start in range(0, 160_000, 160):
            recorder.flush(min(start, 159_000) if side is Side.CUSTOMER else 0)
            if side is Side.STAFF and start >= 16_000:
                break
            recorder.on_audio(side, codes[start : start + 160], law, start, relayed=True)


@pytest.mark.parametrize("frames", [0, 1, 3999, 4000, 4001, 12_345])
async def test_length_and_ranges(frames: int):
    def fill(recorder: Recorder) -> None:
        for start in range(0, frames - 160, 160):
            recorder.on_audio(
                Side.STAFF, bytes([start // 160 % 120 + 1]) * 160, Law.ALAW, start, relayed=True
            )

    reader = await recorded(InMemoryBlobStore(), frames, fill)
    whole = await reader.wav()
    assert reader.frames == frames
    assert len(whole) == reader.wav_size == 44 + 4 * frames
    assert b"".join([piece async for piece in reader.wav_stream()]) == whole
    size = len(whole)
    for offset, length in (
        (0, 10),
        (40, 8),
        (43, 1),
        (44, 3),
        (45, 4),
        (size - 5, 50),
        (size, 5),
        (16_050, 9),
    ):
        assert await reader.wav(offset, length) == whole[offset : offset + length]
    assert np.array_equal(await reader.samples(), np.frombuffer(whole[44:], dtype="<i2").reshape(-1, 2).T)
    await reader.aclose()


async def test_peaks_show_who_was_loud_when():
    reader = await recorded(InMemoryBlobStore(), 160_000, two_tones)
    peaks = await reader.peaks(10)
    assert peaks.shape == (2, 10)
    assert peaks[1, :5].min() > 24_000
    assert peaks[1, 5:].max() < 20
    assert 6_000 < peaks[0, 0] < 7_000
    assert peaks[0, 1:].max() == 0
    assert (await (await recorded(InMemoryBlobStore(), 0, lambda _: None)).peaks(4)).tolist() == [[0] * 4] * 2


async def test_many_keys_are_all_kept():
    reader = await recorded(InMemoryBlobStore(), 800, lambda _: None, events=50)
    events = await reader.events()
    assert [event.key for event in events] == ["0123456789*#ABCD"[n % 16] for n in range(50)]
    assert {event.channel for event in events} == {1}
    assert reader.complete


async def test_a_leg_that_changes_its_law_keeps_its_sound():
    wanted = tone(400, 1600)

    def fill(recorder: Recorder) -> None:
        for start in range(0, 1600, 160):
            law = Law.ULAW if start < 800 else Law.ALAW
            recorder.on_audio(
                Side.STAFF, g711.encode(wanted[start : start + 160], law), law, start, relayed=False
            )

    sound = (await (await recorded(InMemoryBlobStore(), 1600, fill)).samples())[0]
    assert np.corrcoef(sound, wanted)[0, 1] > 0.999


async def test_what_is_no_recording_is_refused():
    store = InMemoryBlobStore()
    for content in (b"", b"RIFF" * 50, FileHeader(ARMED, "e" * 32).pack() + b"BK" + b"\0" * 200):
        writer = await store.create(KEY, MEDIA_TYPE)
        if content:
            writer.append(content)
        blob_id = writer.close().blob_id
        with pytest.raises(RecordingUnreadable):
            await RecordingReader.open(store, blob_id, KEY)
    reader = await recorded(store, 100, lambda _: None)
    with pytest.raises(BlobCorrupt):
        await RecordingReader.open(store, reader._blob.blob_id, b"x" * 32)


@given(st.binary(max_size=300))
def test_random_headers_are_refused_or_read(data: bytes):
    for read in (FileHeader.unpack, BlockHeader.unpack):
        for raw in (data, b"BK" + data, b"MSKREC01" + data[:120].ljust(FILE_HEADER_BYTES - 8, b"\0")):
            try:
                read(raw)
            except RecordingUnreadable:
                continue


@given(
    index=st.integers(0, 2**32 - 1),
    frames=st.integers(0, 4000),
    final=st.booleans(),
    laws=st.tuples(st.sampled_from(Law), st.sampled_from(Law)),
    counts=st.tuples(*[st.integers(0, 2**32 - 1)] * 4),
    events=st.lists(
        st.builds(
            StoredEvent,
            st.sampled_from(EventKind),
            st.integers(0, 1),
            st.integers(0, 65535),
            st.integers(0, 2**32 - 1),
        ),
        max_size=12,
    ),
)
def test_headers_survive_storing(index, frames, final, laws, counts, events):
    header = BlockHeader(index, frames, final, laws, counts[:2], counts[2:], tuple(events))
    assert len(header.pack()) == 128
    assert BlockHeader.unpack(header.pack()) == header


@dataclass
class Listener:
    heard: list[tuple[Side, int, int, bool]] = field(default_factory=list)

    def on_audio(self, side: Side, codes: bytes, law: Law, at_frame: int, *, relayed: bool) -> None:
        self.heard.append((side, len(codes), at_frame, relayed))


class Broken:
    def on_audio(self, side: Side, codes: bytes, law: Law, at_frame: int, *, relayed: bool) -> None:
        raise RuntimeError("a listener's fault")


async def test_a_tap_listens_along_and_a_broken_one_harms_nobody(notice, phones: tuple[RtpPhone, RtpPhone]):
    listener = Listener()
    async with media_plane(notice) as plane:
        session = await plane.open("c" * 32, KEY)
        session.add_tap(listener)
        session.add_tap(Broken())
        session.set_remote(Side.STAFF, sdp(phones[0].port))
        session.set_remote(Side.CUSTOMER, sdp(phones[1].port))
        phones[0].call(session.local_sdp(Side.STAFF))
        await session.play_notice()
        session.bridge()
        await phones[0].speak(tone(500, 3200))
        await until(lambda: session.stats().staff.relayed == 20)
        report = await session.close()
    assert report.recorded_packets == 20
    assert [(side, size, relayed) for side, size, _, relayed in listener.heard] == [
        (Side.STAFF, 160, True)
    ] * 20
    frames = [frame for *_, frame, _ in listener.heard]
    assert all(b - a == 160 for a, b in itertools.pairwise(frames))
