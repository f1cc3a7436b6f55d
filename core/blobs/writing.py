"""Writing a blob: chunks are encrypted here and handed to whatever keeps them."""

from typing import Protocol

from core.blobs.frames import Codec, Plain, split
from core.blobs.ports import BlobInfo, BlobUnwritable


class Sink(Protocol):
    """Takes the bytes of one blob."""

    def write(self, data: bytes) -> None:
        """Append all of `data`, or raise OSError and keep nothing of it."""
        ...

    def publish(self) -> None:
        """Make the blob whole and readable."""
        ...

    def drop(self) -> None:
        """Forget the blob."""
        ...


class ChunkWriter:
    """The `BlobWriter` of every store: one chunk, one write."""

    def __init__(self, blob_id: str, codec: Codec, sink: Sink) -> None:
        self._blob_id = blob_id
        self._codec = codec
        self._sink = sink
        self._plain = Plain()
        self._broken = False
        self._info: BlobInfo | None = None

    @property
    def blob_id(self) -> str:
        return self._blob_id

    @property
    def size(self) -> int:
        return self._plain.size

    def append(self, data: bytes) -> None:
        # After a failed write its nonce is used up: going on would encrypt two plaintexts under it.
        if self._broken or self._info is not None:
            raise BlobUnwritable
        if not data:
            return
        parts = split(bytes(data))
        first = self._plain.chunks
        frames = [self._codec.seal(first + number, part) for number, part in enumerate(parts)]
        try:
            self._sink.write(b"".join(frames))
        except OSError:
            self._broken = True
            raise BlobUnwritable from None
        for part in parts:
            self._plain.add(part)

    def close(self) -> BlobInfo:
        if self._info is None:
            try:
                self._sink.write(self._plain.final_frame(self._codec))
                self._sink.publish()
            except OSError:
                self._broken = True
                raise BlobUnwritable from None
            self._info = BlobInfo(self._blob_id, self._plain.size, self._plain.digest.hexdigest())
        return self._info

    def discard(self) -> None:
        if self._info is None:
            self._broken = True
            self._sink.drop()

    def __repr__(self) -> str:
        return f"ChunkWriter({self._blob_id}, {self.size} bytes)"
