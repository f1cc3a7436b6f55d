"""Takes recordings of SIM calls piece by piece; whole only when the announced SHA-256 is right.

Each piece is an encrypted blob that is on disk before it is counted, so after any end of either side the
phone asks for the offset and sends on from there. Pieces are put together once all are here, then dropped.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.blobs import BlobInfo, BlobStore, BlobUnknown, BlobWriter
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.outbox import Outbox
from core.sealed import Field
from devicepolicy.canonical import canonical_bytes
from devicepolicy.devices.model import Phone
from devicepolicy.devices.models import DeviceRow
from devicepolicy.uploads.catalogue import Catalogue
from devicepolicy.uploads.errors import (
    OffsetWrong,
    PieceInvalid,
    RecordingBroken,
    RecordingNotWanted,
    RecordingUnknown,
)
from devicepolicy.uploads.findings import Findings
from devicepolicy.uploads.intake import Intake, Party, Session
from devicepolicy.uploads.model import Finding, NewRecording, Outcome, Progress, RecordingState, RecordKind
from devicepolicy.uploads.models import UploadPieceRow, UploadRecordingRow, UploadRecordRow
from devicepolicy.uploads.wanted import refusal

TABLE = "dp_upload_recordings"
RECORDING_COMPLETE = "upload.recording"
"""Topic in the outbox; payload: recording_id."""
MAX_PIECE_BYTES = 1024 * 1024
UNKEPT_FOR = timedelta(hours=1)
SWEEP = 200


class Recordings:
    """The one way for recordings."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        intake: Intake,
        blobs: BlobStore,
        ledger: Ledger,
        outbox: Outbox,
        findings: Findings,
        catalogue: Catalogue,
    ) -> None:
        self._db = database
        self._clock = clock
        self._intake = intake
        self._blobs = blobs
        self._ledger = ledger
        self._outbox = outbox
        self._findings = findings
        self._catalogue = catalogue

    async def announce(self, phone: Phone, sent_at: datetime, new: NewRecording) -> Progress:
        """Open a recording, or say how far the one of this id and hash has come.

        Raises:
            ConsentRequired, RecordingNotWanted: nothing is kept.
            RecordingBroken: all was here and the hash was wrong.
        """
        self._intake.require_consent(phone)
        async with self._db.begin() as session:
            at = await self._intake.begin(session, phone, sent_at)
            key = self._intake.key(at.row.id, new.id)
            query = select(UploadRecordingRow).where(
                UploadRecordingRow.device_id == at.row.id, UploadRecordingRow.key == key
            )
            known = list(await session.scalars(query.order_by(UploadRecordingRow.id)))
            row = next((one for one in known if one.sha256 == new.sha256), None)
            if row is None:
                row = await self._open(session, at, new, key)
                row.contradicts = known[0].id if known else None
                session.add(row)
                await session.flush()
                if row.contradicts is not None:
                    found = (session, Finding.UPLOAD_CONTRADICTS, at.row, row.key, row.at)
                    await self._findings.tell(*found, customer_id=row.customer_id)
            progress = _progress(row)
        return await self._finish(progress)

    async def _open(
        self, session: AsyncSession, at: Session, new: NewRecording, key: str
    ) -> UploadRecordingRow:
        party = await self._intake.party(session, new.counterpart, None)
        moment = at.moment(new.at)
        outside = at.wanted.outside(moment)
        refused = refusal(
            self._catalogue.records[RecordKind.RECORDING].outside_hours,
            wanted=at.wanted.record(RecordKind.RECORDING, None),
            outside=outside,
            of_customer=party.customer_id is not None,
            at=moment,
            since=at.since,
        )
        if refused is None and not at.wanted.recording(new.duration_s):
            refused = Outcome.TOO_SHORT
        if refused is not None:
            raise RecordingNotWanted(reason=refused.value)
        return self._row(at, new, key, party, outside=outside)

    def _row(
        self, at: Session, new: NewRecording, key: str, party: Party, *, outside: bool
    ) -> UploadRecordingRow:
        recording_id = new_id()
        body = canonical_bytes({"counterpart": new.counterpart})
        return UploadRecordingRow(
            id=recording_id,
            device_id=at.row.id,
            employee_id=at.row.employee_id,
            department_id=at.row.department_id,
            key=key,
            sha256=new.sha256,
            size=new.size,
            media_type=new.media_type,
            duration_s=new.duration_s,
            outgoing=new.outgoing,
            call_key=self._intake.key(at.row.id, new.call) if new.call is not None else None,
            customer_id=party.customer_id,
            counterpart=party.index,
            body=party.cipher.seal(Field(TABLE, "body", recording_id), body),
            key_id=party.cipher.key_id if party.customer_id is None else None,
            device_at=new.at,
            at=at.moment(new.at),
            announced_at=at.now,
            touched_at=at.now,
            outside_hours=outside,
            state=RecordingState.OPEN,
            received=0,
            failures=0,
        )

    async def progress(self, phone: Phone, recording_id: str) -> Progress:
        """Say how far a recording of this phone has come; raise `RecordingUnknown`."""
        async with self._db.read() as session:
            return _progress(await self._of(session, phone, recording_id))

    async def piece(self, phone: Phone, recording_id: str, offset: int, data: bytes) -> Progress:
        """Keep the piece that begins at `offset`; with the last one the recording is put together.

        Raises:
            ConsentRequired, RecordingUnknown, PieceInvalid
            OffsetWrong: it does not follow what is here.
            RecordingBroken: it was the last one and the hash of all is wrong.
        """
        self._intake.require_consent(phone)
        async with self._db.read() as session:
            row = await self._of(session, phone, recording_id)
            _check(row, offset, data)
            key = await self._key(session, row)
        writer = await self._blobs.create(key, "application/octet-stream")
        now = self._clock.now()
        async with self._db.begin() as session:
            session.add(
                UploadPieceRow(
                    blob_id=writer.blob_id,
                    recording_id=recording_id,
                    offset=offset,
                    size=len(data),
                    kept=False,
                    created_at=now,
                )
            )
        await asyncio.to_thread(_write, writer, data)
        async with self._db.begin() as session:
            row = await self._of(session, phone, recording_id, lock=True)
            _check(row, offset, data)  # another request may have been quicker: the sweep takes this blob
            piece = await session.get_one(UploadPieceRow, writer.blob_id)
            piece.kept, row.received, row.touched_at = True, row.received + len(data), now
            progress = _progress(row)
        return await self._finish(progress)

    async def _finish(self, progress: Progress) -> Progress:
        """Put a recording together if all of it is here. Whoever comes last does it; twice does no harm."""
        if progress.state is RecordingState.COMPLETE or progress.offset < progress.size:
            return progress
        async with self._db.read() as session:
            row = await session.get_one(UploadRecordingRow, progress.id)
            key = await self._key(session, row)
        writer = await self._blobs.create(key, row.media_type)
        async with self._db.begin() as session:
            row = await _locked(session, progress.id)
            if row.state is RecordingState.COMPLETE:
                writer.discard()
                return _progress(row)
            earlier, row.blob_id = row.blob_id, writer.blob_id
        if earlier is not None:  # whoever began died, or will find that it is no longer wanted
            await self._blobs.delete(earlier)
        info = await self._assemble(progress.id, key, writer)
        async with self._db.begin() as session:
            row = await _locked(session, progress.id)
            if row.blob_id != writer.blob_id:
                done = _progress(row)
            else:
                done = await self._settle(session, row, info)
            pieces = select(UploadPieceRow.blob_id).where(UploadPieceRow.recording_id == progress.id)
            gone = list(await session.scalars(pieces.where(UploadPieceRow.kept.is_(False))))
        if row.blob_id != writer.blob_id:
            await self._blobs.delete(writer.blob_id)
        await self._drop(gone)
        if done.offset < done.size:
            raise RecordingBroken
        return done

    async def _settle(self, session: AsyncSession, row: UploadRecordingRow, info: BlobInfo) -> Progress:
        now = self._clock.now()
        whole = (info.size, info.sha256) == (row.size, row.sha256)
        if whole:
            row.state, row.completed_at = RecordingState.COMPLETE, now
        else:
            row.blob_id, row.received, row.failures = None, 0, row.failures + 1
        row.touched_at = now
        await session.execute(
            update(UploadPieceRow)
            .where(UploadPieceRow.recording_id == row.id)
            .values(kept=False, created_at=now)
        )
        body = {
            "recording": row.id,
            "device": row.device_id,
            "employee": row.employee_id,
            "sha256": row.sha256,
            "found_sha256": info.sha256,
            "size": row.size,
        }
        kind = "upload.recording-kept" if whole else "upload.recording-broken"
        await self._ledger.append(session, kind, body)
        if whole and row.call_key is not None:
            await session.execute(
                update(UploadRecordRow)
                .where(UploadRecordRow.device_id == row.device_id, UploadRecordRow.key == row.call_key)
                .values(recording_due_at=None)
            )
        if not whole:
            device = await session.get_one(DeviceRow, row.device_id)
            found = (session, Finding.UPLOAD_CONTRADICTS, device, row.key, now)
            await self._findings.tell(*found, customer_id=row.customer_id)
        if whole and row.customer_id is not None and row.contradicts is None:
            await self._outbox.put(session, RECORDING_COMPLETE, {"recording_id": row.id}, key=row.id)
        return _progress(row)

    async def _assemble(self, recording_id: str, key: bytes, writer: BlobWriter) -> BlobInfo:
        async with self._db.read() as session:
            query = select(UploadPieceRow.blob_id).where(
                UploadPieceRow.recording_id == recording_id, UploadPieceRow.kept
            )
            pieces = list(await session.scalars(query.order_by(UploadPieceRow.offset)))
        for blob_id in pieces:
            reader = await self._blobs.open(blob_id, key)
            try:
                async for chunk in reader.stream():
                    await asyncio.to_thread(writer.append, chunk)
            finally:
                await reader.aclose()
        return await asyncio.to_thread(writer.close)

    async def content(self, recording_id: str) -> AsyncIterator[bytes]:
        """Give a complete recording's bytes; raise `RecordingUnknown` where there is none."""
        async with self._db.read() as session:
            row = await session.get(UploadRecordingRow, recording_id)
            if row is None or row.state is not RecordingState.COMPLETE or row.blob_id is None:
                raise RecordingUnknown
            key = await self._key(session, row)
        reader = await self._blobs.open(row.blob_id, key)
        try:
            async for chunk in reader.stream():
                yield chunk
        finally:
            await reader.aclose()

    async def sweep(self) -> int:
        """Drop blobs of pieces that were never counted or are no longer needed. A chore of the relay."""
        before = self._clock.now() - UNKEPT_FOR
        async with self._db.read() as session:
            query = select(UploadPieceRow.blob_id).where(
                UploadPieceRow.kept.is_(False), UploadPieceRow.created_at < before
            )
            gone = list(await session.scalars(query.limit(SWEEP)))
        await self._drop(gone)
        return len(gone)

    async def _drop(self, blob_ids: list[str]) -> None:
        for blob_id in blob_ids:
            try:
                await self._blobs.delete(blob_id)
            except BlobUnknown:
                continue
        async with self._db.begin() as session:
            which = UploadPieceRow.blob_id.in_(blob_ids)
            await session.execute(delete(UploadPieceRow).where(which, UploadPieceRow.kept.is_(False)))

    async def _of(
        self, session: AsyncSession, phone: Phone, recording_id: str, *, lock: bool = False
    ) -> UploadRecordingRow:
        row = await _locked(session, recording_id, lock=lock)
        if row.device_id != phone.device_id:
            raise RecordingUnknown
        return row

    async def _key(self, session: AsyncSession, row: UploadRecordingRow) -> bytes:
        """Derive the key of a recording's blobs; it dies with the customer's key."""
        cipher = await self._intake.cipher(session, row.customer_id, row.key_id)
        if cipher is None:
            raise RecordingUnknown
        return cipher.derive_key(f"upload/{row.id}")


async def _locked(session: AsyncSession, recording_id: str, *, lock: bool = True) -> UploadRecordingRow:
    row = await session.get(
        UploadRecordingRow, recording_id, with_for_update=lock or None, populate_existing=True
    )
    if row is None:
        raise RecordingUnknown
    return row


def _check(row: UploadRecordingRow, offset: int, data: bytes) -> None:
    if row.state is RecordingState.COMPLETE or offset != row.received:
        raise OffsetWrong(offset=row.received)
    if not 0 < len(data) <= MAX_PIECE_BYTES or offset + len(data) > row.size:
        raise PieceInvalid


def _write(writer: BlobWriter, data: bytes) -> None:
    writer.append(data)
    writer.close()


def _progress(row: UploadRecordingRow) -> Progress:
    return Progress(row.id, row.state, row.received, row.size)
