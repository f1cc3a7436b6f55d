"""Reading and recovering a stored blob, from whatever source its bytes come."""

import struct
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from core.blobs.frames import (
    FINAL_BODY_BYTES,
    FINAL_FRAME_BYTES,
    LENGTH_BYTES,
    MAX_CHUNK_BYTES,
    TAG_BYTES,
    Codec,
    Frame,
    Plain,
    Source,
    read_frame,
    read_header,
    walk,
)
from core.blobs.ports import BlobCorrupt, BlobInfo


class Index:
    """Where each chunk of a closed blob lies. Decrypts only the final marker."""

    def __init__(self, source: Source, blob_id: str, key: bytes) -> None:
        header, self.media_type = read_header(source)
        self._source = source
        self._codec = Codec(key, blob_id, header)
        frames, end = walk(source, len(header), source.size())
        if not frames or end != source.size():
            raise BlobCorrupt
        *self._frames, last = frames
        final = read_frame(source, self._codec, last, final=True)
        self._starts = list(accumulate((frame.plain_bytes for frame in self._frames), initial=0))
        (size,) = struct.unpack_from(">Q", final)
        if len(final) != FINAL_BODY_BYTES or size != self._starts[-1]:
            raise BlobCorrupt
        self.info = BlobInfo(blob_id, size, final[8:].hex())

    @property
    def chunks(self) -> int:
        return len(self._frames)

    def chunk(self, number: int) -> bytes:
        """Decrypt one chunk."""
        return read_frame(self._source, self._codec, self._frames[number])

    def read(self, offset: int, length: int) -> bytes:
        """Decrypt the chunks that a range touches and cut the range out of them."""
        if offset < 0 or length < 0:
            raise ValueError("offset and length are not negative")
        stop = min(offset + length, self.info.size)
        if offset >= stop:
            return b""
        first = bisect_right(self._starts, offset) - 1
        parts: list[bytes] = []
        number = first
        while number < self.chunks and self._starts[number] < stop:
            parts.append(self.chunk(number))
            number += 1
        skipped = self._starts[first]
        return b"".join(parts)[offset - skipped : stop - skipped]


@dataclass(frozen=True, slots=True)
class Salvage:
    """What can be saved: keep the first `keep` bytes, then write `final` (empty if it is there)."""

    info: BlobInfo
    keep: int
    final: bytes


def salvage(source: Source, blob_id: str, key: bytes) -> Salvage:
    """Find the last whole chunk of an unfinished blob.

    Only a torn tail is cut: a damaged chunk with more behind it is an alteration, not a crash.

    Raises:
        BlobCorrupt: damaged elsewhere than at the end, or the key is not its own.
    """
    header, _ = read_header(source)
    codec = Codec(key, blob_id, header)
    frames, walked = walk(source, len(header), source.size())
    plain, keep = Plain(), len(header)
    for frame in frames:
        try:
            plain.add(read_frame(source, codec, frame))
        except BlobCorrupt:
            if _is_final(source, codec, frame):
                return Salvage(_info(blob_id, plain), frame.end, b"")
            if frame is not frames[-1] or frame.number == 0:
                raise
            _refuse_unless_torn(source, walked)
            return Salvage(_info(blob_id, plain), keep, plain.final_frame(codec))
        keep = frame.end
    _refuse_unless_torn(source, walked)
    return Salvage(_info(blob_id, plain), keep, plain.final_frame(codec))


def _is_final(source: Source, codec: Codec, frame: Frame) -> bool:
    if frame.end - frame.offset != FINAL_FRAME_BYTES or frame.end != source.size():
        return False
    try:
        read_frame(source, codec, frame, final=True)
    except BlobCorrupt:
        return False
    return True


def _refuse_unless_torn(source: Source, walked: int) -> None:
    """Accept as a torn tail: a cut length, a chunk shorter than its length says, or zeros of a power cut."""
    rest = source.size() - walked
    if rest < LENGTH_BYTES:
        return
    (length,) = struct.unpack(">I", source.read_at(walked, LENGTH_BYTES))
    cut = walked + LENGTH_BYTES + length > source.size()
    if cut and TAG_BYTES <= length <= MAX_CHUNK_BYTES + TAG_BYTES:
        return
    if any(source.read_at(walked, rest)):
        raise BlobCorrupt


def _info(blob_id: str, plain: Plain) -> BlobInfo:
    return BlobInfo(blob_id, plain.size, plain.digest.hexdigest())
