"""The one transaction of an unbinding, whose facts are locked and as they were shown."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from core.access.employees import EmployeeService
from core.clock import Clock
from core.config import OffboardingSettings
from core.events import EventBus
from core.ids import new_id
from core.ledger import JSON, Ledger
from gateway.calls.accounts import SipAccountService
from gateway.messages.review import MessageReview
from gateway.offboarding import plan
from gateway.offboarding.events import EmployeeUnbound
from gateway.offboarding.facts import handed, owned
from gateway.offboarding.handover import Act, hand_over
from gateway.offboarding.model import Facts, StepKind, StepState
from gateway.offboarding.models import HoldRow, OffboardingRow, PreviewRow
from gateway.offboarding.ports import Duties, PhoneFreezer
from gateway.offboarding.steps import UNEXPECTED, done_step, give_order

PHONE_STEPS = (StepKind.FREEZE, StepKind.WIPE)


class PhoneTrouble(Exception):
    """The phones' wing broke in the middle: the transaction is worth nothing any more."""


class Unbinder:
    """Joins the caller's transaction."""

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: Ledger,
        bus: EventBus,
        settings: OffboardingSettings,
        employees: EmployeeService,
        accounts: SipAccountService,
        messages: MessageReview,
        phones: PhoneFreezer,
        duties: Duties,
    ) -> None:
        self._clock = clock
        self._ledger = ledger
        self._bus = bus
        self._undo_for = timedelta(seconds=settings.undo_s)
        self._hold_for = timedelta(days=settings.hold_days)
        self._employees = employees
        self._accounts = accounts
        self._messages = messages
        self._phones = phones
        self._duties = duties

    async def do(
        self,
        session: AsyncSession,
        by: str,
        shown: PreviewRow,
        facts: Facts,
        *,
        order_phones: bool,
    ) -> str:
        """Change everything and give the unbinding's id; the ledger comes last, it holds a lock.

        Raises:
            PhoneTrouble, and what suspending raises
        """
        row = await self._open(session, by, shown, facts)
        await hand_over(
            session,
            _act(row, facts),
            customers=owned(row.employee_id),
            threads=handed(row.employee_id),
            bindings=facts.bindings,
        )
        await self._duties.pass_on(session, row.employee_id, row.successor_id)
        await self._accounts.drop_registration(session, row.employee_id)
        await session.delete(shown)
        await session.flush()
        begun: dict[str, JSON] = {
            "offboarding": row.id,
            "employee": row.employee_id,
            "by": row.by,
            "plan_sha256": row.digest,
        }
        row.first_seq = (await self._ledger.append(session, "offboarding.begun", begun)).seq
        await self._write_steps(session, row, facts, order_phones=order_phones)
        await self._messages.withdraw_of(session, row.employee_id, by=row.by)
        await self._employees.suspend_in(session, row.employee_id, by=row.by)
        row.last_seq = await self._enter(session, row, facts)
        told = EmployeeUnbound(row.id, row.employee_id, row.successor_id, row.by)
        await self._bus.publish(session, told)
        return row.id

    async def _open(self, session: AsyncSession, by: str, shown: PreviewRow, facts: Facts) -> OffboardingRow:
        """Write the record and the hold of evidence."""
        now = self._clock.now()
        row = OffboardingRow(
            id=new_id(),
            employee_id=facts.employee.id,
            department_id=facts.employee.department_id,
            successor_id=facts.successor.id if facts.successor else None,
            by=by,
            at=now,
            was_active=facts.employee.active,
            wipe=shown.wipe,
            digest=shown.digest,
            plan=shown.plan,
            undo_until=now + self._undo_for,
            first_seq=0,
            last_seq=0,
        )
        session.add(row)
        await session.flush()
        session.add(HoldRow(offboarding_id=row.id, employee_id=row.employee_id, since=now,
                            until=now + self._hold_for))  # fmt: skip
        return row

    async def _write_steps(
        self, session: AsyncSession, row: OffboardingRow, facts: Facts, *, order_phones: bool
    ) -> None:
        for kind, count in plan.counts(facts, wipe=row.wipe).items():
            if kind in PHONE_STEPS:
                for device_id in sorted(facts.phones) if count else ():
                    await self._phone_step(session, row, kind, device_id, now=order_phones)
            elif kind is StepKind.CALLS:
                step = done_step(row.id, kind, self._clock.now(), count)
                step.state, step.done_at, step.next_try_at = StepState.WAITING, None, row.at
                step.reason = "calls-ending"
                session.add(step)
            else:
                session.add(done_step(row.id, kind, self._clock.now(), count))
        await session.flush()

    async def _phone_step(
        self,
        session: AsyncSession,
        row: OffboardingRow,
        kind: StepKind,
        device_id: str,
        *,
        now: bool,
    ) -> None:
        """Give an order in this transaction, or leave it to the runner; how it ends is seen later."""
        step = done_step(row.id, kind, self._clock.now(), reference=device_id)
        step.state, step.done_at, step.next_try_at = StepState.WAITING, None, self._clock.now()
        session.add(step)
        await session.flush()
        if not now:
            step.state, step.reason = StepState.RETRYING, UNEXPECTED
            return
        try:
            result = await give_order(session, self._phones, step, by=row.by)
        except Exception as error:
            raise PhoneTrouble from error
        open_state = StepState.RETRYING if result.state is StepState.RETRYING else StepState.WAITING
        step.state, step.reason = open_state, result.reason

    async def _enter(self, session: AsyncSession, row: OffboardingRow, facts: Facts) -> int:
        """Write the entry that proves the plan: its hash, who did it, how many of what."""
        counted: dict[str, JSON] = {
            kind.value: count for kind, count in plan.counts(facts, wipe=row.wipe).items()
        }
        body: dict[str, JSON] = {
            "offboarding": row.id,
            "employee": row.employee_id,
            "successor": row.successor_id,
            "by": row.by,
            "plan_sha256": row.digest,
            "counts": counted,
            "undo_until": row.undo_until.isoformat(),
        }
        return (await self._ledger.append(session, "offboarding.done", body)).seq


def _act(row: OffboardingRow, facts: Facts) -> Act:
    successor = facts.successor
    department_id = successor.department_id if successor else None
    return Act(row.id, row.employee_id, row.successor_id or "", department_id, row.at)
