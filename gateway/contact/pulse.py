"""Contacts that were refused lately, as facts for whoever watches."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.pulse import Fact
from gateway.contact.model import Decision
from gateway.contact.models import ContactRow


async def refused_since(session: AsyncSession, since: datetime) -> list[Fact]:
    """Give a fact for each employee with refusals since then; its mark is how many and the last one."""
    row = ContactRow
    found = await session.execute(
        select(row.employee_id, row.department_id, func.count(), func.max(row.id))
        .where(row.decision == Decision.DENY, row.requested_at >= since)
        .group_by(row.employee_id, row.department_id)
        .order_by(row.employee_id, row.department_id)
    )
    return [Fact(owner, place, f"{owner}:{count}:{last}", count) for owner, place, count, last in found]
