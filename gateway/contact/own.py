"""An employee's own contacts, day by day. It compares with nobody."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.access.model import Principal
from core.db import Database
from gateway import permissions
from gateway.contact.model import Channel, Decision, Direction, Outcome
from gateway.contact.models import ContactRow


@dataclass(frozen=True, slots=True)
class DayOfContacts:
    """What one did on one day. `connected` counts calls that were answered; messages stand apart."""

    day: date
    calls: int
    connected: int
    messages: int
    inbound: int
    refused: int


async def own_days(
    database: Database, principal: Principal, since: datetime, until: datetime, zone: ZoneInfo
) -> dict[date, DayOfContacts]:
    """Count the principal's own contacts from `since` to before `until` by the day in `zone`."""
    principal.require(permissions.CONTACT_READ)
    row = ContactRow
    query = select(row.requested_at, row.channel, row.direction, row.decision, row.outcome).where(
        row.employee_id == principal.employee_id, row.requested_at >= since, row.requested_at < until
    )
    counted: dict[date, list[int]] = {}
    async with database.read() as session:
        for at, channel, direction, decision, outcome in await session.execute(query):
            counts = counted.setdefault(at.astimezone(zone).date(), [0, 0, 0, 0, 0])
            allowed = decision is Decision.ALLOW and outcome is not Outcome.REFUSED
            out = direction is Direction.OUTBOUND
            is_call = channel is Channel.CALL
            counts[0] += out and is_call and allowed
            counts[1] += out and is_call and outcome is Outcome.CONNECTED
            counts[2] += out and not is_call and allowed
            counts[3] += not out
            counts[4] += out and not allowed
    return {day: DayOfContacts(day, *counts) for day, counts in counted.items()}
