"""A file that is only written forwards and lands encrypted in a blob: no plain bundle touches the disk."""

import io
from typing import Any

from core.blobs import BlobWriter

CHUNK = 256 * 1024


class BlobFile(io.RawIOBase):
    """What `zipfile` needs to write a stream. Close the writer, not this, to keep the blob."""

    def __init__(self, writer: BlobWriter) -> None:
        self._writer = writer
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Take some bytes; a chunk goes to the store when there is enough for one."""
        piece = bytes(data)
        self._waiting += piece
        while len(self._waiting) >= CHUNK:
            self._writer.append(bytes(self._waiting[:CHUNK]))
            del self._waiting[:CHUNK]
        return len(piece)

    def finish(self) -> None:
        """Hand over what is left."""
        if self._waiting:
            self._writer.append(bytes(self._waiting))
            self._waiting.clear()
