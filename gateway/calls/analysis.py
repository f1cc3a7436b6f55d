"""Counts calls over time and by refusing rule within a principal's scope, for charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, case, func, literal, select

from core.access.model import Principal
from core.access.scope import departments_below
from core.db import Database
from gateway.calls.figures import RuleCount
from gateway.calls.models import CallRow
from gateway.calls.permissions import CALL_READ
from gateway.calls.queries import seen_by
from gateway.contact.model import Decision


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; `until` is exclusive."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class SpanCounts:
    """How the calls went that started in one stretch. Those still going on are in none of these."""

    connected: int = 0
    unanswered: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        return self.connected + self.unanswered + self.refused


class CallAnalysis:
    """Counts; it shows no call. `department_path` reaches a department and all below it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_span(
        self, principal: Principal, spans: Sequence[Span], department_path: str | None = None
    ) -> list[SpanCounts]:
        """Count for each of these stretches, which follow one another without a gap."""
        answered, over = CallRow.customer_answered_at.is_not(None), CallRow.ended_at.is_not(None)
        allowed = CallRow.decision == Decision.ALLOW
        number = number_of(CallRow.started_at, spans)
        whole = Span(spans[0].since, spans[-1].until)
        rows = (
            select(
                number.label("number"),
                answered.label("connected"),
                and_(~answered, allowed, over).label("unanswered"),
                and_(~answered, CallRow.decision == Decision.DENY).label("refused"),
            )
            .where(*_within(principal, whole, department_path))
            .subquery()
        )
        counted = select(
            rows.c.number,
            func.count().filter(rows.c.connected),
            func.count().filter(rows.c.unanswered),
            func.count().filter(rows.c.refused),
        ).group_by(rows.c.number)
        async with self._database.read() as session:
            found = {row[0]: SpanCounts(*row[1:]) for row in await session.execute(counted)}
        return [found.get(at, SpanCounts()) for at in range(len(spans))]

    async def refusals(
        self, principal: Principal, whole: Span, department_path: str | None = None
    ) -> list[RuleCount]:
        """Count the refused calls by rule, the most frequent first."""
        count = func.count().label("count")
        query = (
            select(CallRow.rule_id, count)
            .where(
                *_within(principal, whole, department_path),
                CallRow.customer_answered_at.is_(None),
                CallRow.decision == Decision.DENY,
                CallRow.rule_id.is_not(None),
            )
            .group_by(CallRow.rule_id)
            .order_by(count.desc(), CallRow.rule_id)
        )
        async with self._database.read() as session:
            return [RuleCount(rule, number) for rule, number in await session.execute(query) if rule]


def number_of(moment: SQLColumnExpression[datetime], spans: Sequence[Span]) -> ColumnElement[int]:
    """Tell in which of these stretches a moment lies, by halving: a row is compared a few times, not 30."""

    def between(first: int, end: int) -> ColumnElement[int]:
        if end - first == 1:
            return literal(first)
        middle = (first + end) // 2
        return case((moment < spans[middle].since, between(first, middle)), else_=between(middle, end))

    return between(0, len(spans))


def _within(principal: Principal, whole: Span, department_path: str | None) -> list[ColumnElement[bool]]:
    found = [
        seen_by(principal, CALL_READ),
        CallRow.started_at >= whole.since,
        CallRow.started_at < whole.until,
    ]
    if department_path is not None:
        found.append(CallRow.department_id.in_(departments_below(department_path)))
    return found
