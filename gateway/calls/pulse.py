"""The calls that go on now, as facts for whoever watches."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.pulse import Fact
from gateway.calls.models import CallRow
from gateway.calls.queries import state_of


async def live_calls(session: AsyncSession) -> list[Fact]:
    """Give a fact for each call that is not over; its mark is the call and where it stands."""
    rows = await session.scalars(select(CallRow).where(CallRow.ended_at.is_(None)).order_by(CallRow.id))
    return [Fact(row.employee_id, row.department_id, f"{row.id}:{state_of(row)}") for row in rows]
