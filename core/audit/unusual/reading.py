"""Reads lines of the access log for rules: a person's within a window, by the index of person and time."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.models import Employee, EmployeeRole, EmployeeState
from core.audit.models import AccessRow
from core.audit.service import of_acts
from core.audit.unusual.model import Line
from core.audit.unusual.rulebook import Act, Counts, Rule

MOST_LINES = 20_000
"""Of one window. Somebody with more is beyond every limit (10,000 at most) anyway."""
USUAL_OVER = timedelta(days=30)
HISTORY = 10
"""Hours or days with such acts that make a usual of one's own."""
COLLEAGUES = 50
_COLUMNS: tuple[Any, ...] = (
    AccessRow.id,
    AccessRow.at,
    AccessRow.kind,
    AccessRow.actor_id,
    AccessRow.target_id,
    AccessRow.customer_id,
    AccessRow.detail,
    AccessRow.amount,
)


def fresh_lines(after: str, limit: int) -> Select[Any]:
    """Select the lines after one, in the order of their ids: by the primary key."""
    return select(*_COLUMNS).where(AccessRow.id > after).order_by(AccessRow.id).limit(limit)


def persons_lines(
    actor_id: str, acts: Collection[Act], since: datetime, until: datetime | None = None
) -> Select[Any]:
    """Select a person's lines of these acts, the oldest first: by the index of person and time."""
    query = select(*_COLUMNS).where(AccessRow.actor_id == actor_id, AccessRow.at >= since, of_acts(acts))
    if until is not None:
        query = query.where(AccessRow.at <= until)
    return query.order_by(AccessRow.at, AccessRow.id).limit(MOST_LINES)


async def read_lines(session: AsyncSession, query: Select[Any]) -> list[Line]:
    return [Line(*row) for row in await session.execute(query)]


async def usual_of(session: AsyncSession, rule: Rule, employee_id: str, before: datetime) -> float | None:
    """Give what the person usually does in a window that has such acts; else what colleagues do.

    The mean over the hours (over the days, for a window longer than one hour) of the 30 days before that
    have any. Somebody with fewer than ten of them has no usual yet: then that of up to fifty colleagues with
    the same roles. None where nobody has one.
    """
    own, buckets = await _mean(session, rule, AccessRow.actor_id == employee_id, before)
    if buckets >= HISTORY:
        return own
    others = await _colleagues(session, employee_id)
    if not others:
        return None
    theirs, buckets = await _mean(session, rule, AccessRow.actor_id.in_(others), before)
    return theirs if buckets >= HISTORY else None


def usual_query(rule: Rule, whose: ColumnElement[bool], before: datetime, *, is_sqlite: bool) -> Select[Any]:
    """Select how many windows had such acts, and how many of them there were in all."""
    hourly = rule.window_s <= 3600
    bucket: Any
    if is_sqlite:  # kept as text: 2026-11-21 02:00:00.000000
        bucket = func.substr(AccessRow.at, 1, 13 if hourly else 10)
    else:
        bucket = func.date_trunc("hour" if hourly else "day", AccessRow.at)
    amounts: dict[Counts, ColumnElement[int]] = {
        Counts.ACTS: func.count(),
        Counts.CUSTOMERS: func.count(AccessRow.customer_id.distinct()),
        Counts.TARGETS: func.count(AccessRow.target_id.distinct()),
        Counts.AMOUNT: func.coalesce(func.sum(AccessRow.amount), 0),
    }
    by_window = (
        select(amounts[rule.counts].label("n"))
        .where(whose, AccessRow.at >= before - USUAL_OVER, AccessRow.at < before, of_acts(rule.acts_told))
        .group_by(AccessRow.actor_id, bucket)
        .subquery()
    )
    return select(func.count(), func.coalesce(func.sum(by_window.c.n), 0)).select_from(by_window)


async def _mean(
    session: AsyncSession, rule: Rule, whose: ColumnElement[bool], before: datetime
) -> tuple[float, int]:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    windows, total = (await session.execute(usual_query(rule, whose, before, is_sqlite=is_sqlite))).one()
    return (float(total) / windows if windows else 0.0), windows


async def _colleagues(session: AsyncSession, employee_id: str) -> Sequence[str]:
    roles = select(EmployeeRole.role).where(EmployeeRole.employee_id == employee_id)
    query = (
        select(EmployeeRole.employee_id)
        .join(Employee, Employee.id == EmployeeRole.employee_id)
        .where(
            EmployeeRole.role.in_(roles),
            EmployeeRole.employee_id != employee_id,
            Employee.state == EmployeeState.ACTIVE,
        )
        .distinct()
        .order_by(EmployeeRole.employee_id)
        .limit(COLLEAGUES)
    )
    return (await session.scalars(query)).all()
