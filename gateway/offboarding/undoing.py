"""The one transaction that takes an unbinding back."""

from dataclasses import asdict

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.employees import EmployeeService
from core.clock import Clock
from core.events import EventBus
from core.ledger import JSON, Ledger
from gateway.offboarding.events import UnbindingUndone
from gateway.offboarding.handover import Act, WentBack, go_back
from gateway.offboarding.holds import lift
from gateway.offboarding.model import StepKind, StepState
from gateway.offboarding.models import OffboardingRow, StepRow
from gateway.offboarding.ports import PhoneFreezer
from gateway.offboarding.steps import done_step, settle


class Undoer:
    """Joins the caller's transaction."""

    def __init__(
        self, *, clock: Clock, ledger: Ledger, bus: EventBus, employees: EmployeeService, phones: PhoneFreezer
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._bus = bus
        self._employees = employees
        self._phones = phones

    async def do(self, session: AsyncSession, row: OffboardingRow, *, by: str) -> WentBack:
        """Take back what can be taken back of a locked unbinding that is in force."""
        now = self._clock.now()
        act = Act(row.id, row.employee_id, row.successor_id or "", None, row.at)
        back = await go_back(session, act, now)
        await lift(session, row.id, by, now)
        row.undone_at, row.undone_by, row.settled_at = now, by, None
        await session.flush()
        await self._phones_back(session, row, by)
        row.ended_at = now
        await session.flush()
        if row.was_active:
            await self._employees.reactivate_in(session, row.employee_id, by=by)
        await settle(session, row.id, self._clock)
        body: dict[str, JSON] = {
            "offboarding": row.id,
            "employee": row.employee_id,
            "by": by,
            **asdict(back),
        }
        entry = await self._ledger.append(session, "offboarding.undone", body)
        row.undo_seq = entry.seq
        told = UnbindingUndone(row.id, row.employee_id, by)
        await self._bus.publish(session, told)
        return back

    async def _phones_back(self, session: AsyncSession, row: OffboardingRow, by: str) -> None:
        """Drop what is still open; a phone that was frozen, or may be, is unfrozen."""
        of_steps = select(StepRow.reference).where(
            StepRow.offboarding_id == row.id, StepRow.reference.is_not(None)
        )
        for device_id in sorted({found for found in await session.scalars(of_steps) if found is not None}):
            await self._phones.phone(session, device_id)  # whose they are now: locked before the steps
        steps = await session.scalars(
            select(StepRow).where(StepRow.offboarding_id == row.id).order_by(StepRow.id).with_for_update()
        )
        for step in list(steps):
            open_before = not step.state.over
            taken_back = (
                open_before
                and step.order_id is not None
                and await self._phones.cancel(session, step.order_id, by=by)
            )
            if open_before:
                step.state, step.done_at, step.next_try_at = StepState.CANCELLED, self._clock.now(), None
                step.reason = "undone"
            sent = step.order_id is not None and not taken_back
            if step.kind is StepKind.FREEZE and sent and step.reference is not None:
                again = done_step(row.id, StepKind.UNFREEZE, self._clock.now(), reference=step.reference)
                again.state, again.done_at = StepState.WAITING, None
                again.next_try_at = self._clock.now()  # ordered right after the commit
                session.add(again)
        await session.flush()
