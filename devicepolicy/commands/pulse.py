"""Commands that are not over, as facts for whoever watches."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.pulse import Fact
from devicepolicy.commands.machine import OPEN
from devicepolicy.commands.models import CommandRow


async def open_commands(session: AsyncSession) -> list[Fact]:
    """Give a fact for each department, state and approval; one that ends changes the mark by leaving."""
    row = CommandRow
    standing = (row.department_id, row.state, row.approval)
    found = await session.execute(
        select(*standing, func.count(), func.max(row.id))
        .where(row.state.in_(OPEN))
        .group_by(*standing)
        .order_by(*standing)
    )
    return [
        Fact(None, place, f"{place}:{state}:{approval}:{count}:{last}", count)
        for place, state, approval, count, last in found
    ]
