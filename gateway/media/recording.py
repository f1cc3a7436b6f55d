"""Reading a recording back: length, WAV by range, FLAC, peaks for the waveform, samples for inspection."""

import asyncio
import hashlib
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from types import TracebackType
from typing import Final, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.blobs import BlobInfo, BlobReader, BlobStore
from gateway.media import g711
from gateway.media.container import (
    BLOCK_BYTES,
    BLOCK_FRAMES,
    BLOCK_HEADER_BYTES,
    FILE_HEADER_BYTES,
    BlockHeader,
    EventKind,
    FileHeader,
    StoredEvent,
)
from gateway.media.errors import RecordingUnreadable
from gateway.media.model import SAMPLE_RATE

WAV_HEADER_BYTES: Final = 44
_FRAME_BYTES: Final = 4  # two channels of 16 bits
_KEYS: Final = "0123456789*#ABCD"  # RFC 4733 §3.2
_PIECE_BLOCKS: Final = 60  # half a minute: about 1 MB of samples at a time


@dataclass(frozen=True, slots=True)
class RecordingEvent:
    """A key, or where the notice began and ended. `key` is one of 0-9 * # A-D for DTMF."""

    kind: EventKind
    channel: int
    at_ms: int
    key: str | None


class RecordingReader:
    """One closed recording. Every byte that comes out was authenticated by the blob store."""

    def __init__(self, blob: BlobReader, header: FileHeader, last: BlockHeader | None) -> None:
        self._blob = blob
        self._header = header
        self._last = last
        self.frames = 0 if last is None else last.index * BLOCK_FRAMES + last.frames
        """Length in frames of 1/8000 s."""

    @classmethod
    async def open(cls, store: BlobStore, blob_id: str, key: bytes) -> "RecordingReader":
        """Open a recording.

        Raises:
            BlobUnknown, BlobUnfinished, BlobCorrupt: see `BlobStore.open`.
            RecordingUnreadable: it is no recording.
        """
        blob = await store.open(blob_id, key)
        try:
            header = FileHeader.unpack(await blob.read(0, FILE_HEADER_BYTES))
            return cls(blob, header, await _last_block(blob))
        except BaseException:
            await blob.aclose()
            raise

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._blob.aclose()

    @property
    def call_id(self) -> str:
        return self._header.call_id

    @property
    def armed_at(self) -> datetime:
        """When the recorder was armed, before anyone was called."""
        return self._header.started_at

    @property
    def duration_ms(self) -> int:
        return self.frames * 1000 // SAMPLE_RATE

    @property
    def complete(self) -> bool:
        """It was ended in order, not cut off by a crash."""
        return self._last is not None and self._last.final

    @property
    def recorded_packets(self) -> tuple[int, int]:
        """Audio packets in it, staff and customer."""
        return self._last.recorded if self._last else (0, 0)

    @property
    def relayed_packets(self) -> tuple[int, int]:
        """Those of them that the other side was sent."""
        return self._last.relayed if self._last else (0, 0)

    @property
    def wav_size(self) -> int:
        return WAV_HEADER_BYTES + self.frames * _FRAME_BYTES

    async def samples(self, start: int = 0, count: int | None = None) -> NDArray[np.int16]:
        """Give int16 [2, n] from frame `start`; channel 0 staff, 1 customer. Shorter at the end."""
        stop = self.frames if count is None else min(self.frames, start + count)
        if start < 0 or stop <= start:
            return np.zeros((2, 0), dtype=np.int16)
        first, last = start // BLOCK_FRAMES, (stop - 1) // BLOCK_FRAMES
        pieces = [
            await self._decoded(block, min(block + _PIECE_BLOCKS, last + 1))
            for block in range(first, last + 1, _PIECE_BLOCKS)
        ]
        skipped = first * BLOCK_FRAMES
        return np.concatenate(pieces, axis=1)[:, start - skipped : stop - skipped]

    async def wav(self, offset: int = 0, length: int | None = None) -> bytes:
        """Give a byte range of the WAV (16-bit PCM, stereo, 8 kHz); all of it without arguments."""
        stop = self.wav_size if length is None else min(self.wav_size, offset + length)
        if offset < 0 or stop <= offset:
            return b""
        head = _wav_header(self.frames)[offset:stop]
        begin, end = max(offset - WAV_HEADER_BYTES, 0), max(stop - WAV_HEADER_BYTES, 0)
        if end == 0:
            return head
        frame = begin // _FRAME_BYTES
        samples = await self.samples(frame, -(-end // _FRAME_BYTES) - frame)
        skipped = frame * _FRAME_BYTES
        return head + _interleave(samples)[begin - skipped : end - skipped]

    async def wav_stream(self) -> AsyncIterator[bytes]:
        """Yield the whole WAV in pieces of about 1 MB."""
        yield _wav_header(self.frames)
        for start in range(0, self.frames, _PIECE_BLOCKS * BLOCK_FRAMES):
            yield _interleave(await self.samples(start, _PIECE_BLOCKS * BLOCK_FRAMES))

    async def wav_sha256(self) -> str:
        """Hash the WAV rendition: what an auditor recomputes from an exported file."""
        digest = hashlib.sha256()
        async for piece in self.wav_stream():
            digest.update(piece)
        return digest.hexdigest()

    async def flac(self) -> bytes:
        """Give the same samples as FLAC."""
        target = BytesIO()
        with soundfile.SoundFile(target, "w", SAMPLE_RATE, 2, "PCM_16", format="FLAC") as file:
            for start in range(0, self.frames, _PIECE_BLOCKS * BLOCK_FRAMES):
                samples = await self.samples(start, _PIECE_BLOCKS * BLOCK_FRAMES)
                await asyncio.to_thread(file.write, samples.T)
        return target.getvalue()

    async def peaks(self, buckets: int) -> NDArray[np.int16]:
        """Give the loudest sample of each of `buckets` equal parts: int16 [2, buckets], 0..32767."""
        if buckets < 1:
            raise ValueError("a waveform has at least one bucket")
        loudest = np.zeros((2, buckets), dtype=np.int16)
        step = _PIECE_BLOCKS * BLOCK_FRAMES
        for start in range(0, self.frames, step):
            samples = await self.samples(start, step)
            level = np.minimum(np.abs(samples.astype(np.int32)), 32767).astype(np.int16)
            places = np.arange(start, start + level.shape[1]) * buckets // self.frames
            for channel in range(2):
                np.maximum.at(loudest[channel], places, level[channel])
        return loudest

    async def events(self) -> list[RecordingEvent]:
        """List keys and notice marks in the order of the time line."""
        found: list[StoredEvent] = []
        blocks = 0 if self._last is None else self._last.index + 1
        for first in range(0, blocks, _PIECE_BLOCKS):
            data = await self._read_blocks(first, first + _PIECE_BLOCKS)
            for start in range(0, len(data), BLOCK_BYTES):
                found += BlockHeader.unpack(data[start : start + BLOCK_HEADER_BYTES]).events
        return [_event(stored) for stored in sorted(found, key=lambda event: event.frame)]

    async def _read_blocks(self, first: int, stop: int) -> bytes:
        return await self._blob.read(FILE_HEADER_BYTES + first * BLOCK_BYTES, (stop - first) * BLOCK_BYTES)

    async def _decoded(self, first: int, stop: int) -> NDArray[np.int16]:
        data = await self._read_blocks(first, stop)
        return await asyncio.to_thread(decode_blocks, data, first)


async def recover_recording(store: BlobStore, blob_id: str, key: bytes) -> BlobInfo:
    """Close the recording of a process that died. Safe to repeat; see `BlobStore.recover` for errors."""
    return await store.recover(blob_id, key)


async def _last_block(blob: BlobReader) -> BlockHeader | None:
    size = blob.size - FILE_HEADER_BYTES
    if size == 0:
        return None
    index = (size - 1) // BLOCK_BYTES
    offset = FILE_HEADER_BYTES + index * BLOCK_BYTES
    last = BlockHeader.unpack(await blob.read(offset, BLOCK_HEADER_BYTES))
    if last.index != index or offset + BLOCK_HEADER_BYTES + 2 * last.frames != blob.size:
        raise RecordingUnreadable
    return last


def decode_blocks(data: bytes, first: int) -> NDArray[np.int16]:
    """Decode stored blocks, the first of which has index `first`: int16 [2, n]."""
    blocks = []
    for number, start in enumerate(range(0, len(data), BLOCK_BYTES)):
        header = BlockHeader.unpack(data[start : start + BLOCK_HEADER_BYTES])
        body = start + BLOCK_HEADER_BYTES
        codes = data[body : body + 2 * header.frames]
        if header.index != first + number or len(codes) != 2 * header.frames:
            raise RecordingUnreadable
        blocks.append([g711.decode(codes[channel::2], header.laws[channel]) for channel in range(2)])
    return np.concatenate([np.stack(block) for block in blocks], axis=1)


def _interleave(samples: NDArray[np.int16]) -> bytes:
    return np.ascontiguousarray(samples.T, dtype="<i2").tobytes()


def _wav_header(frames: int) -> bytes:
    size = frames * _FRAME_BYTES
    form = struct.pack("<HHIIHH", 1, 2, SAMPLE_RATE, SAMPLE_RATE * _FRAME_BYTES, _FRAME_BYTES, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + form + b"data"
        + struct.pack("<I", size)
    )  # fmt: skip


def _event(stored: StoredEvent) -> RecordingEvent:
    key = _KEYS[stored.value] if stored.kind is EventKind.DTMF and stored.value < len(_KEYS) else None
    return RecordingEvent(stored.kind, stored.channel, stored.frame * 1000 // SAMPLE_RATE, key)
