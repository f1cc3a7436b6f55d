"""What every blob store must do, run over each implementation, and what the local one does besides."""

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.blobs import (
    BlobBusy,
    BlobCorrupt,
    BlobInfo,
    BlobStore,
    BlobUnfinished,
    BlobUnknown,
    BlobUnwritable,
    InMemoryBlobStore,
    LocalBlobStore,
)
from core.blobs.frames import FINAL_FRAME_BYTES, LENGTH_BYTES, MAX_CHUNK_BYTES, TAG_BYTES, make_header
from core.ids import new_id

KEY = b"k" * 32
MEDIA_TYPE = "audio/x-test"
HEADER = len(make_header(MEDIA_TYPE))


@dataclass
class Subject:
    """A store, how to let its writers die, and how to get at its stored bytes."""

    store: BlobStore
    kill_writers: Callable[[Any], None]
    load: Callable[[str], bytes]
    damage: Callable[[str, bytes], None]


def local(folder: Path) -> Subject:
    store = LocalBlobStore(folder / "blobs")

    def file(blob_id: str) -> Path:
        (found,) = (folder / "blobs").glob(f"*/{blob_id}.*")
        return found

    return Subject(
        store=store,
        kill_writers=lambda writer: (
            writer._sink.release()
        ),  # what the kernel does with a dead process's files
        load=lambda blob_id: file(blob_id).read_bytes(),
        damage=lambda blob_id, raw: file(blob_id).write_bytes(raw) and None,
    )


def in_memory(_folder: Path) -> Subject:
    store = InMemoryBlobStore()

    def damage(blob_id: str, raw: bytes) -> None:
        store.raw(blob_id)[:] = raw

    return Subject(
        store, lambda _writer: store.lose_writers(), lambda blob_id: bytes(store.raw(blob_id)), damage
    )


@pytest.fixture(params=[local, in_memory])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    made: Subject = request.param(tmp_path)
    return made


async def write(subject: Subject, *chunks: bytes) -> BlobInfo:
    writer = await subject.store.create(KEY, MEDIA_TYPE)
    for chunk in chunks:
        writer.append(chunk)
    return writer.close()


async def abandon(subject: Subject, *chunks: bytes) -> str:
    """Write and let the writer die."""
    writer = await subject.store.create(KEY, MEDIA_TYPE)
    for chunk in chunks:
        writer.append(chunk)
    subject.kill_writers(writer)
    return writer.blob_id


async def content(subject: Subject, blob_id: str, key: bytes = KEY) -> bytes:
    reader = await subject.store.open(blob_id, key)
    try:
        return b"".join([part async for part in reader.stream()])
    finally:
        await reader.aclose()


async def test_what_was_written_is_read(subject: Subject) -> None:
    info = await write(subject, b"one", b"", b"two" * 1000, b"three")
    reader = await subject.store.open(info.blob_id, KEY)
    assert (reader.blob_id, reader.media_type) == (info.blob_id, MEDIA_TYPE)
    assert (reader.size, reader.sha256) == (info.size, info.sha256)
    assert info.size == 3 + 3000 + 5
    assert await content(subject, info.blob_id) == b"one" + b"two" * 1000 + b"three"
    assert await subject.store.unfinished() == []
    await reader.aclose()


async def test_hash_is_of_the_plaintext(subject: Subject) -> None:
    info = await write(subject, b"abc", b"def")
    assert info.sha256 == hashlib.sha256(b"abcdef").hexdigest()


async def test_plaintext_is_not_stored(subject: Subject) -> None:
    info = await write(subject, b"a very recognisable sentence")
    assert b"recognisable" not in subject.load(info.blob_id)


async def test_empty_blob(subject: Subject) -> None:
    info = await write(subject)
    assert info.size == 0
    assert await content(subject, info.blob_id) == b""
    reader = await subject.store.open(info.blob_id, KEY)
    assert await reader.read(0, 10) == b""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    chunks=st.lists(st.binary(max_size=300), max_size=12),
    ranges=st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 2500)), max_size=8),
)
def test_any_range_of_any_chunks(
    subject: Subject, chunks: list[bytes], ranges: list[tuple[int, int]]
) -> None:
    async def check() -> None:
        info = await write(subject, *chunks)
        whole = b"".join(chunks)
        reader = await subject.store.open(info.blob_id, KEY)
        for offset, length in ranges:
            assert await reader.read(offset, length) == whole[offset : offset + length]
        await reader.aclose()
        assert await content(subject, info.blob_id) == whole

    asyncio.run(check())


