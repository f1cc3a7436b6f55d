"""The blob format, without I/O: a header, encrypted chunks, a final marker.

    header  "MKB" version(1) algorithm(1) media-type-length(1) media-type
    chunk   length(4, big-endian, of what follows) ciphertext tag(16)
    final   the same, over size(8) and SHA-256(32) of the plaintext, with the final flag in its nonce

It is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): AES-256-GCM, the nonce is
a chunk counter and a final flag, so chunks cannot be reordered, dropped or cut off unseen. The key is
derived for this blob alone from the caller's key, the blob's id and the header. A nonce is never used
for two plaintexts: a chunk is written once, and the final marker of given chunks is always the same.
"""

import hashlib
import struct
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.blobs.ports import BlobCorrupt

MAGIC = b"MKB\x01\x01"
TAG_BYTES = 16
LENGTH_BYTES = 4
MAX_CHUNK_BYTES = 1024 * 1024
FINAL_BODY_BYTES = 8 + 32
FINAL_FRAME_BYTES = LENGTH_BYTES + FINAL_BODY_BYTES + TAG_BYTES
KEY_BYTES = 32
MAX_MEDIA_TYPE = 100


class Source(Protocol):
    """Bytes of a stored blob that can be read anywhere."""

    def size(self) -> int: ...

    def read_at(self, offset: int, length: int) -> bytes: ...


class Frame(NamedTuple):
    """Where a chunk lies: its offset in the store, the length of its ciphertext with tag."""

    number: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + LENGTH_BYTES + self.length

    @property
    def plain_bytes(self) -> int:
        return self.length - TAG_BYTES


class Codec:
    """Encrypts and decrypts the frames of one blob."""

    def __init__(self, key: bytes, blob_id: str, header: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a blob key has {KEY_BYTES} bytes")
        info = b"maskline/1/blob/" + blob_id.encode() + b"|" + header
        self._aead = AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(key))
        self._blob_id = blob_id

    def seal(self, index: int, data: bytes, *, final: bool = False) -> bytes:
        nonce, place = self._nonce(index, final=final), self._place(index)
        sealed = self._aead.encrypt(nonce, data, place)
        return struct.pack(">I", len(sealed)) + sealed

    def open(self, index: int, sealed: bytes, *, final: bool = False) -> bytes:
        try:
            return self._aead.decrypt(self._nonce(index, final=final), sealed, self._place(index))
        except (InvalidTag, ValueError):
            raise BlobCorrupt from None

    def _place(self, index: int) -> bytes:
        return f"{self._blob_id}|{index}".encode()

    @staticmethod
    def _nonce(index: int, *, final: bool) -> bytes:
        return struct.pack(">3xQB", index, final)


@dataclass(slots=True)
class Plain:
    """What was written so far: chunks, bytes, running hash."""

    chunks: int = 0
    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, data: bytes) -> None:
        self.chunks += 1
        self.size += len(data)
        self.digest.update(data)

    def final_frame(self, codec: Codec) -> bytes:
        body = struct.pack(">Q", self.size) + self.digest.digest()
        return codec.seal(self.chunks, body, final=True)


def make_header(media_type: str) -> bytes:
    raw = media_type.encode("ascii")
    if not 0 < len(raw) <= MAX_MEDIA_TYPE:
        raise ValueError(f"a media type has 1 to {MAX_MEDIA_TYPE} characters")
    return MAGIC + bytes((len(raw),)) + raw


def read_header(source: Source) -> tuple[bytes, str]:
    """Read the header and the media type that it names."""
    start = source.read_at(0, len(MAGIC) + 1 + MAX_MEDIA_TYPE)
    if len(start) <= len(MAGIC) or not start.startswith(MAGIC):
        raise BlobCorrupt
    end = len(MAGIC) + 1 + start[len(MAGIC)]
    if len(start) < end:
        raise BlobCorrupt
    try:
        return start[:end], start[len(MAGIC) + 1 : end].decode("ascii")
    except UnicodeDecodeError:
        raise BlobCorrupt from None


def walk(source: Source, begin: int, end: int) -> tuple[list[Frame], int]:
    """Follow the chunk lengths from `begin`; give the whole frames and where the last of them ends."""
    frames: list[Frame] = []
    offset = begin
    while offset + LENGTH_BYTES <= end:
        (length,) = struct.unpack(">I", source.read_at(offset, LENGTH_BYTES))
        frame = Frame(len(frames), offset, length)
        if not TAG_BYTES <= length <= MAX_CHUNK_BYTES + TAG_BYTES or frame.end > end:
            break
        frames.append(frame)
        offset = frame.end
    return frames, offset


def read_frame(source: Source, codec: Codec, frame: Frame, *, final: bool = False) -> bytes:
    sealed = source.read_at(frame.offset + LENGTH_BYTES, frame.length)
    return codec.open(frame.number, sealed, final=final)


def split(data: bytes) -> list[bytes]:
    """Cut what is too large for one chunk, so that a range read never decrypts more than 1 MiB too much."""
    return [data[at : at + MAX_CHUNK_BYTES] for at in range(0, len(data), MAX_CHUNK_BYTES)]
