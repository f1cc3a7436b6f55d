"""No recorder, no call: what happens when the disk, the notice or a leg is not there."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.blobs import BlobInfo, BlobReader, BlobUnwritable, BlobWriter, InMemoryBlobStore
from core.tasks import spawn
from gateway.media.errors import NoticeNotPlayed, NoticeUnavailable, RecorderUnavailable, SdpInvalid
from gateway.media.model import FailureReason, Side
from gateway.media.plane import MediaPlane
from gateway.media.recording import RecordingReader
from gateway.media.session import MediaSession
from tests.support.media import KEY, RtpPhone, media_plane, sdp, tone, until

Phones = tuple[RtpPhone, RtpPhone]


@dataclass
class TroubledStore:
    """A real store whose writes can be made to fail or to hang."""

    inner: InMemoryBlobStore = field(default_factory=InMemoryBlobStore)
    trouble: Callable[[int], None] = lambda _: None
    appended: int = 0

    async def create(self, key: bytes, media_type: str) -> BlobWriter:
        return TroubledWriter(await self.inner.create(key, media_type), self)

    async def open(self, blob_id: str, key: bytes) -> BlobReader:
        return await self.inner.open(blob_id, key)

    async def recover(self, blob_id: str, key: bytes) -> BlobInfo:
        return await self.inner.recover(blob_id, key)

    async def unfinished(self) -> list[str]:
        return await self.inner.unfinished()

    async def delete(self, blob_id: str) -> None:
        await self.inner.delete(blob_id)


@dataclass
class TroubledWriter:
    inner: BlobWriter
    store: TroubledStore

    @property
    def blob_id(self) -> str:
        return self.inner.blob_id

    @property
    def size(self) -> int:
        return self.inner.size

    def append(self, data: bytes) -> None:
        self.store.appended += 1
        self.store.trouble(self.store.appended)
        self.inner.append(data)

    def close(self) -> BlobInfo:
        return self.inner.close()

    def discard(self) -> None:
        self.inner.discard()


def full_after(writes: int) -> Callable[[int], None]:
    def trouble(appended: int) -> None:
        if appended > writes:
            raise BlobUnwritable

    return trouble


async def bridged(plane: MediaPlane, phones: Phones) -> MediaSession:
    session = await plane.open("c" * 32, KEY)
    session.set_remote(Side.STAFF, sdp(phones[0].port))
    phones[0].call(session.local_sdp(Side.STAFF))
    session.set_remote(Side.CUSTOMER, sdp(phones[1].port))
    phones[1].call(session.local_sdp(Side.CUSTOMER))
    await session.play_notice()
    session.bridge()
    return session


async def failure_of(session: MediaSession) -> FailureReason:
    told: asyncio.Future[FailureReason] = asyncio.get_running_loop().create_future()
    session.on_failure(told.set_result)
    async with asyncio.timeout(60):
        return await told


async def test_a_full_disk_before_the_call(notice: Path):
    store = TroubledStore(trouble=full_after(0))
    async with media_plane(notice, store) as plane:
        with pytest.raises(RecorderUnavailable):
            await plane.open("c" * 32, KEY)
        assert plane.status().ports_free == plane.status().ports


async def test_a_disk_that_hangs_before_the_call(notice: Path):
    release = threading.Event()
    store = TroubledStore(trouble=lambda _: release.wait(10) and None)
    async with media_plane(notice, store, recorder_stall_s=0.2) as plane:
        with pytest.raises(RecorderUnavailable):
            await plane.open("c" * 32, KEY)
        release.set()


async def test_a_full_disk_in_the_call_stops_the_voices_and_keeps_what_was_written(
    notice: Path, phones: Phones
):
    store = TroubledStore(trouble=full_after(4))  # header and two seconds
    async with media_plane(notice, store) as plane:
        session = await bridged(plane, phones)
        speaking = spawn(phones[0].speak(tone(500, 24000)), name="test")
        assert await failure_of(session) is FailureReason.RECORDER_WRITE_FAILED
        assert not session.stats().bridged
        session.bridge()
        assert not session.stats().bridged
        phones[1].received.clear()
        relayed = session.stats().relayed_packets
        speaking.cancel()
        phones[0].say(b"\xd5" * 160)
        await until(lambda: session.stats().staff.unbridged > 0)
        assert session.stats().relayed_packets == relayed
        report = await session.close()
    assert report.failure is FailureReason.RECORDER_WRITE_FAILED
    assert report.recorded_packets < report.relayed_packets
    assert report.recording is not None
    async with await RecordingReader.open(store.inner, report.recording.blob_id, KEY) as reader:
        assert not reader.complete
        assert reader.duration_ms == 1500
        assert sum(reader.relayed_packets) == report.recorded_packets


async def test_a_disk_that_hangs_in_the_call(notice: Path, phones: Phones):
    release = threading.Event()
    store = TroubledStore(trouble=lambda n: release.wait(20) and None if n > 2 else None)
    async with media_plane(notice, store, recorder_stall_s=0.7) as plane:
        session = await bridged(plane, phones)
        speaking = spawn(phones[0].speak(tone(500, 40000)), name="test")
        assert await failure_of(session) is FailureReason.RECORDER_STALLED
        speaking.cancel()
        closing = spawn(session.close(), name="test")
        await asyncio.sleep(0)
        release.set()
        report = await closing
    assert report.failure is FailureReason.RECORDER_STALLED


async def test_a_leg_that_falls_silent_ends_the_call(notice: Path, phones: Phones):
    async with media_plane(notice, rtp_timeout_s=0.4) as plane:
        session = await plane.open("c" * 32, KEY)
        session.set_remote(Side.STAFF, sdp(phones[0].port))
        session.set_remote(Side.CUSTOMER, sdp(phones[1].port))
        phones[0].call(session.local_sdp(Side.STAFF))
        phones[1].call(session.local_sdp(Side.CUSTOMER))
        notice_task = spawn(session.play_notice(), name="test")
        await asyncio.gather(phones[0].speak(tone(500, 9600)), phones[1].speak(tone(500, 9600)), notice_task)
        session.bridge()
        assert await failure_of(session) is FailureReason.RTP_TIMEOUT
        report = await session.close()
    assert report.recording is not None


async def test_silence_on_hold_is_no_failure(notice: Path, phones: Phones):
    told: list[FailureReason] = []
    async with media_plane(notice, rtp_timeout_s=1.5) as plane:
        session = await bridged(plane, phones)
        session.on_failure(told.append)
        session.hold(Side.CUSTOMER, sdp(phones[1].port, extra="a=inactive\r\n"))
        await until(lambda: session.stats().duration_ms > 3200)
        await session.close()
    assert told == []


async def test_a_failure_that_was_missed_is_told_at_once(notice: Path, phones: Phones):
    store = TroubledStore(trouble=full_after(2))
    async with media_plane(notice, store) as plane:
        session = await bridged(plane, phones)
        await until(lambda: not session.stats().bridged)
        assert await failure_of(session) is FailureReason.RECORDER_WRITE_FAILED
        await session.close()


async def test_no_notice_no_plane(tmp_path: Path, notice: Path):
    with pytest.raises(NoticeUnavailable):
        async with media_plane(tmp_path / "missing.flac"):
            pass
    (tmp_path / "broken.flac").write_bytes(b"fLaC" + b"\0" * 100)
    with pytest.raises(NoticeUnavailable):
        async with media_plane(tmp_path / "broken.flac"):
            pass


async def test_a_leg_that_cannot_hear_the_notice(notice: Path, phones: Phones):
    async with media_plane(notice) as plane:
        session = await plane.open("c" * 32, KEY)
        session.set_remote(Side.STAFF, sdp(phones[0].port))
        session.set_remote(Side.CUSTOMER, sdp(phones[1].port, extra="a=sendonly\r\n"))
        with pytest.raises(NoticeNotPlayed):
            await session.play_notice()
        with pytest.raises(NoticeNotPlayed):
            session.bridge()
        await session.close()


async def test_a_description_may_not_point_at_ourselves(notice: Path):
    async with media_plane(notice) as plane:
        one, two = await plane.open("a" * 32, KEY), await plane.open("b" * 32, KEY)
        ours = next(line for line in two.local_sdp(Side.STAFF).splitlines() if line.startswith("m="))
        with pytest.raises(SdpInvalid):
            one.set_remote(Side.CUSTOMER, sdp(int(ours.split()[1])))
        with pytest.raises(SdpInvalid):
            one.set_remote(Side.CUSTOMER, sdp(40000).replace("127.0.0.1", "::1").replace("IP4", "IP6"))
        with pytest.raises(SdpInvalid):
            one.set_remote(Side.CUSTOMER, sdp(40000).replace("127.0.0.1", "0.0.0.0"))  # noqa: S104
        await one.close()
        await two.close()
