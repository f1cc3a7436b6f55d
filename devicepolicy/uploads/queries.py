"""Reads what one phone handed in, within the reader's scope: masked, and without what was written."""

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, select

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


def uploads_within(principal: Principal, table: Any) -> ColumnElement[bool]:
    """Say which rows of a table of uploads (or of phones) a reader may see."""
    return scope_clause(
        principal, permissions.UPLOAD_READ, owner=table.employee_id, department=table.department_id
    )
