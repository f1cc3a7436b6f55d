"""Checks over the books of both wings that every contact has exactly one inspection (decision 0014)."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.contact.model import Channel, Outcome
from gateway.contact.models import ContactRow
from gateway.messages.model import MessageRole
from gateway.messages.models import MessageRow
from qa.inspection.model import State
from qa.inspection.models import CoveredContactRow, InspectionRow


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A contact that is over and has not exactly one inspection, or another day's, or one not finished."""

    contact_id: str
    channel: Channel
    inspections: int
    why: str


async def contacts_without_one_inspection(
    session: AsyncSession, *, finished: bool = False
) -> list[Uncovered]:
    """List the contacts that are over without exactly one inspection; none, if the books are right.

    Ask when the outbox is empty: until then a contact that just ended has none yet. A message's inspection is
    opened with the message and ends with its day; `finished` asks for the end of all of them as well.
    """
    calls = select(InspectionRow.contact_id, InspectionRow.id).where(InspectionRow.contact_id.is_not(None))
    covered = select(CoveredContactRow.contact_id, CoveredContactRow.inspection_id)
    inspections = calls.union_all(covered).subquery()
    query = (
        select(ContactRow.id, ContactRow.channel, func.count(inspections.c.id))
        .outerjoin(inspections, inspections.c.contact_id == ContactRow.id)
        .where(ContactRow.outcome != Outcome.PENDING)
        .group_by(ContactRow.id, ContactRow.channel)
        .having(func.count(inspections.c.id) != 1)
        .order_by(ContactRow.id)
    )
    found = [Uncovered(*row, why="count") for row in await session.execute(query)]
    astray = (
        select(CoveredContactRow.contact_id)
        .join(InspectionRow, InspectionRow.id == CoveredContactRow.inspection_id)
        .join(MessageRow, MessageRow.contact_id == CoveredContactRow.contact_id)
        .where(MessageRow.role != MessageRole.HOUSE, MessageRow.thread_day_id != InspectionRow.thread_day_id)
        .order_by(CoveredContactRow.contact_id)
    )
    found += [Uncovered(one, Channel.MESSAGE, 1, "other-day") for one in await session.scalars(astray)]
    if finished:
        found += await _unfinished(session)
    return found


async def _unfinished(session: AsyncSession) -> list[Uncovered]:
    waiting = (State.WAITING, State.RUNNING)
    rows = await session.execute(
        select(ContactRow.id, ContactRow.channel)
        .outerjoin(CoveredContactRow, CoveredContactRow.contact_id == ContactRow.id)
        .join(
            InspectionRow,
            (InspectionRow.contact_id == ContactRow.id)
            | (InspectionRow.id == CoveredContactRow.inspection_id),
        )
        .where(InspectionRow.state.in_(waiting))
        .order_by(ContactRow.id)
    )
    return [Uncovered(contact_id, channel, 1, "unfinished") for contact_id, channel in rows]
