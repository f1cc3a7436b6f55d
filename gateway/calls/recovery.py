"""Closes, at the start of `calls`, every call that its predecessor left open: one inspection in the end."""

from sqlalchemy import select

from core.blobs import BlobCorrupt, BlobStore, BlobUnknown
from core.clock import Clock
from core.db import Database
from core.logging import get_logger
from core.vault import SubjectErased, SubjectKeys
from gateway.calls.books import Books, recording_key
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.commands import CallRecord
from gateway.calls.flow import Mark
from gateway.calls.models import CallRow
from gateway.media.errors import RecordingUnreadable
from gateway.media.model import LegStats, MediaReport
from gateway.media.recording import RecordingReader, recover_recording

_log = get_logger(__name__)


class Recovery:
    """Needs to be alone: no other process may drive calls of this node."""

    def __init__(
        self, database: Database, clock: Clock, *, books: Books, subject_keys: SubjectKeys, blobs: BlobStore
    ) -> None:
        self._database = database
        self._clock = clock
        self._books = books
        self._subject_keys = subject_keys
        self._blobs = blobs

    async def run(self) -> int:
        """Close what is open under our node as interrupted; give how many calls that were."""
        async with self._database.read() as session:
            left = select(CallRow).where(CallRow.node == self._books.node, CallRow.ended_at.is_(None))
            rows = list(await session.scalars(left.order_by(CallRow.id)))
        for row in rows:
            report = await self._rescue(row)
            await self._books.close(row.id, self._record(), report)
            _log.warning("calls.recovered", call_id=row.id, contact_id=row.contact_id)
        return len(rows)

    def _record(self) -> CallRecord:
        marks = {Mark.ENDED: self._clock.now()}
        return CallRecord(EndedBy.SYSTEM, Cause.INTERRUPTED, None, marks, None)

    async def _rescue(self, row: CallRow) -> MediaReport | None:
        """Close the recording as far as it came; None if there is none that can be kept.

        A store that does not answer raises: the next start tries again, the call stays open till then.
        """
        if row.recording_id is None:
            return None
        try:
            async with self._database.read() as session:
                key = await recording_key(session, self._subject_keys, row.id, row.customer_id)
            return await self._closed(row.recording_id, key)
        except (BlobUnknown, BlobCorrupt, RecordingUnreadable, SubjectErased) as error:
            _log.error("calls.recording_lost", call_id=row.id, code=error.code)
            return None

    async def _closed(self, recording_id: str, key: bytes) -> MediaReport:
        info = await recover_recording(self._blobs, recording_id, key)
        async with await RecordingReader.open(self._blobs, recording_id, key) as recording:
            recorded, relayed = recording.recorded_packets, recording.relayed_packets
            empty = recording.frames == 0
            report = MediaReport(
                recording=None if empty else info,
                wav_sha256=None if empty else await recording.wav_sha256(),
                staff=LegStats(recorded=recorded[0], relayed=relayed[0]),
                customer=LegStats(recorded=recorded[1], relayed=relayed[1]),
                recorded_packets=sum(relayed),
                relayed_packets=sum(relayed),
                duration_ms=recording.duration_ms,
            )
        if empty:  # armed, but nobody ever answered
            await self._blobs.delete(recording_id)
        return report
