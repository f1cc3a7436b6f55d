"""What a media plane promises to calls, kept by the real one and by its twin."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.blobs import InMemoryBlobStore
from core.clock import SystemClock
from gateway.calls.memory import InMemoryMedia
from gateway.calls.ports import MediaPlane, MediaSession
from gateway.media.errors import NoticeNotPlayed, SdpInvalid
from gateway.media.model import Side
from gateway.media.recording import RecordingReader
from gateway.media.sdp import parse_sdp
from tests.support.media import KEY, RtpPhone, media_plane, sdp, write_notice

HELD = "a=sendonly\r\n"


@pytest.fixture
def blobs() -> InMemoryBlobStore:
    return InMemoryBlobStore()


@pytest.fixture(params=["real", "memory"])
async def plane(
    request: pytest.FixtureRequest, tmp_path: Path, blobs: InMemoryBlobStore
) -> AsyncIterator[MediaPlane]:
    if request.param == "memory":
        yield InMemoryMedia(blobs, SystemClock())
        return
    notice = write_notice(tmp_path / "notice.flac", seconds=1.0)
    async with media_plane(notice, blobs) as real:
        yield real


@pytest.fixture
async def session(plane: MediaPlane) -> AsyncIterator[MediaSession]:
    session = await plane.open("c" * 32, KEY)
    yield session
    await session.close()


@pytest.fixture
async def phones() -> AsyncIterator[dict[Side, RtpPhone]]:
    phones = {side: RtpPhone.start() for side in Side}
    yield phones
    for phone in phones.values():
        phone.close()


def connect(session: MediaSession, phones: dict[Side, RtpPhone]) -> None:
    for side, phone in phones.items():
        session.set_remote(side, sdp(phone.port))
        phone.call(session.local_sdp(side))


async def test_each_side_gets_a_description_of_its_own(session: MediaSession) -> None:
    staff, customer = (parse_sdp(session.local_sdp(side)) for side in Side)
    assert staff.port != customer.port


async def test_what_cannot_be_read_changes_nothing(session: MediaSession) -> None:
    before = session.local_sdp(Side.STAFF)
    for text in ("", "v=0\r\n", "v=0\r\nm=video 5000 RTP/AVP 99\r\n"):
        with pytest.raises(SdpInvalid):
            session.set_remote(Side.STAFF, text)
    assert session.local_sdp(Side.STAFF) == before


async def test_no_voice_before_the_notice(session: MediaSession, phones: dict[Side, RtpPhone]) -> None:
    connect(session, phones)
    with pytest.raises(NoticeNotPlayed):
        session.bridge()
    assert not session.stats().bridged
    proof = await session.play_notice()
    assert proof.ms > 0
    session.bridge()
    assert session.stats().bridged


async def test_hold_is_seen_and_resumed(session: MediaSession, phones: dict[Side, RtpPhone]) -> None:
    connect(session, phones)
    port = phones[Side.STAFF].port
    assert session.hold(Side.STAFF, sdp(port, extra=HELD)).held
    assert not session.hold(Side.STAFF, sdp(port)).held


async def test_a_call_that_was_announced_leaves_a_readable_recording(
    session: MediaSession, phones: dict[Side, RtpPhone], blobs: InMemoryBlobStore
) -> None:
    connect(session, phones)
    await session.play_notice()
    report = await session.close()
    assert report.recording is not None
    assert report.recording.blob_id == session.recording_id
    async with await RecordingReader.open(blobs, session.recording_id, KEY) as recording:
        assert recording.call_id == "c" * 32
        assert recording.complete
        assert await recording.wav_sha256() == report.wav_sha256
    assert await session.close() == report


async def test_a_call_that_nobody_answered_leaves_nothing(
    session: MediaSession, blobs: InMemoryBlobStore
) -> None:
    session.play_ringback(Side.STAFF)
    session.stop_ringback(Side.STAFF)
    report = await session.close()
    assert (report.recording, report.wav_sha256, report.notice) == (None, None, None)
    assert not await blobs.unfinished()


async def test_ports_are_taken_and_given_back(plane: MediaPlane) -> None:
    free = plane.status().ports_free
    session = await plane.open("d" * 32, KEY)
    assert plane.status().ports_free == free - 2
    await session.close()
    assert plane.status().ports_free == free
