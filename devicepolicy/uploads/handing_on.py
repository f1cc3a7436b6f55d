"""Hands what a phone sent on to where it is inspected. Runs in the worker, for each message of the outbox."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.errors import NotFound
from core.outbox import Message, Outbox
from core.sealed import Field
from devicepolicy.uploads import recordings, records
from devicepolicy.uploads.intake import Intake
from devicepolicy.uploads.models import UploadRecordingRow, UploadRecordRow
from devicepolicy.uploads.ports import ForeignRecord, ForeignRecords, SimCall, SimCalls
from devicepolicy.uploads.recordings import Recordings

Handler = Callable[[Message], Awaitable[None]]


class HandingOn:
    """Takes each record and recording to its port, once as far as anybody can see."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        intake: Intake,
        outbox: Outbox,
        recordings: Recordings,
        foreign: ForeignRecords,
        sim_calls: SimCalls,
    ) -> None:
        self._db = database
        self._clock = clock
        self._intake = intake
        self._outbox = outbox
        self._recordings = recordings
        self._foreign = foreign
        self._sim_calls = sim_calls

    def handlers(self) -> Mapping[str, Handler]:
        """Give topic -> handler for the worker."""
        return {records.RECORD_KEPT: self.record, recordings.RECORDING_COMPLETE: self.recording}

    async def record(self, message: Message) -> None:
        """Hand a record on; payload: record_id."""
        record_id = str(message.payload["record_id"])
        async with self._db.read() as session:
            row = await session.get(UploadRecordRow, record_id)
            if row is None:
                raise NotFound
            found = await self._foreign_record(session, row)
        message_id = await self._foreign.take(found) if found is not None else None
        await self._done(message, UploadRecordRow, record_id, message_id)

    async def recording(self, message: Message) -> None:
        """Hand a recording on; payload: recording_id."""
        recording_id = str(message.payload["recording_id"])
        async with self._db.read() as session:
            row = await session.get(UploadRecordingRow, recording_id)
            if row is None:
                raise NotFound
            alive = await self._intake.cipher(session, row.customer_id, row.key_id) is not None
        message_id = None
        if alive and row.customer_id is not None and row.employee_id is not None:

            def content() -> AsyncIterator[bytes]:
                return self._recordings.content(recording_id)

            call = SimCall(
                id=row.key,
                device_id=row.device_id,
                employee_id=row.employee_id,
                customer_id=row.customer_id,
                at=row.at,
                outgoing=row.outgoing,
                duration_s=row.duration_s,
                media_type=row.media_type,
                size=row.size,
                sha256=row.sha256,
                open=content,
            )
            message_id = await self._sim_calls.take(call)
        await self._done(message, UploadRecordingRow, recording_id, message_id)

    async def _foreign_record(self, session: AsyncSession, row: UploadRecordRow) -> ForeignRecord | None:
        """Open a record; None where the customer is erased or the phone was nobody's."""
        cipher = await self._intake.cipher(session, row.customer_id, None)
        if cipher is None or row.customer_id is None or row.employee_id is None:
            return None
        body: dict[str, Any] = json.loads(cipher.open(Field(records.TABLE, "body", row.id), row.body))
        recalls = body.get("recalls")
        return ForeignRecord(
            id=row.key,
            kind=row.kind,
            device_id=row.device_id,
            employee_id=row.employee_id,
            customer_id=row.customer_id,
            at=row.at,
            outgoing=row.outgoing,
            text=str(body.get("text") or ""),
            body_kind=str(body.get("message_kind") or "text"),
            app=body.get("app"),
            recalls=self._intake.key(row.device_id, recalls) if recalls else None,
            in_group=body.get("group") is True,
        )

    async def _done(
        self,
        message: Message,
        table: type[UploadRecordRow] | type[UploadRecordingRow],
        row_id: str,
        message_id: str | None,
    ) -> None:
        async with self._db.begin() as session:
            await self._outbox.ack(session, message.outbox_id)
            done = {"handed_on_at": self._clock.now(), "message_id": message_id}
            await session.execute(update(table).where(table.id == row_id).values(**done))
