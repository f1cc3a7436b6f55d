"""Counts inspections by category and score for charts, with the very filters of the reviewers' list."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select

from core.access.model import Principal
from core.db import Database
from qa.inspection.model import State
from qa.inspection.models import FindingRow, InspectionRow
from qa.lexicon.model import Severity
from qa.permissions import INSPECTION_READ
from qa.review import queue
from qa.review.queue import ReviewFilter, Rows


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """Inspections with at least one finding of a category, and those with a severe one."""

    category: str
    inspections: int
    severe: int


@dataclass(frozen=True, slots=True)
class Unfinished:
    """Inspections that the list does not show: under way, failed, or with nothing to inspect."""

    under_way: int
    failed: int
    nothing: int


class QualityAnalysis:
    """Counts; what was said stays with `InspectionReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def categories(self, principal: Principal, wanted: ReviewFilter) -> list[CategoryCount]:
        """Count by category, the most frequent first; as many as the list shows for that category."""
        chosen = _ids(queue.scoped(queue.reviews(principal), wanted))
        count = func.count(FindingRow.inspection_id.distinct()).label("inspections")
        severe = case((FindingRow.severity == Severity.SEVERE, FindingRow.inspection_id))
        query = (
            select(FindingRow.category, count, func.count(severe.distinct()))
            .where(FindingRow.inspection_id.in_(chosen))
            .group_by(FindingRow.category)
            .order_by(count.desc(), FindingRow.category)
        )
        async with self._database.read() as session:
            return [CategoryCount(*row) for row in await session.execute(query)]

    async def scores(self, principal: Principal, wanted: ReviewFilter, floors: Sequence[int]) -> list[int]:
        """Count by the score in force; the class at `floors[i]` ends before `floors[i + 1]`."""
        chosen = queue.scoped(queue.reviews(principal), wanted)
        number = case(*((queue.score_in_force >= floor, at) for at, floor in reversed([*enumerate(floors)])))
        rows = chosen.with_only_columns(number.label("number")).subquery()
        query = select(rows.c.number, func.count()).group_by(rows.c.number)
        async with self._database.read() as session:
            found = {at: count for at, count in await session.execute(query) if at is not None}
        return [found.get(at, 0) for at in range(len(floors))]

    async def unfinished(self, principal: Principal, wanted: ReviewFilter) -> Unfinished:
        """Count what was not inspected."""
        row = InspectionRow
        every = select(row).where(queue.reached(principal, INSPECTION_READ))
        query = queue.scoped(every, wanted).with_only_columns(
            func.count().filter(row.state.in_([State.WAITING, State.RUNNING])),
            func.count().filter(row.state == State.FAILED),
            func.count().filter(row.state == State.DONE, row.nothing.is_not(None)),
        )
        async with self._database.read() as session:
            return Unfinished(*(await session.execute(query)).one())


def _ids(query: Rows) -> Rows:
    return query.with_only_columns(InspectionRow.id)
