"""Reads uploads within the reader's scope: masked, and without what was written. Closes conduct events."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.ledger import Ledger
from core.masking import mask_name, mask_number
from core.sealed import Field
from core.vault import Cipher, SubjectKeys, Vault
from core.web.paging import paginate
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.devices.models import DeviceRow
from devicepolicy.uploads import conduct, recordings, records
from devicepolicy.uploads.errors import EventHandled, UploadNotFound
from devicepolicy.uploads.model import EventKind, RecordKind
from devicepolicy.uploads.models import UploadEventRow, UploadRecordingRow, UploadRecordRow

Row = TypeVar("Row", UploadRecordRow, UploadEventRow, UploadRecordingRow)
_TABLES: Mapping[type, str] = {
    UploadRecordRow: records.TABLE,
    UploadEventRow: conduct.TABLE,
    UploadRecordingRow: recordings.TABLE,
}
_SHOWN = ("app", "members", "amount_fen", "outgoing", "sim")
"""Of an event's evidence: what names nobody."""


@dataclass(frozen=True, slots=True)
class Line:
    """An upload and what of its content may be shown."""

    row: Any = field(repr=False)
    counterpart: str
    evidence: Mapping[str, Any]


class UploadQueries:
    """What people read of uploads, and what they do about events."""

    def __init__(
        self, database: Database, clock: Clock, *, vault: Vault, subject_keys: SubjectKeys, ledger: Ledger
    ) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._keys = subject_keys
        self._ledger = ledger

    async def records(
        self,
        principal: Principal,
        device_id: str,
        *,
        kind: RecordKind | None = None,
        customer_id: str | None = None,
        deleted: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Line], str | None]:
        """List a phone's records, newest first; raise `DeviceNotFound` if it is out of reach."""
        query = select(UploadRecordRow).where(UploadRecordRow.device_id == device_id)
        if kind is not None:
            query = query.where(UploadRecordRow.kind == kind)
        if customer_id is not None:
            query = query.where(UploadRecordRow.customer_id == customer_id)
        if deleted is not None:
            gone = UploadRecordRow.deleted_at
            query = query.where(gone.is_not(None) if deleted else gone.is_(None))
        return await self._page(principal, device_id, UploadRecordRow, query, cursor, limit)

    async def events(
        self,
        principal: Principal,
        device_id: str,
        *,
        kind: EventKind | None = None,
        handled: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Line], str | None]:
        """List a phone's conduct events, newest first; raise `DeviceNotFound`."""
        query = select(UploadEventRow).where(UploadEventRow.device_id == device_id)
        return await self._page(
            principal, device_id, UploadEventRow, _narrow(query, kind, handled), cursor, limit
        )

    async def all_events(
        self,
        principal: Principal,
        *,
        kind: EventKind | None = None,
        handled: bool | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Line], str | None]:
        """List the conduct events of all phones within reach, newest first."""
        query = _narrow(select(UploadEventRow).where(_reach(principal, UploadEventRow)), kind, handled)
        async with self._db.read() as session:
            rows, following = await paginate(
                session, query, key=UploadEventRow.id, cursor=cursor, limit=limit
            )
            return await self._lines(session, rows), following

    async def recordings(
        self, principal: Principal, device_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[Line], str | None]:
        """List a phone's recordings, newest first; raise `DeviceNotFound`."""
        query = select(UploadRecordingRow).where(UploadRecordingRow.device_id == device_id)
        return await self._page(principal, device_id, UploadRecordingRow, query, cursor, limit)

    async def handle(self, principal: Principal, event_id: str, note: str) -> Line:
        """Say that an event is dealt with. Raises `UploadNotFound`, `EventHandled`."""
        async with self._db.begin() as session:
            reach = scope_clause(
                principal,
                permissions.CONDUCT_HANDLE,
                owner=UploadEventRow.employee_id,
                department=UploadEventRow.department_id,
            )
            query = select(UploadEventRow).where(UploadEventRow.id == event_id, reach).with_for_update()
            row = await session.scalar(query.execution_options(populate_existing=True))
            if row is None:
                raise UploadNotFound
            if row.handled_at is not None:
                raise EventHandled
            row.handled_at, row.handled_by = self._clock.now(), principal.employee_id
            row.note = self._vault.cipher().seal(Field(conduct.TABLE, "note", row.id), note)
            await session.flush()
            body = {"event": row.id, "by": principal.employee_id}
            await self._ledger.append(session, "upload.event-handled", body)
            return (await self._lines(session, [row]))[0]

    async def _page(
        self,
        principal: Principal,
        device_id: str,
        table: type[Row],
        query: Select[Row],
        cursor: str | None,
        limit: int,
    ) -> tuple[list[Line], str | None]:
        """A phone that changed hands: each record is for whom its own employee's records are."""
        async with self._db.read() as session:
            reach = _reach(principal, DeviceRow)
            if await session.scalar(select(DeviceRow.id).where(DeviceRow.id == device_id, reach)) is None:
                raise DeviceNotFound
            narrowed = query.where(_reach(principal, table))
            rows, following = await paginate(session, narrowed, key=table.id, cursor=cursor, limit=limit)
            return await self._lines(session, rows), following

    async def _lines(self, session: AsyncSession, rows: Sequence[Any]) -> list[Line]:
        customers = {row.customer_id for row in rows if row.customer_id is not None}
        ciphers = await self._keys.ciphers(session, customers)
        return [self._line(row, ciphers) for row in rows]

    def _line(self, row: Any, ciphers: Mapping[str, Cipher]) -> Line:
        place = Field(_TABLES[type(row)], "body", row.id)
        if row.customer_id is None:
            opened = self._vault.open(place, row.body)
        elif row.customer_id in ciphers:
            opened = ciphers[row.customer_id].open(place, row.body)
        else:
            return Line(row, "", {})
        body: dict[str, Any] = json.loads(opened)
        said = body.get("evidence", body)
        evidence = {name: said[name] for name in _SHOWN if said.get(name) is not None}
        return Line(row, _masked(said), evidence)


def _masked(said: Mapping[str, Any]) -> str:
    """Mask whoever is at the other end: a number by its rule, an app's name as a person's."""
    name = said.get("number") or said.get("counterpart") or said.get("contact")
    if not name:
        return ""
    digits = sum(character.isdigit() for character in str(name))
    return mask_number(str(name)) if digits >= 5 else mask_name(str(name))


def _reach(principal: Principal, table: Any) -> ColumnElement[bool]:
    return scope_clause(
        principal, permissions.UPLOAD_READ, owner=table.employee_id, department=table.department_id
    )


def _narrow(
    query: Select[UploadEventRow], kind: EventKind | None, handled: bool | None
) -> Select[UploadEventRow]:
    if kind is not None:
        query = query.where(UploadEventRow.kind == kind)
    if handled is not None:
        done = UploadEventRow.handled_at
        query = query.where(done.is_not(None) if handled else done.is_(None))
    return query
