"""Listening to a recording: who may, read by range, and written in the ledger."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from core.access.model import Principal
from core.blobs import BlobStore, BlobUnfinished, BlobUnknown
from core.clock import Clock
from core.db import Database
from core.ledger import Ledger
from core.vault import SubjectErased, SubjectKeys
from gateway.calls.books import recording_key
from gateway.calls.errors import NoRecording
from gateway.calls.models import CallRow
from gateway.calls.permissions import RECORDING_LISTEN
from gateway.calls.queries import CallQueries
from gateway.media.recording import RecordingReader

PIECE_BYTES = 1024 * 1024
SAME_LISTENING = timedelta(minutes=10)
MAX_REMEMBERED = 10_000
LOUDEST = 32767


@dataclass(frozen=True, slots=True)
class Peaks:
    """The waveform: the loudest sample of each part, 0 to 1; channel 0 staff, 1 customer."""

    duration_ms: int
    staff: list[float]
    customer: list[float]


class Recordings:
    """Opens recordings for people who may listen. A player asks range by range: that is one listening."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        queries: CallQueries,
        subject_keys: SubjectKeys,
        blobs: BlobStore,
        ledger: Ledger,
    ) -> None:
        self._database = database
        self._clock = clock
        self._queries = queries
        self._subject_keys = subject_keys
        self._blobs = blobs
        self._ledger = ledger
        self._heard: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    async def wav(self, principal: Principal, call_id: str) -> "WavSource":
        """Give the WAV of a call. Raises `CallNotFound`, `NoRecording`; nothing is heard unlogged."""
        row = await self._row(principal, call_id)
        async with self._open(row) as recording:
            size = recording.wav_size
        await self._log(principal, row)
        return WavSource(self, row, size)

    async def peaks(self, principal: Principal, call_id: str, buckets: int) -> Peaks:
        """Give the waveform of a call in `buckets` parts."""
        row = await self._row(principal, call_id)
        async with self._open(row) as recording:
            staff, customer = (np.round(await recording.peaks(buckets) / LOUDEST, 4)).tolist()
            return Peaks(recording.duration_ms, staff, customer)

    async def read(self, row: CallRow, offset: int, length: int) -> bytes:
        async with self._open(row) as recording:
            return await recording.wav(offset, length)

    async def _row(self, principal: Principal, call_id: str) -> CallRow:
        row = (await self._queries.get(principal, call_id, permission=RECORDING_LISTEN)).row
        if row.recording_id is None or row.recording_sha256 is None:
            raise NoRecording
        return row

    @asynccontextmanager
    async def _open(self, row: CallRow) -> AsyncIterator[RecordingReader]:
        try:
            async with self._database.read() as session:
                key = await recording_key(session, self._subject_keys, row.id, row.customer_id)
            recording = await RecordingReader.open(self._blobs, row.recording_id or "", key)
        except (SubjectErased, BlobUnknown, BlobUnfinished):
            raise NoRecording from None
        async with recording:
            yield recording

    async def _log(self, principal: Principal, row: CallRow) -> None:
        now, listening = self._clock.now(), (principal.session_id, row.id)
        last = self._heard.get(listening)
        if last is not None and now - last < SAME_LISTENING:
            return
        async with self._database.begin() as session:
            body = {
                "call_id": row.id,
                "contact_id": row.contact_id,
                "customer": row.customer_id,
                "by": principal.employee_id,
            }
            await self._ledger.append(session, "recording.listened", body)
        self._heard[listening] = now
        self._heard.move_to_end(listening)
        while len(self._heard) > MAX_REMEMBERED:
            self._heard.popitem(last=False)


class WavSource:
    """A `RangeSource` that holds nothing open: it opens the recording for each megabyte."""

    def __init__(self, recordings: Recordings, row: CallRow, size: int) -> None:
        self._recordings = recordings
        self._row = row
        self._size = size
        self._start = 0
        self._piece = b""

    @property
    def size(self) -> int:
        return self._size

    @property
    def etag(self) -> str | None:
        return self._row.wav_sha256

    async def read(self, offset: int, length: int) -> bytes:
        if not self._start <= offset < self._start + len(self._piece):
            self._start = offset
            self._piece = await self._recordings.read(self._row, offset, PIECE_BYTES)
        begin = offset - self._start
        return self._piece[begin : begin + length]
