"""Tells people of unusual access: one alert for each finding, as long as nobody has closed it."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.models import Employee
from core.audit.unusual import Finding, Rule
from core.clock import Clock
from qa.alerts import ACCESS, AlertService
from qa.inspection.model import AlertState
from qa.inspection.models import AlertRow, ConductFindingRow


class AccessAlerts:
    """Writes alerts about findings of `core.audit.unusual` (`UnusualAlerts`), in the caller's transaction."""

    def __init__(self, *, clock: Clock, alerts: AlertService) -> None:
        self._clock = clock
        self._alerts = alerts

    async def open_of(self, session: AsyncSession, finding_ids: Collection[str]) -> set[str]:
        """Say which findings have an alert that nobody has closed."""
        query = select(AlertRow.conduct_id).where(
            AlertRow.conduct_id.in_(finding_ids), AlertRow.state != AlertState.CLOSED
        )
        return {one for one in await session.scalars(query) if one is not None}

    async def began(self, session: AsyncSession, finding: Finding, rule: Rule) -> None:
        """Raise the alert of a new finding; it goes to who handles alerts of this person's department."""
        now = self._clock.now()
        department = select(Employee.department_id).where(Employee.id == finding.employee_id)
        row = ConductFindingRow(
            id=finding.id,
            kind=rule.id,
            severity=rule.severity,
            catalogue_version=finding.rules_version,
            employee_id=finding.employee_id,
            department_id=await session.scalar(department),
            at=finding.since,
            found_at=now,
        )
        session.add(row)
        await session.flush()
        await self._alerts.raise_conduct(session, row, now, category=ACCESS, hits=finding.seen)

    async def grew(self, session: AsyncSession, finding: Finding) -> None:
        """Count what came since into the alert that is open."""
        query = select(AlertRow).where(AlertRow.conduct_id == finding.id, AlertRow.state != AlertState.CLOSED)
        alert = await session.scalar(query.with_for_update())
        if alert is not None:
            alert.hits = finding.seen
            await session.flush()
