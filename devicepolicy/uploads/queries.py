"""Reads what one phone handed in, within the reader's scope: masked, and without what was written."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.db import Database
from core.web.paging import paginate
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.devices.models import DeviceRow
from devicepolicy.uploads.lines import Line, Lines
from devicepolicy.uploads.model import RecordKind
from devicepolicy.uploads.models import UploadEventRow, UploadGapRow, UploadRecordingRow, UploadRecordRow

GAPS = 500
Row = TypeVar("Row", UploadRecordRow, UploadEventRow, UploadRecordingRow)


@dataclass(frozen=True, slots=True)
class MissingFilter:
    """Which gaps are wanted; None means any. `open`: what is missing still, not what came late."""

    open: bool | None = None
    device_id: str | None = None
    department_ids: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class MissingLine:
    """Numbers that did not come, and whose phone it is.

    `after` and `before` are when the last thing before and the first after the gap happened: what is missing
    happened between them. None: nothing is kept on that side.
    """

    row: UploadGapRow
    employee_id: str | None
    department_id: str | None
    after: datetime | None
    before: datetime | None

    @property
    def count(self) -> int:
        return self.row.last - self.row.first + 1


class UploadQueries:
    """What people read of one phone's uploads."""

    def __init__(self, database: Database, lines: Lines) -> None:
        self._db = database
        self._lines = lines

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

    async def recordings(
        self, principal: Principal, device_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[Line], str | None]:
        """List a phone's recordings, newest first; raise `DeviceNotFound`."""
        query = select(UploadRecordingRow).where(UploadRecordingRow.device_id == device_id)
        return await self._page(principal, device_id, UploadRecordingRow, query, cursor, limit)

    async def gaps(self, principal: Principal, device_id: str) -> list[UploadGapRow]:
        """List the numbers that are missing of a phone's uploads, lowest first; raise `DeviceNotFound`."""
        await self.require(principal, device_id)
        query = select(UploadGapRow).where(UploadGapRow.device_id == device_id)
        async with self._db.read() as session:
            return list(
                await session.scalars(query.order_by(UploadGapRow.first, UploadGapRow.id).limit(GAPS))
            )

    async def missing(
        self, principal: Principal, wanted: MissingFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[MissingLine], str | None]:
        """List the gaps of all phones within reach, the newest first."""
        query = select(UploadGapRow).join(DeviceRow, DeviceRow.id == UploadGapRow.device_id)
        query = query.where(*_missing(principal, wanted))
        async with self._db.read() as session:
            rows, following = await paginate(session, query, key=UploadGapRow.id, cursor=cursor, limit=limit)
            ids = {row.device_id for row in rows}
            whose = select(DeviceRow.id, DeviceRow.employee_id, DeviceRow.department_id)
            found = await session.execute(whose.where(DeviceRow.id.in_(ids)))
            holders = {device_id: (employee, department) for device_id, employee, department in found}
            edges = await _edges(session, rows)
        lines = [
            MissingLine(
                row,
                *holders[row.device_id],
                edges.get((row.device_id, row.first - 1)),
                edges.get((row.device_id, row.last + 1)),
            )
            for row in rows
        ]
        return lines, following

    async def count_missing(self, principal: Principal, wanted: MissingFilter) -> int:
        """Count the gaps of all phones within reach."""
        query = select(func.count()).select_from(UploadGapRow)
        query = query.join(DeviceRow, DeviceRow.id == UploadGapRow.device_id)
        async with self._db.read() as session:
            return await session.scalar(query.where(*_missing(principal, wanted))) or 0

    async def missing_by_conduct(self, principal: Principal, conduct_ids: Collection[str]) -> dict[str, str]:
        """Say of which phone the gaps are that were told as these."""
        query = select(UploadGapRow.conduct_id, UploadGapRow.device_id)
        query = query.join(DeviceRow, DeviceRow.id == UploadGapRow.device_id).where(
            UploadGapRow.conduct_id.in_(conduct_ids), uploads_within(principal, DeviceRow)
        )
        async with self._db.read() as session:
            return {told: device_id for told, device_id in await session.execute(query) if told is not None}

    async def require(self, principal: Principal, device_id: str) -> None:
        """Raise `DeviceNotFound` unless the reader may see what this phone handed in."""
        reach = uploads_within(principal, DeviceRow)
        async with self._db.read() as session:
            if await session.scalar(select(DeviceRow.id).where(DeviceRow.id == device_id, reach)) is None:
                raise DeviceNotFound

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
        await self.require(principal, device_id)
        async with self._db.read() as session:
            narrowed = query.where(uploads_within(principal, table))
            rows, following = await paginate(session, narrowed, key=table.id, cursor=cursor, limit=limit)
            return await self._lines.of(session, rows), following


def _missing(principal: Principal, wanted: MissingFilter) -> list[ColumnElement[bool]]:
    found = [uploads_within(principal, DeviceRow)]
    if wanted.open is not None:
        filled = UploadGapRow.filled_at
        found.append(filled.is_(None) if wanted.open else filled.is_not(None))
    if wanted.device_id is not None:
        found.append(UploadGapRow.device_id == wanted.device_id)
    if wanted.department_ids is not None:
        found.append(DeviceRow.department_id.in_(wanted.department_ids))
    return found


async def _edges(session: AsyncSession, gaps: Collection[UploadGapRow]) -> Mapping[tuple[str, int], datetime]:
    """Give when happened what stands right before and right after gaps."""
    if not gaps:
        return {}
    places = {(gap.device_id, number) for gap in gaps for number in (gap.first - 1, gap.last + 1)}
    found: dict[tuple[str, int], datetime] = {}
    for table in (UploadRecordRow, UploadEventRow):
        near = or_(*((table.device_id == device) & (table.seq == number) for device, number in places))
        rows = await session.execute(select(table.device_id, table.seq, table.at).where(near))
        found |= {(device, number): at for device, number, at in rows}
    return found


def uploads_within(principal: Principal, table: Any) -> ColumnElement[bool]:
    """Say which rows of a table of uploads (or of phones) a reader may see."""
    return scope_clause(
        principal, permissions.UPLOAD_READ, owner=table.employee_id, department=table.department_id
    )
