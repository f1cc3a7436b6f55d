"""Work in the hands of somebody who leaves: reviews go back, alerts to the successor or to all."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.models import Employee, EmployeeRole, EmployeeState
from qa.inspection.model import AlertState
from qa.inspection.models import AlertRow
from qa.permissions import ALERT_HANDLE, PERMISSIONS, TRANSCRIPT_READ
from qa.review.model import ReviewState
from qa.review.models import ReviewRow

_GRANTED = {spec.name: spec.grants.keys() for spec in PERMISSIONS}
_HANDLERS = _GRANTED[ALERT_HANDLE] & _GRANTED[TRANSCRIPT_READ]
"""Who may handle every kind of alert: auditors may not, they read no words."""


class QualityHandover:
    """Joins the caller's transaction and writes no entry of its own in the ledger."""

    async def of(self, session: AsyncSession, employee_id: str) -> Mapping[str, frozenset[str]]:
        """Give the ids of inspections under review and of alerts that somebody has in hand, locked."""
        reviews = (
            select(ReviewRow.inspection_id).where(_reviews(employee_id)).order_by(ReviewRow.inspection_id)
        )
        alerts = select(AlertRow.id).where(_alerts(employee_id)).order_by(AlertRow.id)
        return {
            "reviews": frozenset(await session.scalars(reviews.with_for_update())),
            "alerts": frozenset(await session.scalars(alerts.with_for_update())),
        }

    async def pass_on(self, session: AsyncSession, employee_id: str, successor_id: str | None) -> None:
        """Free the reviews. An alert goes to a successor who may handle it and whom it is not about."""
        for review in await session.scalars(select(ReviewRow).where(_reviews(employee_id))):
            review.claimed_at = None
            if not review.confirmed_count and not review.overturned_count:
                review.state, review.reviewer_id = ReviewState.UNREVIEWED, None
        handles = successor_id is not None and await _may_handle(session, successor_id)
        for alert in await session.scalars(select(AlertRow).where(_alerts(employee_id))):
            if handles and alert.employee_id != successor_id:
                alert.taken_by = successor_id
            else:
                alert.state, alert.taken_by, alert.taken_at = AlertState.OPEN, None, None
        await session.flush()


def _reviews(employee_id: str) -> ColumnElement[bool]:
    in_hand = (ReviewRow.state == ReviewState.IN_REVIEW) & ReviewRow.claimed_at.is_not(None)
    return in_hand & (ReviewRow.reviewer_id == employee_id)


def _alerts(employee_id: str) -> ColumnElement[bool]:
    return (AlertRow.state == AlertState.TAKEN) & (AlertRow.taken_by == employee_id)


async def _may_handle(session: AsyncSession, employee_id: str) -> bool:
    query = (
        select(EmployeeRole.role)
        .join(Employee, Employee.id == EmployeeRole.employee_id)
        .where(
            Employee.id == employee_id,
            Employee.state == EmployeeState.ACTIVE,
            EmployeeRole.role.in_(list(_HANDLERS)),
        )
    )
    return await session.scalar(query.limit(1)) is not None
