"""Takes batches of call log, text messages and chats: once each, in any order, whatever the clock said."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.outbox import Outbox
from core.sealed import Field
from devicepolicy.canonical import canonical_bytes, sha256_of
from devicepolicy.devices.model import Phone
from devicepolicy.uploads import gaps
from devicepolicy.uploads.catalogue import Catalogue
from devicepolicy.uploads.findings import Findings
from devicepolicy.uploads.intake import Intake, Party, Session
from devicepolicy.uploads.model import (
    BatchAnswer,
    EventKind,
    Finding,
    Outcome,
    RecordingState,
    RecordKind,
    Result,
    UploadedRecord,
)
from devicepolicy.uploads.models import UploadDeletionRow, UploadEventRow, UploadRecordingRow, UploadRecordRow
from devicepolicy.uploads.ports import ConductSink, DeviceConduct
from devicepolicy.uploads.wanted import refusal

TABLE = "dp_upload_records"
RECORD_KEPT = "upload.record"
"""Topic in the outbox; payload: record_id."""


class Records:
    """The one way for records. A batch is one transaction: a phone that hears nothing sends it again."""

    def __init__(
        self,
        database: Database,
        *,
        intake: Intake,
        ledger: Ledger,
        outbox: Outbox,
        conduct: ConductSink,
        findings: Findings,
        recording_within_s: int,
        catalogue: Catalogue,
    ) -> None:
        self._db = database
        self._intake = intake
        self._ledger = ledger
        self._outbox = outbox
        self._conduct = conduct
        self._findings = findings
        self._recording_within = timedelta(seconds=recording_within_s)
        self._catalogue = catalogue

    async def take(self, phone: Phone, sent_at: datetime, records: Sequence[UploadedRecord]) -> BatchAnswer:
        """Keep what is to be kept; say of each record what became of it. Raises `ConsentRequired`."""
        self._intake.require_consent(phone)
        async with self._db.begin() as session:
            at = await self._intake.begin(session, phone, sent_at)
            results = [await self._one(session, at, record) for record in records]
            came = zip(results, records, strict=True)
            numbers = [one.seq for result, one in came if result.outcome is not Outcome.HASH_MISMATCH]
            await gaps.seen(session, at.row.id, numbers, at.now)
            await self._book(session, at, results, records)
        return BatchAnswer(tuple(results), at.now, round(at.skew.total_seconds()))

    async def _one(self, session: AsyncSession, at: Session, record: UploadedRecord) -> Result:
        key = self._intake.key(at.row.id, record.id)
        if sha256_of(record.original) != record.sha256:
            await self._findings.tell(session, Finding.UPLOAD_CONTRADICTS, at.row, key, at.now)
            return Result(Outcome.HASH_MISMATCH)
        first, same = await _known(session, at.row.id, key, record.sha256)
        if same is not None:
            return Result(Outcome.DUPLICATE, same)
        party = await self._intake.party(session, record.counterpart, record.app)
        moment = at.moment(record.at)
        outside = at.wanted.outside(moment)
        refused = refusal(
            self._catalogue.records[record.kind].outside_hours,
            wanted=at.wanted.record(record.kind, record.app),
            outside=outside,
            of_customer=party.customer_id is not None,
            at=moment,
            since=at.since,
        )
        if refused is not None:
            return Result(refused)
        row = self._row(at, record, key, party, first)
        row.outside_hours = outside
        await self._mark(session, row)
        if at.wanted.recording(record.duration_s or 0) and record.duration_s:
            row.recording_due_at = await self._due(session, at, key)
        session.add(row)
        await session.flush()
        await self._follow(session, at, row)
        return Result(Outcome.KEPT if first is None else Outcome.CONTRADICTION, row.id)

    def _row(
        self, at: Session, record: UploadedRecord, key: str, party: Party, first: str | None
    ) -> UploadRecordRow:
        record_id = new_id()
        return UploadRecordRow(
            id=record_id,
            device_id=at.row.id,
            employee_id=at.row.employee_id,
            department_id=at.row.department_id,
            kind=record.kind,
            key=key,
            sha256=record.sha256,
            seq=record.seq,
            device_at=record.at,
            at=at.moment(record.at),
            received_at=at.now,
            outgoing=record.outgoing,
            duration_s=record.duration_s,
            deed=record.deed,
            customer_id=party.customer_id,
            counterpart=party.index,
            body=party.cipher.seal(Field(TABLE, "body", record_id), canonical_bytes(record.original)),
            contradicts=first,
        )

    async def _mark(self, session: AsyncSession, row: UploadRecordRow) -> None:
        """Mark a record whose deletion was told before it came itself."""
        gone = [UploadDeletionRow.key == row.key]
        if row.counterpart is not None:
            gone.append(UploadDeletionRow.counterpart == row.counterpart)
        query = (
            select(UploadDeletionRow)
            .join(UploadEventRow, UploadEventRow.id == UploadDeletionRow.event_id)
            .where(
                UploadDeletionRow.device_id == row.device_id,
                or_(UploadDeletionRow.at >= row.at, UploadEventRow.seq > row.seq),
                or_(*gone),
            )
        )
        told = await session.scalar(query.order_by(UploadDeletionRow.id).limit(1))
        if told is not None:
            row.deleted_at, row.deleted_by = told.at, told.event_id

    async def _due(self, session: AsyncSession, at: Session, key: str) -> datetime | None:
        """Say until when a call's recording may come; None: it is here."""
        query = select(UploadRecordingRow.id).where(
            UploadRecordingRow.device_id == at.row.id,
            UploadRecordingRow.call_key == key,
            UploadRecordingRow.state == RecordingState.COMPLETE,
        )
        here = await session.scalar(query.limit(1))
        return at.now + self._recording_within if here is None else None

    async def _follow(self, session: AsyncSession, at: Session, row: UploadRecordRow) -> None:
        """Hand on what was written with a customer; a call with one past the gateway is conduct."""
        if row.contradicts is not None:
            found = (session, Finding.UPLOAD_CONTRADICTS, at.row, row.key, row.at)
            await self._findings.tell(*found, customer_id=row.customer_id)
        if row.customer_id is None:
            return
        if row.kind is RecordKind.FILE:
            return  # a deed, no message: nothing to read or inspect
        if row.kind is not RecordKind.CALL:
            if row.contradicts is None:
                await self._outbox.put(session, RECORD_KEPT, {"record_id": row.id}, key=row.id)
        elif not at.wanted.sim_calls:
            await self._conduct.seen(
                session,
                DeviceConduct(
                    EventKind.SIM_CALL_OUTSIDE_GATEWAY,
                    row.key,
                    row.at,
                    row.device_id,
                    row.employee_id,
                    row.department_id,
                    row.customer_id,
                ),
            )

    async def _book(
        self, session: AsyncSession, at: Session, results: Sequence[Result], records: Sequence[UploadedRecord]
    ) -> None:
        """Write the hashes of what was kept into the ledger: one entry for a batch."""
        kept: list[JSON] = [
            [result.id, record.sha256, result.outcome.value]
            for result, record in zip(results, records, strict=True)
            if result.outcome in {Outcome.KEPT, Outcome.CONTRADICTION}
        ]
        if kept:
            body = {"device": at.row.id, "employee": at.row.employee_id, "records": kept}
            await self._ledger.append(session, "upload.records", body)


async def _known(
    session: AsyncSession, device_id: str, key: str, sha256: str
) -> tuple[str | None, str | None]:
    """Give the first record of an id, and the one with the very same content."""
    query = select(UploadRecordRow.id, UploadRecordRow.sha256).where(
        UploadRecordRow.device_id == device_id, UploadRecordRow.key == key
    )
    found = (await session.execute(query.order_by(UploadRecordRow.id))).all()
    same = next((row.id for row in found if row.sha256 == sha256), None)
    return (found[0].id if found else None), same
