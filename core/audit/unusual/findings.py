"""Keeps findings: one for each person and rule whose alert is open, growing; an entry in the ledger."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.audit.unusual.judging import count
from core.audit.unusual.model import Finding, Seen
from core.audit.unusual.models import UnusualRow
from core.audit.unusual.ports import UnusualAlerts
from core.audit.unusual.reading import persons_lines, read_lines
from core.audit.unusual.rulebook import Judge, Rule, Rulebook
from core.clock import Clock
from core.ids import new_id
from core.ledger import JSON, Ledger


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule says of a person now."""

    rule: Rule
    employee_id: str
    seen: Seen
    limit: int
    usual: float | None
    other_id: str | None = None


class Findings:
    """Writes in the caller's transaction, which holds the lock of the mark."""

    def __init__(self, clock: Clock, *, rulebook: Rulebook, ledger: Ledger, alerts: UnusualAlerts) -> None:
        self._clock = clock
        self._version = rulebook.version
        self._ledger = ledger
        self._alerts = alerts

    async def told_until(self, session: AsyncSession, rule: Rule, employee_id: str) -> datetime | None:
        """Give up to when somebody has already dealt with what this person did; None while nobody has."""
        last = await self._last(session, rule, employee_id)
        if last is None or await self._alerts.open_of(session, [last.id]):
            return None
        return last.until

    async def keep(self, session: AsyncSession, found: Found) -> None:
        """Begin a finding, or add to the one whose alert is open. The same again changes nothing."""
        last = await self._last(session, found.rule, found.employee_id)
        if last is not None and found.seen.until <= last.until:
            return
        if last is not None and await self._alerts.open_of(session, [last.id]):
            await self._grow(session, last, found)
        else:
            await self._begin(session, found)

    async def _begin(self, session: AsyncSession, found: Found) -> None:
        row = UnusualRow(
            id=new_id(),
            rule_id=found.rule.id,
            rules_version=self._version,
            employee_id=found.employee_id,
            other_id=found.other_id,
            since=found.seen.since,
            until=found.seen.until,
            seen=found.seen.count,
            most=found.limit,
            window_s=found.rule.window_s,
            usual=None if found.usual is None else ceil(found.usual),
            told_seen=found.seen.count,
            found_at=self._clock.now(),
        )
        session.add(row)
        await session.flush()
        await self._alerts.began(session, view(row), found.rule)
        await self._tell(session, "unusual-access.found", row)

    async def _grow(self, session: AsyncSession, row: UnusualRow, found: Found) -> None:
        """Add to it. The ledger hears of it again when there is twice as much."""
        row.until = found.seen.until
        if found.rule.judge in {Judge.MANY, Judge.HOURS}:
            query = persons_lines(row.employee_id, found.rule.acts_told, row.since, row.until)
            row.seen = max(row.seen, count(found.rule, await read_lines(session, query)))
        else:
            row.seen += found.seen.count
        await session.flush()
        await self._alerts.grew(session, view(row))
        if row.seen >= 2 * row.told_seen:
            row.told_seen = row.seen
            await session.flush()
            await self._tell(session, "unusual-access.grown", row)

    async def _tell(self, session: AsyncSession, kind: str, row: UnusualRow) -> None:
        body: dict[str, JSON] = {
            "unusual": row.id,
            "rule_id": row.rule_id,
            "rules_version": row.rules_version,
            "employee": row.employee_id,
            "seen": row.seen,
            "limit": row.most,
            "usual": row.usual,
        }
        await self._ledger.append(session, kind, body)

    async def _last(self, session: AsyncSession, rule: Rule, employee_id: str) -> UnusualRow | None:
        query = (
            select(UnusualRow)
            .where(UnusualRow.employee_id == employee_id, UnusualRow.rule_id == rule.id)
            .order_by(UnusualRow.until.desc())
            .limit(1)
        )
        row: UnusualRow | None = await session.scalar(query)
        return row


def view(row: UnusualRow) -> Finding:
    """Give a row to those who do not keep the table."""
    return Finding(
        row.id,
        row.rule_id,
        row.rules_version,
        row.employee_id,
        row.other_id,
        row.since,
        row.until,
        row.seen,
        row.most,
        row.window_s,
        row.usual,
    )
