"""Counts calls within a principal's scope: how many, how they went, which rules refused."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select

from core.access.model import Principal
from core.db import Database
from gateway.calls.models import CallRow
from gateway.calls.permissions import CALL_READ
from gateway.calls.queries import seen_by
from gateway.contact.model import Decision


@dataclass(frozen=True, slots=True)
class RuleCount:
    """A rule and how many calls it refused."""

    rule_id: str
    count: int


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Calls that started in a span of time. `refused_by` begins with the rule that refused most."""

    total: int
    connected: int
    unanswered: int
    refused: int
    live: int
    refused_by: tuple[RuleCount, ...]


class CallFigures:
    """Counts; it shows no call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self, principal: Principal, since: datetime, until: datetime) -> CallCounts:
        """Count the calls that started from `since` to before `until`."""
        within = and_(seen_by(principal, CALL_READ), CallRow.started_at >= since, CallRow.started_at < until)
        answered, over = CallRow.customer_answered_at.is_not(None), CallRow.ended_at.is_not(None)
        allowed = CallRow.decision == Decision.ALLOW
        rule_count = func.count().label("count")
        async with self._database.read() as session:
            row = (
                await session.execute(
                    select(
                        func.count(),
                        _how_many(answered),
                        _how_many(and_(~answered, allowed, over)),
                        _how_many(and_(~answered, ~allowed)),
                        _how_many(~over),
                    )
                    .select_from(CallRow)
                    .where(within)
                )
            ).one()
            rules = await session.execute(
                select(CallRow.rule_id, rule_count)
                .where(within, ~allowed, ~answered, CallRow.rule_id.is_not(None))
                .group_by(CallRow.rule_id)
                .order_by(rule_count.desc(), CallRow.rule_id)
            )
            return CallCounts(*row, tuple(RuleCount(name, count) for name, count in rules if name))


def _how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(condition)
