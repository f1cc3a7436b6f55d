"""Alerts that nobody has closed, as facts for whoever watches."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.pulse import Fact
from qa.inspection.model import AlertState
from qa.inspection.models import AlertRow


async def open_alerts(session: AsyncSession) -> list[Fact]:
    """Give a fact for each employee with alerts; its mark is how many of each state and the last one."""
    row = AlertRow
    found = await session.execute(
        select(row.employee_id, row.department_id, row.state, func.count(), func.max(row.id))
        .where(row.state.in_([AlertState.OPEN, AlertState.TAKEN]), ~row.gathered)
        .group_by(row.employee_id, row.department_id, row.state)
        .order_by(row.employee_id, row.department_id, row.state)
    )
    return [
        Fact(owner or "", place, f"{owner}:{state}:{count}:{last}", count)
        for owner, place, state, count, last in found
    ]
