"""Looks after what phones handed in: tells what is missing, ends what was abandoned, lets go of the old."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, delete, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.blobs import BlobStore, BlobUnknown
from core.clock import Clock
from core.db import Database
from core.ledger import JSON, Ledger
from core.phone_settings import UploadSettings
from devicepolicy.devices.models import DeviceRow
from devicepolicy.uploads.findings import Findings
from devicepolicy.uploads.model import Finding, RecordingState, RecordKind
from devicepolicy.uploads.models import (
    ConductActRow,
    UploadDeletionRow,
    UploadEventRow,
    UploadGapRow,
    UploadPieceRow,
    UploadRecordingRow,
    UploadRecordRow,
)
from devicepolicy.uploads.ports import Holds

BATCH = 200
_LONG_AGO = timedelta(days=365)
_WRITTEN = (RecordKind.SMS, RecordKind.CHAT, RecordKind.FILE)
Row = TypeVar("Row", bound="UploadRecordRow | UploadEventRow | UploadRecordingRow")


class Upkeep:
    """Chores of the relay. Each gives how many it did: call it again while it is not 0."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        blobs: BlobStore,
        ledger: Ledger,
        findings: Findings,
        holds: Holds,
        settings: UploadSettings,
    ) -> None:
        self._db = database
        self._clock = clock
        self._blobs = blobs
        self._ledger = ledger
        self._findings = findings
        self._holds = holds
        self._settings = settings

    async def __call__(self) -> None:
        """Do all of it."""
        for chore in (self.tell_gaps, self.tell_missing_recordings, self.empty_abandoned, self.end_abandoned):
            while await chore():
                pass
        await self.let_go()

    async def tell_gaps(self) -> int:
        """Tell of numbers that have been missing for too long."""
        now = self._clock.now()
        async with self._db.begin() as session:
            query = select(UploadGapRow).where(
                UploadGapRow.told_at.is_(None),
                UploadGapRow.filled_at.is_(None),
                UploadGapRow.found_at < now - timedelta(seconds=self._settings.gap_after_s),
            )
            gaps = list(await session.scalars(query.order_by(UploadGapRow.id).limit(BATCH)))
            for gap in gaps:
                device = await session.get_one(DeviceRow, gap.device_id)
                found = (session, Finding.UPLOAD_GAP, device, f"gap/{gap.id}", gap.found_at)
                gap.told_at, gap.conduct_id = now, await self._findings.tell(*found)
                body: dict[str, JSON] = {
                    "device": gap.device_id,
                    "gap": gap.id,
                    "first": gap.first,
                    "last": gap.last,
                }
                await self._ledger.append(session, "upload.gap", body)
            return len(gaps)

    async def tell_missing_recordings(self) -> int:
        """Tell of calls whose recording the policy asked for and that did not come."""
        async with self._db.begin() as session:
            query = select(UploadRecordRow).where(UploadRecordRow.recording_due_at < self._clock.now())
            rows = list(await session.scalars(query.order_by(UploadRecordRow.id).limit(BATCH)))
            for row in rows:
                row.recording_due_at = None
                await self._findings.tell(
                    session,
                    Finding.RECORDING_MISSING,
                    await session.get_one(DeviceRow, row.device_id),
                    row.key,
                    row.at,
                    employee_id=row.employee_id,
                    department_id=row.department_id,
                    customer_id=row.customer_id,
                )
                body = {"device": row.device_id, "record": row.id}
                await self._ledger.append(session, "upload.recording-missing", body)
            return len(rows)

    async def empty_abandoned(self) -> int:
        """Take the pieces out of recordings that nobody goes on with; their sweep drops the blobs."""
        async with self._db.begin() as session:
            query = self._abandoned().where(_has_pieces(kept=True))
            rows = await self._free(session, list(await session.scalars(query)))
            for row in rows:
                row.received = 0  # a phone that comes back after all begins again
                await session.execute(
                    update(UploadPieceRow)
                    .where(UploadPieceRow.recording_id == row.id)
                    .values(kept=False, created_at=self._clock.now() - _LONG_AGO)
                )
            return len(rows)

    async def end_abandoned(self) -> int:
        """Forget recordings that were announced and never came."""
        async with self._db.begin() as session:
            rows = list(await session.scalars(self._abandoned().where(~_has_pieces())))
            rows = await self._free(session, rows)
            for row in rows:
                await self._drop_blob(row.blob_id)
                body = {"recording": row.id, "device": row.device_id, "sha256": row.sha256}
                await self._ledger.append(session, "upload.recording-abandoned", body)
                await session.delete(row)
            return len(rows)

    def _abandoned(self) -> Select[UploadRecordingRow]:
        before = self._clock.now() - timedelta(days=self._settings.abandoned_days)
        open_ = UploadRecordingRow.state == RecordingState.OPEN
        query = select(UploadRecordingRow).where(open_, UploadRecordingRow.touched_at < before)
        return query.order_by(UploadRecordingRow.id).limit(BATCH).with_for_update()

    async def let_go(self) -> int:
        """Delete what is older than its class is kept, unless it is held for evidence."""
        keep, gone = self._settings, 0
        for days, name in (
            (keep.keep_calls_days, "calls"),
            (keep.keep_messages_days, "messages"),
            (keep.keep_recordings_days, "recordings"),
            (keep.keep_conduct_days, "conduct"),
        ):
            if days is not None:
                gone += await self._let_go_of(name, self._clock.now() - timedelta(days=days))
        return gone

    async def _let_go_of(self, name: str, before: datetime) -> int:
        table, old = _class(name, before)
        after, gone = "", 0
        while True:
            async with self._db.begin() as session:
                query = select(table).where(old, table.id > after).order_by(table.id).limit(BATCH)
                found = list(await session.scalars(query.with_for_update()))
                if not found:
                    return gone
                after = found[-1].id
                free = await self._free(session, found)
                ids: list[JSON] = [row.id for row in free]
                for row in free:
                    if isinstance(row, UploadRecordingRow):
                        await self._drop_blob(row.blob_id)
                if table is UploadEventRow:
                    for part in (ConductActRow, UploadDeletionRow):
                        await session.execute(delete(part).where(part.event_id.in_(ids)))
                if ids:
                    await session.execute(delete(table).where(table.id.in_(ids)))
                    body: dict[str, JSON] = {"class": name, "before": before.isoformat(), "ids": ids}
                    await self._ledger.append(session, "upload.expired", body)
                gone += len(ids)

    async def _free(self, session: AsyncSession, rows: Sequence[Row]) -> list[Row]:
        """Give those that are not held for evidence: asked in the transaction that deletes."""
        employees = {row.employee_id for row in rows if row.employee_id is not None}
        customers = {row.customer_id for row in rows if row.customer_id is not None}
        held = {one for one in employees if await self._holds.is_employee_held(session, one)}
        held |= {one for one in customers if await self._holds.is_customer_held(session, one)}
        return [row for row in rows if row.employee_id not in held and row.customer_id not in held]

    async def _drop_blob(self, blob_id: str | None) -> None:
        if blob_id is not None:
            with suppress(BlobUnknown):  # this chore died after it and before its commit
                await self._blobs.delete(blob_id)


def _has_pieces(*, kept: bool | None = None) -> ColumnElement[bool]:
    of = UploadPieceRow.recording_id == UploadRecordingRow.id
    return exists().where(of if kept is None else of & UploadPieceRow.kept.is_(kept))


def _class(name: str, before: datetime) -> tuple[type[Any], ColumnElement[bool]]:
    """Give the table of a class and which of it is old: by when it came, whatever the phone's clock said."""
    if name == "recordings":
        return UploadRecordingRow, (UploadRecordingRow.completed_at < before) & ~_has_pieces()
    if name == "conduct":
        return UploadEventRow, UploadEventRow.received_at < before
    old = UploadRecordRow.received_at < before
    if name == "calls":
        return UploadRecordRow, old & (UploadRecordRow.kind == RecordKind.CALL)
    done = UploadRecordRow.handed_on_at.is_not(None) | UploadRecordRow.contradicts.is_not(None)
    done |= UploadRecordRow.kind == RecordKind.FILE  # never handed on
    waits_for_nobody = UploadRecordRow.customer_id.is_(None) | done
    return UploadRecordRow, old & UploadRecordRow.kind.in_(_WRITTEN) & waits_for_nobody