async def test_range_read_decrypts_only_what_it_touches(subject: Subject) -> None:
    info = await write(subject, *[bytes([number]) * 100 for number in range(50)])
    raw = bytearray(subject.load(info.blob_id))
    raw[HEADER + 20] ^= 1  # in the first chunk
    subject.damage(info.blob_id, bytes(raw))
    reader = await subject.store.open(info.blob_id, KEY)
    assert await reader.read(2500, 150) == bytes([25]) * 100 + bytes([26]) * 50
    with pytest.raises(BlobCorrupt):
        await reader.read(50, 1)
    await reader.aclose()


async def test_large_append_is_cut_into_chunks(subject: Subject) -> None:
    data = os.urandom(2 * MAX_CHUNK_BYTES + 5)
    info = await write(subject, data)
    assert await content(subject, info.blob_id) == data
    overhead = HEADER + 3 * (LENGTH_BYTES + TAG_BYTES) + FINAL_FRAME_BYTES
    assert len(subject.load(info.blob_id)) == len(data) + overhead


@pytest.mark.parametrize(("offset", "length"), [(-1, 5), (0, -1)])
async def test_negative_ranges_are_refused(subject: Subject, offset: int, length: int) -> None:
    info = await write(subject, b"abc")
    reader = await subject.store.open(info.blob_id, KEY)
    with pytest.raises(ValueError, match="negative"):
        await reader.read(offset, length)
    await reader.aclose()


async def test_other_key_opens_nothing(subject: Subject) -> None:
    info = await write(subject, b"abc")
    with pytest.raises(BlobCorrupt):
        await subject.store.open(info.blob_id, b"x" * 32)


async def test_key_of_another_length_is_refused(subject: Subject) -> None:
    with pytest.raises(ValueError, match="32"):
        await subject.store.create(b"short", MEDIA_TYPE)


