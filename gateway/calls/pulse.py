"""The calls that go on now, as facts for whoever watches."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.pulse import Fact
from gateway.calls.models import CallRow
from gateway.calls.queries import state_of
from gateway.contact.model import Decision


async def live_calls(session: AsyncSession) -> list[Fact]:
    """Give a fact for each allowed call that is not over; its mark is the call and where it stands."""
    going_on = CallRow.ended_at.is_(None), CallRow.decision == Decision.ALLOW
    rows = await session.scalars(select(CallRow).where(*going_on).order_by(CallRow.id))
    return [Fact(row.employee_id, row.department_id, f"{row.id}:{state_of(row)}") for row in rows]
