"""What quality assurance found in an employee's own contacts: scores by day, findings by category."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core.access.model import Principal
from core.db import Database
from qa.inspection.model import Band, State
from qa.inspection.models import FindingRow, InspectionRow
from qa.permissions import INSPECTION_READ


@dataclass(frozen=True, slots=True)
class DayOfScores:
    """The inspections of one day's contacts: how many were scored, their mean, how many in each band."""

    day: date
    scored: int
    mean: float
    bands: dict[Band, int]


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A category, how often it was found, and in how many contacts."""

    category: str
    findings: int
    contacts: int


@dataclass(frozen=True, slots=True)
class OwnQuality:
    """`inspected` counts calls whose recording was read, scored or not; scores are of days of threads too."""

    inspected: int
    days: dict[date, DayOfScores]
    categories: tuple[CategoryCount, ...]


async def own_quality(
    database: Database, principal: Principal, since: datetime, until: datetime, zone: ZoneInfo
) -> OwnQuality:
    """Read the principal's own inspections of contacts from `since` to before `until`."""
    principal.require(INSPECTION_READ)
    row = InspectionRow
    mine = (
        row.employee_id == principal.employee_id,
        row.contact_started_at >= since,
        row.contact_started_at < until,
        row.state == State.DONE,
    )
    scores: dict[date, list[tuple[int, str | None]]] = {}
    inspected = 0
    async with database.read() as session:
        rows = await session.execute(
            select(row.contact_started_at, row.score, row.band, row.nothing, row.contact_id).where(*mine)
        )
        for at, score, band, nothing, contact_id in rows:
            inspected += nothing != "no-recording" and contact_id is not None
            if score is not None:
                scores.setdefault(at.astimezone(zone).date(), []).append((score, band))
        findings = func.count().label("findings")
        counted = await session.execute(
            select(FindingRow.category, findings, func.count(func.distinct(row.id)))
            .join(row, row.id == FindingRow.inspection_id)
            .where(*mine)
            .group_by(FindingRow.category)
            .order_by(findings.desc(), FindingRow.category)
        )
        categories = tuple(CategoryCount(name, found, contacts) for name, found, contacts in counted)
    return OwnQuality(
        inspected=inspected,
        days={
            day: DayOfScores(
                day,
                len(found),
                sum(score for score, _ in found) / len(found),
                {band: sum(name == band for _, name in found) for band in Band},
            )
            for day, found in scores.items()
        },
        categories=categories,
    )
