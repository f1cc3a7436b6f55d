"""Conduct events as facts for whoever watches: how many are open, and what was done about any lately."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.pulse import Fact
from devicepolicy.uploads.models import ConductActRow, UploadEventRow

ACTS = 50


async def conduct(session: AsyncSession) -> list[Fact]:
    """Give a fact for each employee with open events, and one without weight for each of the last acts."""
    row, act = UploadEventRow, ConductActRow
    still = await session.execute(
        select(row.employee_id, row.department_id, func.count(), func.max(row.id))
        .where(row.handled_at.is_(None))
        .group_by(row.employee_id, row.department_id)
        .order_by(row.employee_id, row.department_id)
    )
    facts = [Fact(owner, place, f"{owner}:{count}:{last}", count) for owner, place, count, last in still]
    lately = await session.execute(
        select(row.employee_id, row.department_id, act.id)
        .join(row, row.id == act.event_id)
        .order_by(act.id.desc())
        .limit(ACTS)
    )
    return facts + [Fact(owner, place, done, 0) for owner, place, done in lately]
