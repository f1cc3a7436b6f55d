"""Holds data of a leaver for evidence: whoever would delete asks here first."""

from datetime import datetime

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.events import EmployeeReactivated
from core.clock import Clock
from gateway.contact.models import ContactRow
from gateway.customers.events import CustomerErased
from gateway.messages.models import MessageRow
from gateway.offboarding.errors import HeldForEvidence
from gateway.offboarding.model import StepState
from gateway.offboarding.models import HoldRow, OffboardingRow, StepRow

_OPEN = (StepState.WAITING, StepState.RETRYING)


class Holds:
    """Answers whether something may be deleted, in the transaction that wants to. Retention asks it too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def is_employee_held(self, session: AsyncSession, employee_id: str) -> bool:
        """Tell whether nothing of this employee may be deleted now."""
        query = select(HoldRow.offboarding_id).where(
            HoldRow.employee_id == employee_id, in_force(self._clock.now())
        )
        return await session.scalar(query.limit(1)) is not None

    async def is_customer_held(self, session: AsyncSession, customer_id: str) -> bool:
        """Tell whether an employee whose data are held ever had to do with this customer."""
        now = self._clock.now()
        for row in (ContactRow, MessageRow):
            query = select(HoldRow.offboarding_id).where(
                in_force(now),
                exists().where(row.customer_id == customer_id, row.employee_id == HoldRow.employee_id),
            )
            if await session.scalar(query.limit(1)) is not None:
                return True
        return False

    async def refuse_held(self, session: AsyncSession, customer_id: str) -> None:
        """Raise `HeldForEvidence` if an erasure would destroy held evidence."""
        if await self.is_customer_held(session, customer_id):
            raise HeldForEvidence

    async def on_customer_erased(self, session: AsyncSession, event: CustomerErased) -> None:
        """Refuse an erasure that would destroy held evidence."""
        await self.refuse_held(session, event.customer_id)

    async def on_reactivated(self, session: AsyncSession, event: EmployeeReactivated) -> None:
        """An account that works again ends its unbinding: what was still to be done to it is dropped."""
        now = self._clock.now()
        ended = list(
            await session.scalars(
                update(OffboardingRow)
                .where(OffboardingRow.employee_id == event.employee_id, OffboardingRow.ended_at.is_(None))
                .values(ended_at=now, settled_at=now)
                .returning(OffboardingRow.id)
            )
        )
        await session.execute(
            update(StepRow)
            .where(StepRow.offboarding_id.in_(ended), StepRow.state.in_(_OPEN))
            .values(state=StepState.CANCELLED, reason="reactivated", done_at=now, next_try_at=None)
        )


def in_force(now: datetime) -> ColumnElement[bool]:
    """The holds that hold now."""
    return HoldRow.lifted_at.is_(None) & (HoldRow.until > now)


async def lift(session: AsyncSession, offboarding_id: str, by: str, now: datetime) -> bool:
    """Let go of what an unbinding holds; False if nothing is held any more."""
    hold = await session.get(HoldRow, offboarding_id, with_for_update=True)
    if hold is None or hold.lifted_at is not None:
        return False
    hold.lifted_at, hold.lifted_by = now, by
    await session.flush()
    return True
