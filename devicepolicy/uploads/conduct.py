"""Takes conduct events: once each, marks what they say is deleted, and tells somebody at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.sealed import Field
from devicepolicy.canonical import canonical_bytes, sha256_of
from devicepolicy.devices.model import Phone
from devicepolicy.devices.register import Register
from devicepolicy.uploads import gaps
from devicepolicy.uploads.catalogue import Catalogue, EventEntry
from devicepolicy.uploads.findings import Findings
from devicepolicy.uploads.intake import Intake, Party, Session
from devicepolicy.uploads.model import BatchAnswer, EventKind, Finding, Outcome, Result, UploadedEvent
from devicepolicy.uploads.models import UploadDeletionRow, UploadEventRow, UploadRecordRow
from devicepolicy.uploads.ports import ConductSink, DeviceConduct
from devicepolicy.uploads.wanted import refusal

TABLE = "dp_upload_events"


class ConductEvents:
    """The one way for conduct events."""

    def __init__(
        self,
        database: Database,
        *,
        intake: Intake,
        ledger: Ledger,
        register: Register,
        sink: ConductSink,
        findings: Findings,
        catalogue: Catalogue,
    ) -> None:
        self._db = database
        self._intake = intake
        self._ledger = ledger
        self._register = register
        self._sink = sink
        self._findings = findings
        self._catalogue = catalogue

    async def take(self, phone: Phone, sent_at: datetime, events: Sequence[UploadedEvent]) -> BatchAnswer:
        """Keep what is to be kept; say of each event what became of it. Raises `ConsentRequired`."""
        self._intake.require_consent(phone)
        async with self._db.begin() as session:
            at = await self._intake.begin(session, phone, sent_at)
            results = [await self._one(session, at, event) for event in events]
            came = zip(results, events, strict=True)
            numbers = [one.seq for result, one in came if result.outcome is not Outcome.HASH_MISMATCH]
            await gaps.seen(session, at.row.id, numbers, at.now)
            kept: list[JSON] = [
                [result.id, event.sha256, event.kind.value, result.outcome.value]
                for result, event in zip(results, events, strict=True)
                if result.outcome in {Outcome.KEPT, Outcome.CONTRADICTION}
            ]
            if kept:
                body = {"device": at.row.id, "employee": at.row.employee_id, "events": kept}
                entry = await self._ledger.append(session, "upload.events", body)
                ids = [result.id for result in results]
                await session.execute(
                    update(UploadEventRow)
                    .where(UploadEventRow.id.in_(ids), UploadEventRow.ledger_seq.is_(None))
                    .values(ledger_seq=entry.seq)
                )
        return BatchAnswer(tuple(results), at.now, round(at.skew.total_seconds()))

    async def _one(self, session: AsyncSession, at: Session, event: UploadedEvent) -> Result:
        key = self._intake.key(at.row.id, event.id)
        if sha256_of(event.original) != event.sha256:
            await self._findings.tell(session, Finding.UPLOAD_CONTRADICTS, at.row, key, at.now)
            return Result(Outcome.HASH_MISMATCH)
        query = select(UploadEventRow.id, UploadEventRow.sha256).where(
            UploadEventRow.device_id == at.row.id, UploadEventRow.key == key
        )
        known = (await session.execute(query.order_by(UploadEventRow.id))).all()
        same = next((row.id for row in known if row.sha256 == event.sha256), None)
        if same is not None:
            return Result(Outcome.DUPLICATE, same)
        entry = self._catalogue.events[event.kind]
        party = await self._intake.party(session, event.counterpart, event.app)
        moment = at.moment(event.at)
        refused = refusal(
            entry.outside_hours,
            wanted=event.kind in at.wanted.events,
            outside=at.wanted.outside(moment),
            of_customer=party.customer_id is not None,
            at=moment,
            since=at.since,
        )
        if refused is not None:
            return Result(refused)
        row = self._row(at, event, entry, key, party)
        row.contradicts = known[0].id if known else None
        session.add(row)
        await session.flush()
        if entry.deletes:
            await self._delete(session, row, event, party)
        await self._tell(session, row, event)
        if known:
            found = (session, Finding.UPLOAD_CONTRADICTS, at.row, key, row.at)
            await self._findings.tell(*found, customer_id=row.customer_id)
        return Result(Outcome.CONTRADICTION if known else Outcome.KEPT, row.id)

    def _row(
        self, at: Session, event: UploadedEvent, entry: EventEntry, key: str, party: Party
    ) -> UploadEventRow:
        event_id, moment = new_id(), at.moment(event.at)
        amount_fen, outgoing = _money(event)
        return UploadEventRow(
            id=event_id,
            device_id=at.row.id,
            employee_id=at.row.employee_id,
            department_id=at.row.department_id,
            kind=event.kind,
            severity=entry.severity,
            catalogue_version=self._catalogue.version,
            key=key,
            sha256=event.sha256,
            seq=event.seq,
            device_at=event.at,
            at=moment,
            received_at=at.now,
            outside_hours=at.wanted.outside(moment),
            customer_id=party.customer_id,
            amount_fen=amount_fen,
            outgoing=outgoing,
            body=party.cipher.seal(Field(TABLE, "body", event_id), canonical_bytes(event.original)),
        )

    async def _delete(
        self, session: AsyncSession, row: UploadEventRow, event: UploadedEvent, party: Party
    ) -> None:
        """Mark what is gone from the phone, and note it for records that are still to come."""
        keys = [self._intake.key(row.device_id, one) for one in event.records]
        # A chat's deletion names its messages; without names it is the whole chat, as a contact's is.
        index = None if keys else party.index
        told: list[str | None] = [*keys] or ([None] if index is not None else [])
        for key in told:
            session.add(
                UploadDeletionRow(
                    id=new_id(),
                    device_id=row.device_id,
                    event_id=row.id,
                    key=key,
                    counterpart=index,
                    customer_id=row.customer_id,
                    at=row.at,
                )
            )
        gone: list[ColumnElement[bool]] = []
        if keys:
            gone.append(UploadRecordRow.key.in_(keys))
        if index is not None:
            gone.append(UploadRecordRow.counterpart == index)
        if gone:
            marked = await session.execute(
                update(UploadRecordRow)
                .where(
                    UploadRecordRow.device_id == row.device_id,
                    UploadRecordRow.deleted_at.is_(None),
                    # The phone's own numbers too: two requests' clocks are put right apart, and may cross.
                    or_(UploadRecordRow.at <= row.at, UploadRecordRow.seq < row.seq),
                    or_(*gone),
                )
                .values(deleted_at=row.at, deleted_by=row.id)
                .returning(UploadRecordRow.id)
            )
            row.marked = len(marked.all())
        await session.flush()

    async def _tell(self, session: AsyncSession, row: UploadEventRow, event: UploadedEvent) -> None:
        subject = row.key
        if event.kind is EventKind.SIM_CALL_OUTSIDE_GATEWAY and len(event.records) == 1:
            subject = self._intake.key(row.device_id, event.records[0])  # the call log tells the same deed
        row.conduct_id = await self._sink.seen(
            session,
            DeviceConduct(
                row.kind,
                subject,
                row.at,
                row.device_id,
                row.employee_id,
                row.department_id,
                row.customer_id,
            ),
        )
        self._register.remember(session, row.device_id, "conduct", event=row.id, conduct=row.kind.value)
        await session.flush()


def _money(event: UploadedEvent) -> tuple[int | None, bool | None]:
    """Read what was stated of an amount and its direction; the edge has checked what an event may carry."""
    evidence = event.original.get("evidence")
    if not isinstance(evidence, Mapping):
        return None, None
    amount, outgoing = evidence.get("amount_fen"), evidence.get("outgoing")
    return (
        amount if isinstance(amount, int) else None,
        outgoing if isinstance(outgoing, bool) else None,
    )
