"""Messages that wait for a decision, as facts for whoever watches."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.pulse import Fact
from gateway.messages.model import MessageState
from gateway.messages.models import MessageRow


async def held_messages(session: AsyncSession) -> list[Fact]:
    """Give a fact for each employee with held messages; its mark is how many, the first and the last."""
    row = MessageRow
    found = await session.execute(
        select(row.employee_id, row.department_id, func.count(), func.min(row.id), func.max(row.id))
        .where(row.state == MessageState.HELD)
        .group_by(row.employee_id, row.department_id)
        .order_by(row.employee_id, row.department_id)
    )
    return [
        Fact(owner, place, f"{owner}:{count}:{first}:{last}", count)
        for owner, place, count, first, last in found
    ]
