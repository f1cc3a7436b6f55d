"""What somebody gave to a leaver in the very moment of the unbinding: it follows to the successor."""

from datetime import timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import JSON, Ledger
from gateway.customers.models import CustomerRow
from gateway.numbers.models import BindingRow
from gateway.offboarding.facts import handed, live_bindings, lock_people, owned, person
from gateway.offboarding.handover import Act, hand_over
from gateway.offboarding.models import OffboardingRow
from gateway.offboarding.plan import moved, moves

LOOKED_AT_FOR = timedelta(minutes=10)


class Leftovers:
    """Another transaction may have looked at the employee before the act and written after it.

    Nothing can be done with what it wrote: verdicts refuse. It only must not be forgotten.
    """

    def __init__(self, *, database: Database, clock: Clock, ledger: Ledger) -> None:
        self._db = database
        self._clock = clock
        self._ledger = ledger

    async def sweep(self) -> int:
        """Hand over what was left; give for how many unbindings. A chore of the relay."""
        late = exists().where(
            CustomerRow.owner_id == OffboardingRow.employee_id, CustomerRow.erased_at.is_(None)
        )
        bound = exists().where(
            BindingRow.employee_id == OffboardingRow.employee_id, BindingRow.released_at.is_(None)
        )
        query = select(OffboardingRow.id).where(
            OffboardingRow.ended_at.is_(None),
            OffboardingRow.successor_id.is_not(None),
            OffboardingRow.at > self._clock.now() - LOOKED_AT_FOR,
            or_(late, bound),
        )
        async with self._db.read() as session:
            found = list(await session.scalars(query))
        for offboarding_id in found:
            async with self._db.begin() as session:
                await self._hand_over(session, offboarding_id)
        return len(found)

    async def _hand_over(self, session: AsyncSession, offboarding_id: str) -> None:
        row = await session.get_one(OffboardingRow, offboarding_id)
        await lock_people(session, (row.employee_id, row.successor_id))
        row = await session.get_one(
            OffboardingRow, offboarding_id, with_for_update=True, populate_existing=True
        )
        successor = await person(session, row.successor_id or "")
        if row.ended_at is not None or successor is None or not successor.active:
            return
        now = self._clock.now()
        held = await live_bindings(session, row.employee_id, lock=True)
        bindings = moves(held, await live_bindings(session, successor.id, lock=True), now)
        act = Act(new_id(), row.employee_id, successor.id, successor.department_id, now)
        await hand_over(
            session,
            act,
            customers=owned(row.employee_id),
            threads=handed(row.employee_id),
            bindings=bindings,
        )
        body: dict[str, JSON] = {
            "offboarding": row.id,
            "act": act.id,
            "employee": row.employee_id,
            "successor": successor.id,
            "bindings": len(moved(bindings)),
        }
        await self._ledger.append(session, "offboarding.swept-up", body)
