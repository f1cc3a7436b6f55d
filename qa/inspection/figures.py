"""Counts and looks up inspections within a principal's scope, for lists and overviews of others."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, Select, String, and_, exists, func, or_, select, type_coerce

from core.access.model import Principal
from core.access.scope import scope_clause
from core.db import Database
from qa.alerts import reach
from qa.inspection.model import AlertState, Band, State
from qa.inspection.models import AlertRow, FindingRow, InspectionRow
from qa.inspection.views import InspectionSummary
from qa.lexicon.model import Severity
from qa.permissions import ALERT_READ, INSPECTION_READ


@dataclass(frozen=True, slots=True)
class InspectionCounts:
    """Inspections of contacts that started in a span. `inspected`: those whose recording was read."""

    inspected: int
    under_way: int
    failed: int
    bands: dict[Band, int]


class InspectionFigures:
    """Counts; what was said stays with `InspectionReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(
        self, principal: Principal, since: datetime, until: datetime, *, channel: str | None = None
    ) -> InspectionCounts:
        """Count the inspections of contacts that started from `since` to before `until`.

        `channel`: only those of calls (`call`) or of days of threads (`message`).
        """
        row = InspectionRow
        within = and_(_seen(principal), row.contact_started_at >= since, row.contact_started_at < until)
        if channel is not None:
            within = and_(within, row.channel == channel)
        read = and_(row.state == State.DONE, or_(row.nothing.is_(None), row.nothing != "no-recording"))
        bands = [func.count().filter(row.band == band) for band in Band]
        async with self._database.read() as session:
            counted = (
                await session.execute(
                    select(
                        func.count().filter(read),
                        func.count().filter(row.state.in_([State.WAITING, State.RUNNING])),
                        func.count().filter(row.state == State.FAILED),
                        *bands,
                    )
                    .select_from(row)
                    .where(within)
                )
            ).one()
        return InspectionCounts(*counted[:3], bands=dict(zip(Band, counted[3:], strict=True)))

    async def of_contacts(
        self, principal: Principal, contact_ids: Collection[str]
    ) -> dict[str, InspectionSummary]:
        """Give the inspections of these calls by contact."""
        async with self._database.read() as session:
            rows = await session.scalars(
                select(InspectionRow).where(_seen(principal), InspectionRow.contact_id.in_(contact_ids))
            )
            names = [item.name for item in fields(InspectionSummary)]
            return {
                row.contact_id: InspectionSummary(**{n: getattr(row, n) for n in names})
                for row in rows
                if row.contact_id is not None
            }

    async def last_engine(self) -> str | None:
        """Name the speech engine and model that read the latest recording; None before the first."""
        query = (
            select(InspectionRow.engine)
            .where(InspectionRow.engine.is_not(None))
            .order_by(InspectionRow.id.desc())
            .limit(1)
        )
        async with self._database.read() as session:
            return await session.scalar(query)

    async def open_alerts(self, principal: Principal) -> dict[Severity, int]:
        """Count the alerts that nobody has closed; the most severe first."""
        async with self._database.read() as session:
            counted = await session.execute(
                select(AlertRow.severity, func.count())
                .where(reach(principal, ALERT_READ), AlertRow.state != AlertState.CLOSED, ~AlertRow.gathered)
                .group_by(AlertRow.severity)
            )
            found = {Severity(name): count for name, count in counted}
        return {severity: found[severity] for severity in Severity if severity in found}

    def contacts_with(
        self, principal: Principal, *, band: Band | None = None, category: str | None = None
    ) -> Select[str]:
        """Select the calls' contacts whose inspection has this band and a finding of this category."""
        contact = type_coerce(InspectionRow.contact_id, String)
        query: Select[str] = select(contact).where(_seen(principal), InspectionRow.contact_id.is_not(None))
        if band is not None:
            query = query.where(InspectionRow.band == band)
        if category is not None:
            hit = and_(FindingRow.inspection_id == InspectionRow.id, FindingRow.category == category)
            query = query.where(exists().where(hit))
        return query


def _seen(principal: Principal) -> ColumnElement[bool]:
    return scope_clause(
        principal, INSPECTION_READ, owner=InspectionRow.employee_id, department=InspectionRow.department_id
    )
