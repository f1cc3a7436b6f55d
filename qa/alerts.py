"""Alerts: severe findings that a person takes, looks at and closes with a note."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.vault import SubjectErased
from qa.inspection.errors import AlertClosed, AlertTaken, AlertUnknown
from qa.inspection.events import AlertRaised
from qa.inspection.model import AlertState, Scored
from qa.inspection.models import AlertRow, FindingRow, InspectionRow
from qa.inspection.sealing import Sealer, note_field
from qa.permissions import ALERT_HANDLE


class AlertService:
    """Raises alerts inside an inspection's transaction; lets people take and close them."""

    def __init__(
        self, *, database: Database, clock: Clock, bus: EventBus, ledger: Ledger, sealer: Sealer
    ) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._ledger = ledger
        self._sealer = sealer

    async def raise_for(
        self,
        session: AsyncSession,
        inspection: InspectionRow,
        findings: Sequence[tuple[FindingRow, Scored]],
        now: datetime,
    ) -> None:
        """Write one alert for each category with a finding that calls for it.

        The surest such finding is its face; an alert of suspected findings only says so.
        """
        calling: dict[str, list[FindingRow]] = {}
        for row, item in findings:
            if item.finding.alerts:
                calling.setdefault(row.category, []).append(row)
        for category, rows in calling.items():
            face = max(rows, key=lambda row: (not row.suspected, row.fatal, row.confidence))
            alert = AlertRow(
                id=new_id(),
                inspection_id=inspection.id,
                finding_id=face.id,
                contact_id=inspection.contact_id,
                employee_id=inspection.employee_id,
                department_id=inspection.department_id,
                category=category,
                severity=face.severity,
                suspected=face.suspected,
                hits=len(rows),
                state=AlertState.OPEN,
                created_at=now,
            )
            session.add(alert)
            await session.flush()
            await self._record(session, "alert.raised", alert, rule_id=face.rule_id, suspected=face.suspected)
            await self._bus.publish(
                session,
                AlertRaised(
                    alert.id,
                    inspection.id,
                    alert.contact_id,
                    alert.employee_id,
                    category,
                    alert.severity,
                    alert.suspected,
                ),
            )

    async def take(self, principal: Principal, alert_id: str) -> AlertRow:
        """Make an open alert one's own; taking it twice is the same.

        Raises:
            AlertTaken, AlertClosed, AlertUnknown.
        """
        async with self._database.begin() as session:
            alert = await self._locked(session, principal, alert_id)
            if alert.state == AlertState.CLOSED:
                raise AlertClosed
            if alert.state == AlertState.TAKEN:
                if alert.taken_by != principal.employee_id:
                    raise AlertTaken
                return alert
            alert.state, alert.taken_by = AlertState.TAKEN, principal.employee_id
            alert.taken_at = self._clock.now()
            await self._record(session, "alert.taken", alert, by=principal.employee_id)
            return alert

    async def close(self, principal: Principal, alert_id: str, note: str) -> AlertRow:
        """Close an alert with what was done about it. Who closes an open one takes it by that.

        Raises:
            AlertTaken: it is in somebody else's hands. AlertClosed, AlertUnknown.
        """
        async with self._database.begin() as session:
            alert = await self._locked(session, principal, alert_id)
            if alert.state == AlertState.CLOSED:
                raise AlertClosed
            if alert.taken_by not in {None, principal.employee_id}:
                raise AlertTaken
            now = self._clock.now()
            if alert.taken_by is None:
                alert.taken_by, alert.taken_at = principal.employee_id, now
            alert.state, alert.closed_by, alert.closed_at = AlertState.CLOSED, principal.employee_id, now
            await self._write_note(session, alert, note)
            await self._record(session, "alert.closed", alert, by=principal.employee_id)
            return alert

    async def _write_note(self, session: AsyncSession, alert: AlertRow, note: str) -> None:
        """Seal the note under the customer's key; of an erased customer nothing more is written down."""
        subject_id = await session.scalar(
            select(InspectionRow.subject_id).where(InspectionRow.id == alert.inspection_id)
        )
        try:
            cipher = await self._sealer.cipher(session, subject_id)
        except SubjectErased:
            return
        alert.note = cipher.seal(note_field(alert.id), note)

    async def _locked(self, session: AsyncSession, principal: Principal, alert_id: str) -> AlertRow:
        alert = await session.scalar(
            select(AlertRow).where(AlertRow.id == alert_id, reach(principal, ALERT_HANDLE)).with_for_update()
        )
        if alert is None:
            raise AlertUnknown
        return alert

    async def _record(self, session: AsyncSession, kind: str, alert: AlertRow, **facts: str | bool) -> None:
        await self._ledger.append(
            session,
            kind,
            {
                "alert_id": alert.id,
                "inspection_id": alert.inspection_id,
                "contact_id": alert.contact_id,
                "category": alert.category,
                "severity": alert.severity,
                **facts,
            },
        )


def reach(principal: Principal, permission: str) -> ColumnElement[bool]:
    """Give the alerts that `permission` reaches; nobody handles alerts about themselves."""
    inside = scope_clause(
        principal, permission, owner=AlertRow.employee_id, department=AlertRow.department_id
    )
    if permission == ALERT_HANDLE:
        return inside & (AlertRow.employee_id != principal.employee_id)
    return inside
