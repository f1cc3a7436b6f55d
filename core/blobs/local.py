"""Blobs in a local folder: a file each, private, renamed into place when it is whole."""

import asyncio
import fcntl
import os
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

from core.blobs.frames import Codec, make_header
from core.blobs.ports import BlobBusy, BlobInfo, BlobReader, BlobUnfinished, BlobUnknown, BlobUnwritable
from core.blobs.reading import Index, salvage
from core.blobs.writing import ChunkWriter
from core.files import sync_folder
from core.ids import new_id

WHOLE, PART = ".blob", ".part"
ID_CHARACTERS = 32


class LocalBlobStore:
    """`<root>/<last two characters of the id>/<id>.blob`; `.part` while it is being written.

    A writer holds a lock on its file, which the kernel drops when the process dies, so `recover`
    knows the dead from the living.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    async def create(self, key: bytes, media_type: str) -> ChunkWriter:
        """Start a blob under a fresh id. See `BlobStore`."""
        blob_id, header = new_id(), make_header(media_type)
        codec = Codec(key, blob_id, header)
        try:
            sink = await asyncio.to_thread(_FileSink.create, self._path(blob_id, PART), header)
        except OSError:
            raise BlobUnwritable from None
        return ChunkWriter(blob_id, codec, sink)

    async def open(self, blob_id: str, key: bytes) -> BlobReader:
        """Open a closed blob. See `BlobStore`."""
        return await asyncio.to_thread(self._open, blob_id, key)

    def _open(self, blob_id: str, key: bytes) -> "_Reader":
        try:
            source = _FileSource(self._path(blob_id, WHOLE))
        except FileNotFoundError:
            unfinished = self._path(blob_id, PART).exists()
            raise (BlobUnfinished if unfinished else BlobUnknown) from None
        return _Reader(source, Index(source, blob_id, key))

    async def recover(self, blob_id: str, key: bytes) -> BlobInfo:
        """Close a blob whose writer died. See `BlobStore`."""
        return await asyncio.to_thread(self._recover, blob_id, key)

    def _recover(self, blob_id: str, key: bytes) -> BlobInfo:
        path = self._path(blob_id, PART)
        try:
            sink = _FileSink.reopen(path)
        except FileNotFoundError:
            try:
                return self._open(blob_id, key).info
            except BlobUnfinished:  # it came back: two recover at once
                raise BlobBusy from None
        try:
            saved = salvage(_FileSource(path), blob_id, key)
            sink.cut(saved.keep)
            sink.write(saved.final)
            sink.publish()
        except OSError:
            raise BlobUnwritable from None
        finally:
            sink.release()
        return saved.info

    async def unfinished(self) -> list[str]:
        """List blobs without an end. See `BlobStore`."""
        paths = await asyncio.to_thread(lambda: sorted(self._root.glob(f"??/*{PART}")))
        return [path.stem for path in paths]

    async def delete(self, blob_id: str) -> None:
        """Remove a blob. See `BlobStore`."""
        for suffix in (WHOLE, PART):
            await asyncio.to_thread(self._path(blob_id, suffix).unlink, missing_ok=True)

    def _path(self, blob_id: str, suffix: str) -> Path:
        if len(blob_id) != ID_CHARACTERS or set(blob_id) - set("0123456789abcdef"):
            raise BlobUnknown
        return self._root / blob_id[-2:] / (blob_id + suffix)


class _FileSink:
    """An open file that grows by whole writes."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._path = path
        self._descriptor = descriptor
        self._size = os.fstat(descriptor).st_size
        self._close = weakref.finalize(self, os.close, descriptor)

    @classmethod
    def create(cls, path: Path, header: bytes) -> "_FileSink":
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        sink = cls(os.open(path, flags, 0o600), path)
        fcntl.flock(sink._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        sink.write(header)
        sync_folder(path.parent)
        return sink

    @classmethod
    def reopen(cls, path: Path) -> "_FileSink":
        sink = cls(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC), path)
        try:
            fcntl.flock(sink._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sink.release()
            raise BlobBusy from None
        if not path.exists():  # another recovery was quicker: it held the lock and renamed the file
            sink.release()
            raise FileNotFoundError(path.name)
        return sink

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:  # one write in all but a full disk's case
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)

    def cut(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)
        self._size = size

    def publish(self) -> None:
        os.fsync(self._descriptor)
        self._path.rename(self._path.with_suffix(WHOLE))
        sync_folder(self._path.parent)
        self.release()

    def drop(self) -> None:
        self._path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        self._close()


class _FileSource:
    """A file that is read anywhere; its descriptor goes with the object."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.close = weakref.finalize(self, os.close, self._descriptor)

    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)


class _Reader:
    """Reads in a thread: the event loop never waits for the disk."""

    def __init__(self, source: _FileSource, index: Index) -> None:
        self._source = source
        self._index = index
        self.info = index.info

    @property
    def blob_id(self) -> str:
        return self.info.blob_id

    @property
    def size(self) -> int:
        return self.info.size

    @property
    def sha256(self) -> str:
        return self.info.sha256

    @property
    def media_type(self) -> str:
        return self._index.media_type

    async def read(self, offset: int, length: int) -> bytes:
        return await asyncio.to_thread(self._index.read, offset, length)

    async def stream(self) -> AsyncIterator[bytes]:
        for number in range(self._index.chunks):
            yield await asyncio.to_thread(self._index.chunk, number)

    async def aclose(self) -> None:
        self._source.close()