@pytest.mark.parametrize("media_type", ["", "x" * 101, "音频"])
async def test_senseless_media_type_is_refused(subject: Subject, media_type: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - UnicodeEncodeError is one too
        await subject.store.create(KEY, media_type)
    assert await subject.store.unfinished() == []


@pytest.mark.parametrize("blob_id", ["0" * 32, "", "../../etc/passwd", "A" * 32, "0" * 31 + "/"])
async def test_unknown_blob(subject: Subject, blob_id: str) -> None:
    with pytest.raises(BlobUnknown):
        await subject.store.open(blob_id, KEY)
    with pytest.raises(BlobUnknown):
        await subject.store.recover(blob_id, KEY)


async def test_every_flipped_bit_is_noticed(subject: Subject) -> None:
    info = await write(subject, b"ab", b"cdefg", b"h")
    raw = subject.load(info.blob_id)
    for at in range(len(raw)):
        broken = bytearray(raw)
        broken[at] ^= 1 << (at % 8)
        subject.damage(info.blob_id, bytes(broken))
        with pytest.raises(BlobCorrupt):
            await content(subject, info.blob_id)
    subject.damage(info.blob_id, raw)
    assert await content(subject, info.blob_id) == b"abcdefgh"


async def test_every_truncation_is_noticed(subject: Subject) -> None:
    info = await write(subject, b"ab", b"cdefg", b"h")
    raw = subject.load(info.blob_id)
    for length in range(len(raw)):
        subject.damage(info.blob_id, raw[:length])
        with pytest.raises(BlobCorrupt):
            await content(subject, info.blob_id)
    subject.damage(info.blob_id, raw + b"\x00")
    with pytest.raises(BlobCorrupt):
        await content(subject, info.blob_id)


async def test_chunks_reordered_dropped_or_doubled_are_noticed(subject: Subject) -> None:
    info = await write(subject, b"aaaa", b"bbbb", b"cccc")
    raw = subject.load(info.blob_id)
    frame = LENGTH_BYTES + 4 + TAG_BYTES
    head, frames = (
        raw[:HEADER],
        [raw[HEADER + frame * number : HEADER + frame * (number + 1)] for number in range(3)],
    )
    tail = raw[HEADER + 3 * frame :]
    for altered in ([1, 0, 2], [0, 1], [0, 2], [0, 1, 2, 2], [0, 0, 1, 2], []):
        subject.damage(info.blob_id, head + b"".join(frames[number] for number in altered) + tail)
        with pytest.raises(BlobCorrupt):
            await content(subject, info.blob_id)


async def test_chunk_of_another_blob_under_the_same_key_is_noticed(subject: Subject) -> None:
    first, second = await write(subject, b"aaaa", b"bbbb"), await write(subject, b"xxxx", b"yyyy")
    one, other = subject.load(first.blob_id), subject.load(second.blob_id)
    frame = LENGTH_BYTES + 4 + TAG_BYTES
    subject.damage(first.blob_id, one[:HEADER] + other[HEADER : HEADER + frame] + one[HEADER + frame :])
    with pytest.raises(BlobCorrupt):
        await content(subject, first.blob_id)
    subject.damage(first.blob_id, other)
    with pytest.raises(BlobCorrupt):
        await content(subject, first.blob_id)


async def test_unfinished_blob_does_not_open_and_is_listed(subject: Subject) -> None:
    writer = await subject.store.create(KEY, MEDIA_TYPE)
    writer.append(b"abc")
    assert writer.size == 3
    with pytest.raises(BlobUnfinished):
        await subject.store.open(writer.blob_id, KEY)
    assert await subject.store.unfinished() == [writer.blob_id]
    with pytest.raises(BlobBusy):
        await subject.store.recover(writer.blob_id, KEY)
    writer.append(b"def")
    assert writer.close().size == 6
    assert await subject.store.unfinished() == []


async def test_closed_writer_takes_no_more_and_closes_twice_alike(subject: Subject) -> None:
    writer = await subject.store.create(KEY, MEDIA_TYPE)
    writer.append(b"abc")
    assert writer.close() == writer.close()
    with pytest.raises(BlobUnwritable):
        writer.append(b"def")
    writer.discard()
    assert await content(subject, writer.blob_id) == b"abc"


async def test_discarded_blob_is_gone(subject: Subject) -> None:
    writer = await subject.store.create(KEY, MEDIA_TYPE)
    writer.append(b"abc")
    writer.discard()
    with pytest.raises(BlobUnknown):
        await subject.store.open(writer.blob_id, KEY)
    with pytest.raises(BlobUnwritable):
        writer.append(b"def")
    assert await subject.store.unfinished() == []


async def test_deleted_blob_is_gone_and_deleting_it_again_is_no_error(subject: Subject) -> None:
    info = await write(subject, b"abc")
    await subject.store.delete(info.blob_id)
    await subject.store.delete(info.blob_id)
    with pytest.raises(BlobUnknown):
        await subject.store.open(info.blob_id, KEY)


async def test_recovery_keeps_every_whole_chunk(subject: Subject) -> None:
    blob_id = await abandon(subject, b"one", b"two", b"three")
    info = await subject.store.recover(blob_id, KEY)
    assert info.size == 11
    assert await content(subject, blob_id) == b"onetwothree"
    assert await subject.store.recover(blob_id, KEY) == info
    assert await subject.store.unfinished() == []


async def test_recovery_of_a_blob_without_chunks(subject: Subject) -> None:
    blob_id = await abandon(subject)
    assert (await subject.store.recover(blob_id, KEY)).size == 0
    assert await content(subject, blob_id) == b""


async def test_recovery_of_every_torn_last_chunk(subject: Subject) -> None:
    for lost in range(1, LENGTH_BYTES + 5 + TAG_BYTES + 1):
        blob_id = await abandon(subject, b"one", b"two", b"three")
        subject.damage(blob_id, subject.load(blob_id)[:-lost])
        info = await subject.store.recover(blob_id, KEY)
        assert info.size == 6, lost
        assert await content(subject, blob_id) == b"onetwo"


@pytest.mark.parametrize("zeros", [1, 4, 100])
async def test_recovery_of_a_tail_of_zeros(subject: Subject, zeros: int) -> None:
    """A power cut can leave a file longer than what reached it."""
    blob_id = await abandon(subject, b"one", b"two")
    subject.damage(blob_id, subject.load(blob_id) + b"\x00" * zeros)
    assert (await subject.store.recover(blob_id, KEY)).size == 6
    torn = await abandon(subject, b"one", b"two", b"three")
    subject.damage(torn, subject.load(torn)[:-8] + b"\x00" * (8 + zeros))
    assert (await subject.store.recover(torn, KEY)).size == 6


async def test_recovery_when_the_final_marker_was_written_already(subject: Subject) -> None:
    finished = await write(subject, b"one", b"two")
    blob_id = await abandon(subject, b"one", b"two")
    assert len(subject.load(finished.blob_id)) - len(subject.load(blob_id)) == FINAL_FRAME_BYTES
    first = await subject.store.recover(blob_id, KEY)
    raw = subject.load(blob_id)
    _unpublish(subject.store, blob_id)
    assert await subject.store.recover(blob_id, KEY) == first
    assert subject.load(blob_id) == raw


def _unpublish(store: BlobStore, blob_id: str) -> None:
    """Go back to the moment between the final marker and the new name."""
    if isinstance(store, LocalBlobStore):
        path = store._path(blob_id, ".blob")
        path.rename(path.with_suffix(".part"))
    else:
        assert isinstance(store, InMemoryBlobStore)
        store._stored[blob_id].whole = False


async def test_recovery_never_cuts_an_altered_recording_short(subject: Subject) -> None:
    """A damaged chunk with good ones behind it is no crash: nothing may be thrown away over it."""
    for at in (HEADER, HEADER + 8, HEADER + LENGTH_BYTES + TAG_BYTES + 3 + 8):
        blob_id = await abandon(subject, b"one", b"two", b"three", b"four")
        raw = bytearray(subject.load(blob_id))
        raw[at] ^= 0x40
        subject.damage(blob_id, bytes(raw))
        with pytest.raises(BlobCorrupt):
            await subject.store.recover(blob_id, KEY)
        assert subject.load(blob_id) == bytes(raw)


async def test_recovery_with_another_key_throws_nothing_away(subject: Subject) -> None:
    blob_id = await abandon(subject, b"one", b"two")
    raw = subject.load(blob_id)
    with pytest.raises(BlobCorrupt):
        await subject.store.recover(blob_id, b"x" * 32)
    assert subject.load(blob_id) == raw
    assert (await subject.store.recover(blob_id, KEY)).size == 6


async def test_junk_is_no_blob(subject: Subject) -> None:
    info = await write(subject, b"abc")
    for junk in (b"", b"MKB", b"\x00" * 500, os.urandom(500), make_header(MEDIA_TYPE)):
        subject.damage(info.blob_id, junk)
        with pytest.raises(BlobCorrupt):
            await content(subject, info.blob_id)


async def test_local_files_and_folders_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        info = await write(local(tmp_path), b"abc")
    finally:
        os.umask(before)
    file = tmp_path / "blobs" / info.blob_id[-2:] / f"{info.blob_id}.blob"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_full_disk_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = local(tmp_path)
    writer = await subject.store.create(KEY, MEDIA_TYPE)
    writer.append(b"one")
    before = subject.load(writer.blob_id)
    real = os.write

    def half(descriptor: int, data: memoryview) -> int:
        if len(data) < 6:
            raise OSError(28, "No space left on device")
        return real(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr("core.blobs.local.os.write", half)
        with pytest.raises(BlobUnwritable):
            writer.append(b"two" * 100)
    assert subject.load(writer.blob_id) == before
    with pytest.raises(BlobUnwritable):
        writer.append(b"three")
    assert writer.close().size == 3
    assert await content(subject, writer.blob_id) == b"one"


async def test_two_recoveries_at_once(tmp_path: Path) -> None:
    subject = local(tmp_path)
    blob_id = await abandon(subject, *[b"chunk"] * 200)
    results = await asyncio.gather(
        *(subject.store.recover(blob_id, KEY) for _ in range(8)), return_exceptions=True
    )
    infos = {result for result in results if isinstance(result, BlobInfo)}
    assert len(infos) == 1
    assert all(isinstance(result, BlobInfo | BlobBusy) for result in results)
    assert await content(subject, blob_id) == b"chunk" * 200


async def test_reader_goes_on_when_the_blob_is_deleted(tmp_path: Path) -> None:
    subject = local(tmp_path)
    info = await write(subject, b"abc")
    reader = await subject.store.open(info.blob_id, KEY)
    await subject.store.delete(info.blob_id)
    assert await reader.read(0, 3) == b"abc"
    await reader.aclose()
    await reader.aclose()


async def test_readers_that_nobody_closed_leave_no_file_open(tmp_path: Path) -> None:
    subject = local(tmp_path)
    info = await write(subject, b"abc")
    before = _open_files()
    for _ in range(50):
        assert (await (await subject.store.open(info.blob_id, KEY)).read(0, 3)) == b"abc"
    assert _open_files() <= before + 2


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_ids_fit_the_store() -> None:
    assert len(new_id()) == 32
