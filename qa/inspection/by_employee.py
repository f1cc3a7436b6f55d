"""Quality for each employee within a principal's scope: how good, what was found, what is still open."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.db import Database
from qa.alerts import reach
from qa.inspection.model import AlertState, Band
from qa.inspection.models import AlertRow, FindingRow, InspectionRow
from qa.permissions import ALERT_READ, INSPECTION_READ

CALL = "call"
MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class EmployeeQuality:
    """One person's inspected calls, or days of threads, of a span. `score` is None where none has one.

    `category` is where most points were lost, `worst` the contact of the call with the lowest score, if that
    score was not full.
    """

    scored: int = 0
    score: float | None = None
    flagged: int = 0
    severe: int = 0
    category: str | None = None
    worst: str | None = None
    worst_score: int | None = None


class QualityByEmployee:
    """Counts; what was said stays with `InspectionReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(
        self, principal: Principal, since: datetime, until: datetime, *, channel: str = CALL
    ) -> dict[str, EmployeeQuality]:
        """Sum up what was inspected and started from `since` to before `until`, by employee.

        `channel`: calls (`call`) or days of threads (`message`).
        """
        row = InspectionRow
        within = and_(
            scope_clause(principal, INSPECTION_READ, owner=row.employee_id, department=row.department_id),
            row.channel == channel,
            row.score.is_not(None),
            row.contact_started_at >= since,
            row.contact_started_at < until,
        )
        async with self._database.read() as session:
            categories = await _categories(session, within)
            worst = await _worst(session, within)
            counted = await session.execute(
                select(
                    row.employee_id,
                    func.count(),
                    func.avg(row.score),
                    func.count().filter(row.band == Band.FLAG),
                    func.sum(row.severe_count),
                )
                .where(within)
                .group_by(row.employee_id)
            )
            return {
                employee_id: EmployeeQuality(
                    scored,
                    float(score),
                    flagged,
                    int(severe or 0),
                    categories.get(employee_id),
                    *worst.get(employee_id, (None, None)),
                )
                for employee_id, scored, score, flagged, severe in counted
            }

    async def open_alerts(self, principal: Principal) -> dict[str, int]:
        """Count the alerts that nobody has closed, by employee, whenever they were raised."""
        async with self._database.read() as session:
            counted = await session.execute(
                select(AlertRow.employee_id, func.count())
                .where(reach(principal, ALERT_READ), AlertRow.state != AlertState.CLOSED, ~AlertRow.gathered)
                .group_by(AlertRow.employee_id)
            )
            return {employee_id: count for employee_id, count in counted if employee_id is not None}


async def _categories(session: AsyncSession, within: ColumnElement[bool]) -> dict[str, str]:
    """Give for each employee the category that cost most points."""
    lost = func.sum(FindingRow.deduction)
    rows = await session.execute(
        select(InspectionRow.employee_id, FindingRow.category)
        .join(FindingRow, FindingRow.inspection_id == InspectionRow.id)
        .where(within, FindingRow.deduction > 0)
        .group_by(InspectionRow.employee_id, FindingRow.category)
        .order_by(lost, FindingRow.category.desc())
    )
    dearest_last = rows.all()
    return dict(dearest_last)


async def _worst(session: AsyncSession, within: ColumnElement[bool]) -> dict[str, tuple[str, int]]:
    """Give for each employee the contact with the lowest score below 100, the newest of equals."""
    place = func.row_number().over(
        partition_by=InspectionRow.employee_id,
        order_by=(InspectionRow.score, InspectionRow.severe_count.desc(), InspectionRow.id.desc()),
    )
    ranked = (
        select(InspectionRow.employee_id, InspectionRow.contact_id, InspectionRow.score, place.label("place"))
        .where(within, InspectionRow.score < 100)
        .subquery()
    )
    rows = await session.execute(
        select(ranked.c.employee_id, ranked.c.contact_id, ranked.c.score).where(ranked.c.place == 1)
    )
    return {employee_id: (contact_id, score) for employee_id, contact_id, score in rows}
