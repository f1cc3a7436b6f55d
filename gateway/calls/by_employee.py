"""Counts calls for each employee within a principal's scope."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select

from core.access.model import Principal
from core.access.scope import departments_below
from core.db import Database
from gateway.calls.figures import RuleCount
from gateway.calls.models import CallRow
from gateway.calls.permissions import CALL_READ
from gateway.calls.queries import seen_by
from gateway.contact.model import Decision


@dataclass(frozen=True, slots=True)
class EmployeeCalls:
    """One person's calls of a span. `refused_by` begins with the rule that refused most."""

    total: int
    connected: int
    refused: int
    refused_by: tuple[RuleCount, ...] = ()


class CallsByEmployee:
    """Counts; it shows no call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(
        self, principal: Principal, since: datetime, until: datetime, *, department_path: str | None = None
    ) -> dict[str, EmployeeCalls]:
        """Count the calls that started from `since` to before `until`, by employee."""
        row = CallRow
        within = and_(seen_by(principal, CALL_READ), row.started_at >= since, row.started_at < until)
        if department_path is not None:
            within = and_(within, row.department_id.in_(departments_below(department_path)))
        answered = row.customer_answered_at.is_not(None)
        refused = and_(row.decision != Decision.ALLOW, ~answered)
        rule_count = func.count().label("count")
        async with self._database.read() as session:
            counted = await session.execute(
                select(
                    row.employee_id, func.count(), func.count().filter(answered), func.count().filter(refused)
                )
                .where(within)
                .group_by(row.employee_id)
            )
            rules = await session.execute(
                select(row.employee_id, row.rule_id, rule_count)
                .where(within, refused, row.rule_id.is_not(None))
                .group_by(row.employee_id, row.rule_id)
                .order_by(rule_count.desc(), row.rule_id)
            )
            by_rule: dict[str, list[RuleCount]] = {}
            for employee_id, rule_id, count in rules:
                if rule_id is not None:
                    by_rule.setdefault(employee_id, []).append(RuleCount(rule_id, count))
            return {
                employee_id: EmployeeCalls(
                    total, connected, count_refused, tuple(by_rule.get(employee_id, ()))
                )
                for employee_id, total, connected, count_refused in counted
            }
