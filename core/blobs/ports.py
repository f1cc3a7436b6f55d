"""What a blob store does, whatever it stands on."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from core.errors import Conflict, MasklineError, NotFound, Unavailable


class BlobUnknown(NotFound):
    """There is no such blob."""

    code = "blob-unknown"
    zh = "没有这个文件。"


class BlobUnfinished(Conflict):
    """This blob was not closed: it is still being written, or its writer died."""

    code = "blob-unfinished"
    zh = "该文件尚未写完，或写入进程已中断。"


class BlobBusy(Conflict):
    """This blob is being written."""

    code = "blob-busy"
    zh = "该文件正在写入。"


class BlobCorrupt(MasklineError):
    """This blob was changed, cut or mixed up, or the key is not its own."""

    code = "blob-corrupt"
    zh = "文件已被改动、截断或错位，或密钥不符。"


class BlobUnwritable(Unavailable):
    """The blob store cannot be written; nothing of this chunk was kept."""

    code = "blob-unwritable"
    zh = "文件存储无法写入，本段内容未保存。"


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """A closed blob: its size in bytes and SHA-256 (64 hexadecimal characters), both of the plaintext."""

    blob_id: str
    size: int
    sha256: str


class BlobWriter(Protocol):
    """Writes one blob. Not for use from several threads at once."""

    @property
    def blob_id(self) -> str: ...

    @property
    def size(self) -> int:
        """Plaintext bytes written so far."""
        ...

    def append(self, data: bytes) -> None:
        """Encrypt `data` as one chunk and hand it to the store: it outlives this process at once.

        Raises:
            BlobUnwritable: the store is full or broken; the blob ends before this chunk.
        """
        ...

    def close(self) -> BlobInfo:
        """Write the final marker and publish the blob. May wait for the disk: call it in a thread."""
        ...

    def discard(self) -> None:
        """Drop the blob. Does nothing after `close`."""
        ...


class BlobReader(Protocol):
    """Reads one closed blob. Every byte that comes out was authenticated."""

    @property
    def blob_id(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    @property
    def media_type(self) -> str: ...

    async def read(self, offset: int, length: int) -> bytes:
        """Read a range of the plaintext; shorter at the end, empty beyond it. Decrypts only what it needs."""
        ...

    def stream(self) -> AsyncIterator[bytes]:
        """Yield the whole plaintext chunk by chunk; raises `BlobCorrupt` before a wrong byte gets out."""
        ...

    async def aclose(self) -> None: ...


class BlobStore(Protocol):
    """Keeps blobs. `key` has 32 bytes and comes from the subject: erasing the subject kills the blob."""

    async def create(self, key: bytes, media_type: str) -> BlobWriter:
        """Start a blob under a fresh id."""
        ...

    async def open(self, blob_id: str, key: bytes) -> BlobReader:
        """Open a closed blob.

        Raises:
            BlobUnknown: there is none.
            BlobUnfinished: it was not closed.
            BlobCorrupt: it is damaged, or the key is not its own.
        """
        ...

    async def recover(self, blob_id: str, key: bytes) -> BlobInfo:
        """Close a blob whose writer died; everything up to the last whole chunk stays. Safe to repeat.

        Raises:
            BlobUnknown: there is none.
            BlobBusy: its writer lives.
            BlobCorrupt: it is damaged elsewhere than at its end, or the key is not its own.
        """
        ...

    async def unfinished(self) -> list[str]:
        """List the blobs that are being written or whose writer died."""
        ...

    async def delete(self, blob_id: str) -> None:
        """Remove a blob for good. A blob that is not there is no error."""
        ...
