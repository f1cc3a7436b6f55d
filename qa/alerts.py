"""Alerts: severe findings that a person takes, looks at and closes with a note."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.vault import SubjectErased
from qa.alert_cases import calling_for, face_of, rules_of, take_in, waits
from qa.alert_rules import Choice, choices
from qa.conduct.catalogue import CATEGORY
from qa.inspection.errors import AlertClosed, AlertTaken, AlertUnknown
from qa.inspection.events import AlertRaised
from qa.inspection.model import AlertState, Closure, Scored
from qa.inspection.models import AlertRow, ConductFindingRow, FindingRow, InspectionRow
from qa.inspection.sealing import Sealer, note_field
from qa.permissions import ALERT_HANDLE, TRANSCRIPT_READ

ACCESS = "access"
"""The category of every alert about unusual access."""

MOST_A_DAY = 50
"""Most open alerts of one day of a thread: a flood of messages must not bury the alerts of other threads."""


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
        """Write one alert for each message that hit a rule, and of a call one for each category.

        The surest and gravest finding is its face; an alert of suspected findings only says so. What nobody
        has closed yet is not raised again: it counts the new hits. A day with `MOST_A_DAY` open alerts gets
        no more of them: the last one counts the messages too.
        """
        calling: dict[str, list[FindingRow]] = {}
        for row, item in findings:
            if item.finding.alerts:
                calling.setdefault(row.message_id or row.category, []).append(row)
        chosen = await choices(session) if calling else {}
        for joins, rows in calling.items():
            face = face_of(rows)
            if await self._joins(session, inspection, joins, rows, chosen):
                continue
            alert = AlertRow(
                id=new_id(),
                inspection_id=inspection.id,
                finding_id=face.id,
                contact_id=inspection.contact_id,
                thread_id=inspection.thread_id,
                message_id=face.message_id,
                employee_id=inspection.employee_id,
                department_id=inspection.department_id,
                category=face.category,
                severity=face.severity,
                suspected=face.suspected,
                hits=len(rows),
                joins=joins,
                rules=rules_of(rows),
                gathered=waits(rows, chosen),
                state=AlertState.OPEN,
                created_at=now,
            )
            await self._raise(session, alert, rule_id=face.rule_id)

    async def raise_conduct(
        self,
        session: AsyncSession,
        found: ConductFindingRow,
        now: datetime,
        *,
        device_id: str | None = None,
        category: str = CATEGORY,
        hits: int = 1,
    ) -> None:
        """Write the alert of a behaviour; the caller made the behaviour's row in this transaction.

        `device_id`: the phone whose silence it tells; `close_over` takes it away when the phone is back.
        `category`: `ACCESS` where the behaviour is unusual access.
        """
        alert = AlertRow(
            id=new_id(),
            conduct_id=found.id,
            thread_id=found.thread_id,
            message_id=found.message_id,
            device_id=device_id,
            employee_id=found.employee_id,
            department_id=found.department_id,
            category=category,
            severity=found.severity,
            suspected=False,
            hits=hits,
            state=AlertState.OPEN,
            created_at=now,
        )
        await self._raise(session, alert, rule_id=f"{category}.{found.kind}")

    async def _joins(
        self,
        session: AsyncSession,
        inspection: InspectionRow,
        joins: str,
        rows: Sequence[FindingRow],
        chosen: Mapping[str, Choice],
    ) -> bool:
        """Count the hits into an alert that is not closed yet, if there is one that they join.

        The caller holds the inspection, so that two at once do not both find none.
        """
        query = (
            select(AlertRow)
            .where(AlertRow.inspection_id == inspection.id, AlertRow.state != AlertState.CLOSED)
            .order_by(AlertRow.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        unclosed = (await session.scalars(query)).all()
        alert = next((one for one in unclosed if one.joins == joins), None)
        if alert is None and len(unclosed) >= MOST_A_DAY:
            alert = unclosed[-1]
            alert.messages += 1
        if alert is None:
            return False
        waited = alert.gathered
        take_in(alert, rows, waiting=waited and waits(rows, chosen))
        await session.flush()
        if waited and not alert.gathered:
            await self._tell(session, alert)
        return True

    async def _raise(self, session: AsyncSession, alert: AlertRow, *, rule_id: str) -> None:
        session.add(alert)
        await session.flush()
        facts: dict[str, str | bool] = {"rule_id": rule_id, "suspected": alert.suspected}
        await self._record(session, "alert.raised", alert, **facts, gathered=alert.gathered)
        if not alert.gathered:
            await self._tell(session, alert)

    async def _tell(self, session: AsyncSession, alert: AlertRow) -> None:
        await self._bus.publish(
            session,
            AlertRaised(
                alert.id,
                alert.inspection_id,
                alert.contact_id,
                alert.employee_id,
                alert.category,
                alert.severity,
                alert.suspected,
                alert.thread_id,
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
            await self._close(session, principal, [alert], note)
            return alert

    async def close_all(self, principal: Principal, alert_id: str, note: str) -> int:
        """Close an alert with the others of that day of its thread but those in others' hands; give how many.

        Raises:
            AlertTaken: this one is in somebody else's hands. AlertClosed, AlertUnknown.
        """
        async with self._database.begin() as session:
            alert = await self._locked(session, principal, alert_id)
            if alert.state == AlertState.CLOSED:
                raise AlertClosed
            if alert.taken_by not in {None, principal.employee_id}:
                raise AlertTaken
            others = select(AlertRow).where(
                AlertRow.inspection_id == alert.inspection_id,
                AlertRow.thread_id.is_not(None),
                AlertRow.id != alert.id,
                AlertRow.state != AlertState.CLOSED,
                or_(AlertRow.taken_by.is_(None), AlertRow.taken_by == principal.employee_id),
                reach(principal, ALERT_HANDLE),
            )
            rows = (await session.scalars(others.order_by(AlertRow.id).with_for_update())).all()
            await self._close(session, principal, [alert, *rows], note)
            return 1 + len(rows)

    async def _close(
        self, session: AsyncSession, principal: Principal, alerts: Sequence[AlertRow], note: str
    ) -> None:
        now = self._clock.now()
        for alert in alerts:
            if alert.taken_by is None:
                alert.taken_by, alert.taken_at = principal.employee_id, now
            alert.state, alert.closed_by, alert.closed_at = AlertState.CLOSED, principal.employee_id, now
            alert.closed_because, alert.gathered = Closure.HANDLED, False
            await self._write_note(session, alert, note)
        for alert in alerts:  # the ledger's lock is always the last
            await self._record(session, "alert.closed", alert, by=principal.employee_id)

    async def close_over(self, session: AsyncSession, device_ids: Collection[str]) -> int:
        """Close what tells of phones that are silent no more, whoever has it; give how many."""
        query = (
            select(AlertRow)
            .where(AlertRow.device_id.in_(device_ids), AlertRow.state != AlertState.CLOSED)
            .order_by(AlertRow.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        alerts = (await session.scalars(query)).all()
        for alert in alerts:
            alert.state, alert.closed_at = AlertState.CLOSED, self._clock.now()
            alert.closed_because = Closure.OVER
        for alert in alerts:
            await self._record(session, "alert.closed", alert, because=Closure.OVER)
        return len(alerts)

    async def settle(
        self, session: AsyncSession, inspection_id: str, standing: Sequence[FindingRow], now: datetime
    ) -> None:
        """After a review: close the alerts that no standing finding calls for, open again those it does.

        An alert whose face was overturned shows the surest finding that is left. All are locked before the
        first entry in the ledger, whose lock is always the last.
        """
        alerts = (
            await session.scalars(
                select(AlertRow)
                .where(AlertRow.inspection_id == inspection_id)
                .order_by(AlertRow.id)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).all()
        unclosed = {alert.joins for alert in alerts if alert.state != AlertState.CLOSED}
        for alert in alerts:
            left = calling_for(alert, alerts, standing)
            overturned = alert.state == AlertState.CLOSED and alert.closed_because == Closure.OVERTURNED
            if left and alert.finding_id not in {row.id for row in left}:
                alert.finding_id = face_of(left).id
            if not left and alert.state != AlertState.CLOSED:
                alert.state, alert.closed_at = AlertState.CLOSED, now
                alert.closed_because, alert.gathered = Closure.OVERTURNED, False
                await self._record(session, "alert.closed", alert, because=Closure.OVERTURNED)
            elif left and overturned and alert.joins not in unclosed:
                alert.state = AlertState.TAKEN if alert.taken_by else AlertState.OPEN
                alert.closed_at = alert.closed_because = None
                await self._record(session, "alert.reopened", alert)

    async def _write_note(self, session: AsyncSession, alert: AlertRow, note: str) -> None:
        """Seal the note under the customer's key; of an erased customer nothing more is written down."""
        subject_id = (await subjects_of(session, [alert]))[alert.id]
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
                **_about(alert),
                "category": alert.category,
                "severity": alert.severity,
                **facts,
            },
        )


