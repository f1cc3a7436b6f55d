"""Phones as facts for whoever watches: one for each department and standing, however many there are."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.pulse import Fact
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow


async def phones(session: AsyncSession) -> list[Fact]:
    """Give how many phones of a department stand how. The mark changes with trust, state, holder, version,
    compliance and silence at once, and with fresh measurements at most once a minute.
    """
    row = DeviceRow
    standing = (row.department_id, row.trust, row.compliance, row.offline, row.state, row.applied_state)
    found = await session.execute(
        select(
            *standing,
            func.count(),
            func.sum(row.desired_version),
            func.sum(row.applied_version),
            func.count(row.employee_id),
            func.max(row.employee_id),
            func.max(row.id),
            func.max(row.last_seen_at),
        )
        .group_by(*standing)
        .order_by(*standing)
    )
    facts = []
    for *mark, seen in found.all():
        live = mark[1] in {Trust.PENDING, Trust.TRUSTED}
        told = ":".join(str(part) for part in [*mark, _minute(seen) if live else ""])
        facts.append(Fact(None, mark[0], told, mark[len(standing)] if live else 0))
    return facts


def _minute(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y%m%d%H%M")
