"""What every act on a phone shares, in the caller's transaction: its locked row, its history, its end."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Department
from core.access.scope import scope_clause
from core.clock import Clock
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.devices.events import DeviceEnded
from devicepolicy.devices.model import ComplianceState, Trust
from devicepolicy.devices.models import DeviceRow, HistoryRow
from devicepolicy.policies.model import PolicySubject


class Register:
    """The rows of phones, changed in one way only."""

    def __init__(self, clock: Clock, *, ledger: Ledger, bus: EventBus) -> None:
        self._clock = clock
        self._ledger = ledger
        self._bus = bus

    async def locked(self, session: AsyncSession, device_id: str) -> DeviceRow:
        """Lock a phone's row until the transaction ends; raise `DeviceNotFound`."""
        row = await session.get(DeviceRow, device_id, with_for_update=True, populate_existing=True)
        if row is None:
            raise DeviceNotFound
        return row

    async def within_reach(
        self, session: AsyncSession, principal: Principal, permission: str, device_id: str
    ) -> DeviceRow:
        """Lock a phone that the principal may act on; raise `DeviceNotFound`."""
        reach = scope_clause(
            principal, permission, owner=DeviceRow.employee_id, department=DeviceRow.department_id
        )
        query = select(DeviceRow).where(DeviceRow.id == device_id, reach).with_for_update()
        row = await session.scalar(query.execution_options(populate_existing=True))
        if row is None:
            raise DeviceNotFound
        return row

    def remember(
        self, session: AsyncSession, device_id: str, kind: str, *, by: str | None = None, **facts: Any
    ) -> None:
        """Add a line to a phone's history: ids, words and counts only."""
        session.add(
            HistoryRow(id=new_id(), device_id=device_id, at=self._clock.now(), kind=kind, facts=facts, by=by)
        )

    async def end(
        self, session: AsyncSession, row: DeviceRow, trust: Trust, reason: str, *, by: str | None
    ) -> None:
        """Take a phone out: its key opens nothing from now on, and nothing is wanted of it any more."""
        if row.trust in {Trust.REJECTED, Trust.RELEASED}:
            return
        row.trust, row.ended_at, row.end_reason = trust, self._clock.now(), reason
        row.compliance, row.compliance_since = ComplianceState.UNKNOWN, row.ended_at
        row.settings, row.desired_stale, row.offline, row.terms_version = {}, False, False, None
        self.remember(session, row.id, "ended", by=by, reason=reason)
        await session.flush()
        await self._bus.publish(session, DeviceEnded(row.id, row.employee_id, reason, by))
        body = {"device": row.id, "trust": trust.value, "reason": reason, "by": by}
        await self._ledger.append(session, "device.ended", body)


async def subjects_of(session: AsyncSession, rows: Sequence[DeviceRow]) -> list[PolicySubject]:
    """Say for whom policies are asked, phone by phone."""
    wanted = {row.department_id for row in rows if row.department_id is not None}
    paths: dict[str, str] = {}
    if wanted:
        query = select(Department.id, Department.path).where(Department.id.in_(wanted))
        paths = {row.id: row.path for row in await session.execute(query)}
    return [PolicySubject(row.id, row.employee_id, paths.get(row.department_id or "", "")) for row in rows]


async def subject_of(session: AsyncSession, row: DeviceRow) -> PolicySubject:
    """Say for whom policies are asked."""
    return (await subjects_of(session, [row]))[0]