def _about(alert: AlertRow) -> dict[str, str | None]:
    """Name what an alert is about, for the ledger."""
    if alert.conduct_id is not None:
        return {"conduct_id": alert.conduct_id, "message_id": alert.message_id}
    if alert.thread_id is not None:
        return {"inspection_id": alert.inspection_id, "message_id": alert.message_id}
    return {"inspection_id": alert.inspection_id, "contact_id": alert.contact_id}


async def subjects_of(session: AsyncSession, alerts: Sequence[AlertRow]) -> dict[str, str | None]:
    """Give the customer that each alert is about, by the alert's id."""
    subject = func.coalesce(InspectionRow.subject_id, ConductFindingRow.subject_id)
    found = await session.execute(
        select(AlertRow.id, subject)
        .outerjoin(InspectionRow, InspectionRow.id == AlertRow.inspection_id)
        .outerjoin(ConductFindingRow, ConductFindingRow.id == AlertRow.conduct_id)
        .where(AlertRow.id.in_([alert.id for alert in alerts]))
    )
    return dict(found.all())


def reach(principal: Principal, permission: str) -> ColumnElement[bool]:
    """Give the alerts that `permission` reaches; nobody handles alerts about themselves.

    Who handles an alert about words must be one who may read them. Auditors may not: theirs are those about
    unusual access, so that one about a supervisor, a reviewer or an administrator finds somebody to close it.
    """

    def scope(name: str) -> ColumnElement[bool]:
        return scope_clause(principal, name, owner=AlertRow.employee_id, department=AlertRow.department_id)

    inside = scope(permission)
    if permission != ALERT_HANDLE:
        return inside
    readable = AlertRow.category == ACCESS
    if principal.allows(TRANSCRIPT_READ):
        readable = readable | scope(TRANSCRIPT_READ)
    return (
        inside & readable & or_(AlertRow.employee_id.is_(None), AlertRow.employee_id != principal.employee_id)
    )
