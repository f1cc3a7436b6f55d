"""Conduct events of all phones: found within the reader's reach, handled with a note, opened again."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal, Scope
from core.access.models import Employee
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from core.sealed import Field
from core.vault import SubjectErased, SubjectKeys, SubjectUnknown, Vault
from core.web.paging import paginate
from devicepolicy import permissions
from devicepolicy.uploads.errors import EventHandled, EventOpen, OwnConduct, UploadNotFound
from devicepolicy.uploads.lines import Line, Lines
from devicepolicy.uploads.model import ConductActKind, EventKind, MoneyDirection, Severity
from devicepolicy.uploads.models import ConductActRow, UploadEventRow, UploadRecordRow
from devicepolicy.uploads.queries import uploads_within

TABLE = ConductActRow.__tablename__
RECORDS_SHOWN = 50
MAX_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted; None means any. `until` is not included."""

    kind: EventKind | None = None
    severity: Severity | None = None
    handled: bool | None = None
    device_id: str | None = None
    employee_id: str | None = None
    department_ids: Collection[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    direction: MoneyDirection | None = None
    once: bool = False
    """Leave out what contradicts an earlier event of the same id: an amount is not counted twice."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did about an event. `note` is empty where the reader may not read it."""

    kind: ConductActKind
    at: datetime
    by: str
    name: str
    batch_id: str
    ledger_seq: int
    note: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class EventDetail:
    """One event: what was done about it, and the records that it says are gone from the phone."""

    line: Line
    acts: tuple[Act, ...]
    records: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """What was done in one go; `left` are events that needed nothing: somebody had been there before."""

    id: str
    event_ids: tuple[str, ...]
    left: tuple[str, ...] = ()


class ConductDesk:
    """Lists and handles. `cover` takes contact data out of a note before it is kept."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        vault: Vault,
        subject_keys: SubjectKeys,
        ledger: Ledger,
        lines: Lines,
        cover: Callable[[str], str],
    ) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._keys = subject_keys
        self._ledger = ledger
        self._lines = lines
        self._cover = cover

    async def find(
        self, principal: Principal, wanted: EventFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[Line], str | None]:
        """List events within reach, the last to arrive first."""
        query = select(UploadEventRow).where(_reach(principal, permissions.UPLOAD_READ), *_conditions(wanted))
        async with self._db.read() as session:
            rows, following = await paginate(
                session, query, key=UploadEventRow.id, cursor=cursor, limit=limit
            )
            return await self._lines.of(session, rows), following

    async def count(self, principal: Principal, wanted: EventFilter) -> int:
        """Count them."""
        query = select(func.count()).select_from(UploadEventRow)
        query = query.where(_reach(principal, permissions.UPLOAD_READ), *_conditions(wanted))
        async with self._db.read() as session:
            return await session.scalar(query) or 0

    async def one(self, principal: Principal, event_id: str) -> EventDetail:
        """Give an event with all that belongs to it. Raises `UploadNotFound`.

        What a supervisor notes about somebody is not for that somebody.
        """
        async with self._db.read() as session:
            reach = _reach(principal, permissions.UPLOAD_READ)
            row = await session.scalar(select(UploadEventRow).where(UploadEventRow.id == event_id, reach))
            if row is None:
                raise UploadNotFound
            query = select(UploadRecordRow).where(
                UploadRecordRow.deleted_by == row.id, uploads_within(principal, UploadRecordRow)
            )
            gone = await session.scalars(query.order_by(UploadRecordRow.at.desc()).limit(RECORDS_SHOWN))
            done = select(ConductActRow).where(ConductActRow.event_id == row.id).order_by(ConductActRow.id)
            reads = (
                principal.scope(permissions.UPLOAD_READ) is not Scope.OWN
                and row.employee_id != principal.employee_id
            )
            done_by = done.add_columns(Employee.display_name).outerjoin(
                Employee, Employee.id == ConductActRow.by
            )
            found = (await session.execute(done_by)).all()
            acts = [await self._act(session, act, name or "", reads=reads) for act, name in found]
            (line,) = await self._lines.of(session, [row])
            return EventDetail(line, tuple(acts), tuple(await self._lines.of(session, list(gone))))

    async def by_conduct(self, principal: Principal, conduct_ids: Collection[str]) -> dict[str, str]:
        """Give the events that were told as these, as far as they are within reach."""
        query = select(UploadEventRow.conduct_id, UploadEventRow.id).where(
            UploadEventRow.conduct_id.in_(conduct_ids), _reach(principal, permissions.UPLOAD_READ)
        )
        async with self._db.read() as session:
            found = await session.execute(query.order_by(UploadEventRow.id.desc()))
            return {told: event_id for told, event_id in found if told is not None}

    async def handle(self, principal: Principal, event_ids: Collection[str], note: str) -> Batch:
        """Say that events are dealt with: all that are open, in one go.

        Raises:
            UploadNotFound: one of them is out of reach; nothing is written.
            OwnConduct: one of them is about the principal; nothing is written.
            EventHandled: all of them are handled already.
        """
        async with self._db.begin() as session:
            rows = await self._locked(session, principal, event_ids)
            still = [row for row in rows if row.handled_at is None]
            if not still:
                raise EventHandled
            batch = Batch(
                new_id(),
                tuple(row.id for row in still),
                tuple(row.id for row in rows if row.handled_at is not None),
            )
            now = self._clock.now()
            for row in still:
                row.handled_at, row.handled_by, row.handled_in = now, principal.employee_id, batch.id
            await self._write(session, "conduct.handled", principal, batch.id, still, note)
            return batch

    async def note(self, principal: Principal, event_id: str, note: str) -> None:
        """Write something down about an event, open or handled. Raises `UploadNotFound`, `OwnConduct`."""
        async with self._db.begin() as session:
            rows = await self._locked(session, principal, [event_id])
            await self._write(session, "conduct.noted", principal, new_id(), rows, note)

    async def reopen(self, principal: Principal, event_id: str, note: str) -> Batch:
        """Open an event again. Raises `UploadNotFound`, `OwnConduct`, `EventOpen`."""
        async with self._db.begin() as session:
            rows = await self._locked(session, principal, [event_id])
            return await self._reopen(session, principal, rows, note)

    async def undo(self, principal: Principal, batch_id: str) -> Batch:
        """Take back what was handled in one go, as far as nobody has handled it anew.

        Raises as `reopen`; somebody else's batch and one that never was are told alike.
        """
        async with self._db.begin() as session:
            query = select(ConductActRow.event_id).where(ConductActRow.batch_id == batch_id)
            found = list(await session.scalars(query))
            rows = await self._locked(session, principal, found)
            return await self._reopen(
                session, principal, [row for row in rows if row.handled_in == batch_id], ""
            )

    async def _reopen(
        self, session: AsyncSession, principal: Principal, rows: Sequence[UploadEventRow], note: str
    ) -> Batch:
        handled = [row for row in rows if row.handled_at is not None]
        if not handled:
            raise EventOpen
        for row in handled:
            row.handled_at = row.handled_by = row.handled_in = None
        batch = Batch(new_id(), tuple(row.id for row in handled))
        await self._write(session, "conduct.reopened", principal, batch.id, handled, note)
        return batch

    async def _locked(
        self, session: AsyncSession, principal: Principal, event_ids: Collection[str]
    ) -> list[UploadEventRow]:
        wanted = set(event_ids)
        query = select(UploadEventRow).where(
            UploadEventRow.id.in_(wanted), _reach(principal, permissions.CONDUCT_HANDLE)
        )
        locking = query.order_by(UploadEventRow.id).with_for_update()
        rows = list(await session.scalars(locking.execution_options(populate_existing=True)))
        if not rows or len(rows) < len(wanted):
            raise UploadNotFound
        if any(row.employee_id == principal.employee_id for row in rows):
            raise OwnConduct
        return rows

    async def _write(
        self,
        session: AsyncSession,
        entry_kind: str,
        principal: Principal,
        batch_id: str,
        rows: Sequence[UploadEventRow],
        note: str,
    ) -> None:
        """Append the acts, and tell the ledger that they happened; what was noted it never hears."""
        text = self._cover(note.strip())
        events: list[JSON] = [row.id for row in rows]
        body: dict[str, JSON] = {"batch": batch_id, "by": principal.employee_id, "events": events}
        entry = await self._ledger.append(session, entry_kind, body)
        for row in rows:
            act = ConductActRow(
                id=new_id(),
                event_id=row.id,
                batch_id=batch_id,
                kind=ConductActKind(entry_kind.removeprefix("conduct.")),
                at=self._clock.now(),
                by=principal.employee_id,
                ledger_seq=entry.seq,
            )
            if text:
                await self._seal(session, act, row, text)
            session.add(act)
        await session.flush()

    async def _seal(self, session: AsyncSession, act: ConductActRow, row: UploadEventRow, text: str) -> None:
        cipher = self._vault.cipher()
        if row.customer_id is not None:
            try:
                cipher = await self._keys.cipher(session, row.customer_id)
                act.customer_id = row.customer_id
            except (SubjectErased, SubjectUnknown):
                pass
        act.note = cipher.seal(Field(TABLE, "note", act.id), text)

    async def _act(self, session: AsyncSession, act: ConductActRow, name: str, *, reads: bool) -> Act:
        note = ""
        if reads and act.note is not None:
            place = Field(TABLE, "note", act.id)
            if act.customer_id is None:
                note = self._vault.open_text(place, act.note)
            else:
                ciphers = await self._keys.ciphers(session, {act.customer_id})
                cipher = ciphers.get(act.customer_id)
                note = cipher.open_text(place, act.note) if cipher else ""
        return Act(act.kind, act.at, act.by, name, act.batch_id, act.ledger_seq, note)


def _reach(principal: Principal, permission: str) -> ColumnElement[bool]:
    row = UploadEventRow
    return scope_clause(principal, permission, owner=row.employee_id, department=row.department_id)


def _conditions(wanted: EventFilter) -> list[ColumnElement[bool]]:
    row = UploadEventRow
    found: list[ColumnElement[bool]] = []
    if wanted.handled is not None:
        found.append(row.handled_at.is_not(None) if wanted.handled else row.handled_at.is_(None))
    if wanted.department_ids is not None:
        found.append(row.department_id.in_(wanted.department_ids))
    if wanted.since is not None:
        found.append(row.at >= wanted.since)
    if wanted.until is not None:
        found.append(row.at < wanted.until)
    if wanted.direction is not None:
        found.append(_went(wanted.direction))
    if wanted.once:
        found.append(row.contradicts.is_(None))
    same = (
        (row.kind, wanted.kind),
        (row.severity, wanted.severity),
        (row.device_id, wanted.device_id),
        (row.employee_id, wanted.employee_id),
    )
    return found + [column == value for column, value in same if value is not None]


def _went(direction: MoneyDirection) -> ColumnElement[bool]:
    if direction is MoneyDirection.UNSTATED:
        return UploadEventRow.outgoing.is_(None)
    return UploadEventRow.outgoing.is_(direction is MoneyDirection.SENT)
