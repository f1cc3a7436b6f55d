"""Earlier imports: their reports, within a principal's scope."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.db import Database
from core.sheets.faults import RowRefusal
from core.web.paging import paginate
from gateway import permissions
from gateway.customers.importing.errors import ImportUnknown
from gateway.customers.importing.models import ImportRow
from gateway.customers.importing.report import ImportMode, ImportReport


@dataclass(frozen=True, slots=True)
class PastImport:
    """An import, who made it and when, and its report. `owner_id`: who got the rows that name nobody."""

    at: datetime
    by: str
    owner_id: str | None
    report: ImportReport


def keep(
    session: AsyncSession, principal: Principal, report: ImportReport, owner_id: str | None, at: datetime
) -> None:
    """Write a report down in the caller's transaction."""
    session.add(
        ImportRow(
            id=report.import_id,
            at=at,
            by=principal.employee_id,
            department_id=principal.department_id,
            owner_id=owner_id,
            mode=report.mode.value,
            dry_run=report.dry_run,
            rows_read=report.rows_read,
            good=report.good,
            written=report.written,
            refusals=[asdict(refused) for refused in report.refusals],
            ignored_columns=list(report.ignored_columns),
        )
    )


class ImportHistory:
    """Reads what imports left behind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, principal: Principal, import_id: str) -> PastImport:
        """Give one import; raise `ImportUnknown`."""
        async with self._database.read() as session:
            row = await session.scalar(
                select(ImportRow).where(ImportRow.id == import_id, _seen_by(principal))
            )
        if row is None:
            raise ImportUnknown
        return _past(row)

    async def page(
        self, principal: Principal, *, cursor: str | None = None, limit: int = 20
    ) -> tuple[Sequence[PastImport], str | None]:
        """List imports, newest first."""
        query = select(ImportRow).where(_seen_by(principal))
        async with self._database.read() as session:
            rows, following = await paginate(session, query, key=ImportRow.id, cursor=cursor, limit=limit)
        return [_past(row) for row in rows], following


def _seen_by(principal: Principal) -> ColumnElement[bool]:
    return scope_clause(
        principal, permissions.CUSTOMER_IMPORT, owner=ImportRow.by, department=ImportRow.department_id
    )


def _past(row: ImportRow) -> PastImport:
    report = ImportReport(
        import_id=row.id,
        dry_run=row.dry_run,
        mode=ImportMode(row.mode),
        rows_read=row.rows_read,
        good=row.good,
        written=row.written,
        refusals=tuple(RowRefusal(**refused) for refused in row.refusals),
        ignored_columns=tuple(row.ignored_columns),
    )
    return PastImport(row.at, row.by, row.owner_id, report)
