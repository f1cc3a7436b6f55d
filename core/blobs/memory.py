"""The in-memory twin of a blob store: the same format and errors, nothing kept. For tests and trials."""

from collections.abc import AsyncIterator

from core.blobs.frames import Codec, make_header
from core.blobs.ports import BlobBusy, BlobInfo, BlobReader, BlobUnfinished, BlobUnknown
from core.blobs.reading import Index, salvage
from core.blobs.writing import ChunkWriter
from core.ids import new_id


class InMemoryBlobStore:
    """Keeps the encrypted bytes of each blob. `lose_writers` does what a killed process would."""

    def __init__(self) -> None:
        self._stored: dict[str, _Stored] = {}

    async def create(self, key: bytes, media_type: str) -> ChunkWriter:
        """Start a blob under a fresh id. See `BlobStore`."""
        blob_id, header = new_id(), make_header(media_type)
        codec = Codec(key, blob_id, header)
        stored = _Stored(self._stored, blob_id, header)
        self._stored[blob_id] = stored
        return ChunkWriter(blob_id, codec, stored)

    async def open(self, blob_id: str, key: bytes) -> BlobReader:
        """Open a closed blob. See `BlobStore`."""
        stored = self._find(blob_id)
        if not stored.whole:
            raise BlobUnfinished
        return _Reader(Index(stored, blob_id, key))

    async def recover(self, blob_id: str, key: bytes) -> BlobInfo:
        """Close a blob whose writer died. See `BlobStore`."""
        stored = self._find(blob_id)
        if stored.whole:
            return Index(stored, blob_id, key).info
        if stored.held:
            raise BlobBusy
        saved = salvage(stored, blob_id, key)
        del stored.raw[saved.keep :]
        stored.raw += saved.final
        stored.publish()
        return saved.info

    async def unfinished(self) -> list[str]:
        """List blobs without an end. See `BlobStore`."""
        return sorted(blob_id for blob_id, stored in self._stored.items() if not stored.whole)

    async def delete(self, blob_id: str) -> None:
        """Remove a blob. See `BlobStore`."""
        self._stored.pop(blob_id, None)

    def lose_writers(self) -> None:
        """Pretend that every process that was writing has died."""
        for stored in self._stored.values():
            stored.held = False

    def raw(self, blob_id: str) -> bytearray:
        """Give the stored bytes themselves, to look at or to damage."""
        return self._find(blob_id).raw

    def _find(self, blob_id: str) -> "_Stored":
        try:
            return self._stored[blob_id]
        except KeyError:
            raise BlobUnknown from None


class _Stored:
    """One blob's bytes: source and sink at once."""

    def __init__(self, shelf: dict[str, "_Stored"], blob_id: str, header: bytes) -> None:
        self._shelf = shelf
        self._blob_id = blob_id
        self.raw = bytearray(header)
        self.whole = False
        self.held = True

    def write(self, data: bytes) -> None:
        self.raw += data

    def publish(self) -> None:
        self.whole, self.held = True, False

    def drop(self) -> None:
        self._shelf.pop(self._blob_id, None)

    def size(self) -> int:
        return len(self.raw)

    def read_at(self, offset: int, length: int) -> bytes:
        return bytes(self.raw[offset : offset + length])


class _Reader:
    def __init__(self, index: Index) -> None:
        self._index = index

    @property
    def blob_id(self) -> str:
        return self._index.info.blob_id

    @property
    def size(self) -> int:
        return self._index.info.size

    @property
    def sha256(self) -> str:
        return self._index.info.sha256

    @property
    def media_type(self) -> str:
        return self._index.media_type

    async def read(self, offset: int, length: int) -> bytes:
        return self._index.read(offset, length)

    async def stream(self) -> AsyncIterator[bytes]:
        for number in range(self._index.chunks):
            yield self._index.chunk(number)

    async def aclose(self) -> None:
        return
