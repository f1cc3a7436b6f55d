"""Unbinding (一键解绑): one transaction takes an employee out of everything; the rest follows at once.

In the transaction: account and sessions, SIP registration, customers, bindings, threads, held messages,
work in hand, the hold of evidence, the orders to the phones. After it: hanging up, what phones answer.
"""

import asyncio
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.employees import EmployeeService
from core.access.errors import SelfChange
from core.access.model import Principal
from core.clock import Clock
from core.config import OffboardingSettings
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.logging import get_logger
from core.tasks import spawn
from gateway.calls.accounts import SipAccountService
from gateway.messages.review import MessageReview
from gateway.offboarding import plan
from gateway.offboarding.errors import AlreadyUnbound, HoldAbsent, PreviewStale, UndoTooLate
from gateway.offboarding.events import EmployeeUnbound, UnbindingUndone
from gateway.offboarding.facts import handed, lock_people, owned
from gateway.offboarding.handover import Act, WentBack, go_back, hand_over
from gateway.offboarding.leftovers import Leftovers
from gateway.offboarding.model import Facts, Offboarding, Preview, StepKind, StepState, Undone
from gateway.offboarding.models import HoldRow, OffboardingRow, PreviewRow, StepRow
from gateway.offboarding.ports import Duties, PhoneFreezer
from gateway.offboarding.previews import Previews
from gateway.offboarding.reading import OffboardingReader, fetch
from gateway.offboarding.steps import UNEXPECTED, StepRunner, give_order, settle
from gateway.permissions import OFFBOARDING_ACT, OFFBOARDING_UNDO

PHONE_STEPS = (StepKind.FREEZE, StepKind.WIPE)
_log = get_logger(__name__)


class PhoneTrouble(Exception):
    """The phones' wing broke in the middle: the transaction is worth nothing any more."""


class OffboardingService:
    """The use cases of unbinding."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        ledger: Ledger,
        bus: EventBus,
        settings: OffboardingSettings,
        employees: EmployeeService,
        accounts: SipAccountService,
        messages: MessageReview,
        phones: PhoneFreezer,
        duties: Duties,
        previews: Previews,
        runner: StepRunner,
        leftovers: Leftovers,
        reader: OffboardingReader,
    ) -> None:
        self._db = database
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
        self._previews = previews
        self.runner = runner
        self._leftovers = leftovers
        self.reader = reader
        self._working: set[asyncio.Task[int]] = set()

    async def preview(
        self, principal: Principal, employee_id: str, successor_id: str | None, *, wipe: bool = False
    ) -> Preview:
        """Say what an unbinding would do, and keep it for the act.

        Raises:
            EmployeeUnknown, SelfChange, RankTooHigh, Forbidden, SuccessorInvalid, SuccessorRequired,
            SuccessorFull, AlreadyUnbound
        """
        principal.require(OFFBOARDING_ACT)
        if employee_id == principal.employee_id:
            raise SelfChange
        async with self._db.begin() as session:
            shown = await self._previews.make(session, principal, employee_id, successor_id, wipe=wipe)
            await self._refuse_second(session, employee_id)
            return shown

    async def unbind(self, principal: Principal, preview_id: str, digest: str) -> Offboarding:
        """Do what the preview showed: all of it or nothing. What comes after the commit begins at once.

        Raises:
            PreviewUnknown, PreviewStale: with what changed. AlreadyUnbound: with who and when.
            LastAdministrator, and what `preview` raises.
        """
        principal.require(OFFBOARDING_ACT)
        try:
            act_id = await self._unbind(principal, preview_id, digest, order_phones=True)
        except PhoneTrouble as trouble:  # the account must not wait for phones
            _log.error("offboarding.phones_failed", error_type=type(trouble.__cause__).__name__)
            act_id = await self._unbind(principal, preview_id, digest, order_phones=False)
        self.run_soon(act_id)
        return await self.reader.get(principal, act_id, permission=OFFBOARDING_ACT)

    async def _unbind(self, principal: Principal, preview_id: str, digest: str, *, order_phones: bool) -> str:
        try:
            async with self._db.begin() as session:
                shown = await self._previews.find(session, principal, preview_id, digest)
                await lock_people(session, (shown.employee_id, shown.successor_id))
                await self._refuse_second(session, shown.employee_id)
                facts = await self._previews.confirmed(session, principal, shown)
                return await self._do(session, principal, shown, facts, order_phones=order_phones)
        except IntegrityError as error:  # somebody was faster: with the employee, or with a binding
            if OffboardingRow.__tablename__ in str(error.orig):
                raise AlreadyUnbound from None
            raise PreviewStale from None

    async def undo(self, principal: Principal, offboarding_id: str) -> Undone:
        """Take an unbinding back within its time: the account works, untouched things return.

        Raises:
            OffboardingUnknown, UndoTooLate, SelfChange
        """
        principal.require(OFFBOARDING_UNDO)
        async with self._db.begin() as session:
            row = await fetch(session, principal, OFFBOARDING_UNDO, offboarding_id)
            if row.employee_id == principal.employee_id:
                raise SelfChange
            await lock_people(session, (row.employee_id, row.successor_id))
            row = await fetch(session, principal, OFFBOARDING_UNDO, offboarding_id, lock=True)
            now = self._clock.now()
            if row.ended_at is not None or now > row.undo_until:
                raise UndoTooLate
            back = await self._undo(session, principal, row)
        self.run_soon(row.id)
        shown = await self.reader.get(principal, row.id, permission=OFFBOARDING_UNDO)
        return Undone(shown, back.customers, back.bindings, back.threads, back.kept_customers,
                      back.kept_bindings)  # fmt: skip

    async def retry(self, principal: Principal, offboarding_id: str) -> Offboarding:
        """Try the open steps now instead of at their next turn. Raises `OffboardingUnknown`."""
        async with self._db.begin() as session:
            row = await fetch(session, principal, OFFBOARDING_ACT, offboarding_id)
            steps = await session.scalars(select(StepRow).where(StepRow.offboarding_id == row.id))
            for step in steps:
                if not step.state.over:
                    step.next_try_at = self._clock.now()
        self.run_soon(row.id)
        return await self.reader.get(principal, row.id, permission=OFFBOARDING_ACT)

    async def lift_hold(self, principal: Principal, offboarding_id: str) -> Offboarding:
        """Let go of the data held for evidence before their time. Raises OffboardingUnknown, HoldAbsent."""
        async with self._db.begin() as session:
            row = await fetch(session, principal, OFFBOARDING_UNDO, offboarding_id)
            await self._lift(session, row.id, principal.employee_id)
            body: dict[str, JSON] = {"offboarding": row.id, "by": principal.employee_id}
            await self._ledger.append(session, "offboarding.hold-lifted", body)
        return await self.reader.get(principal, row.id, permission=OFFBOARDING_UNDO)

    async def sweep(self) -> None:
        """Do what is due: steps, what was left over, old previews. A chore of the relay."""
        await self.runner.run_due()
        await self._leftovers.sweep()
        async with self._db.read() as session:  # mostly nothing is over: then take no write lock
            if not await self._previews.any_over(session):
                return
        async with self._db.begin() as session:
            await self._previews.sweep(session)

    def run_soon(self, offboarding_id: str) -> None:
        """Begin the steps after the commit; the relay takes over what this process does not finish."""
        task = spawn(self.runner.run_due(offboarding_id), name=f"offboarding-{offboarding_id}")
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def settled(self) -> None:
        """Wait until this process does nothing more."""
        await asyncio.gather(*self._working, return_exceptions=True)

    # --- inside the transaction -------------------------------------------------------------------

    async def _refuse_second(self, session: AsyncSession, employee_id: str) -> None:
        """Of two administrators one is first; the other is told who and when."""
        query = select(OffboardingRow).where(
            OffboardingRow.employee_id == employee_id, OffboardingRow.ended_at.is_(None)
        )
        known = await session.scalar(query)
        if known is not None:
            at = known.at.isoformat(timespec="seconds")
            raise AlreadyUnbound(f"At {at}.", detail_zh=f"时间：{at}。",
                                 offboarding_id=known.id, by=known.by, at=at)  # fmt: skip

    async def _do(
        self,
        session: AsyncSession,
        principal: Principal,
        shown: PreviewRow,
        facts: Facts,
        *,
        order_phones: bool,
    ) -> str:
        """Change everything; the ledger comes last, it holds a lock."""
        now = self._clock.now()
        row = OffboardingRow(
            id=new_id(),
            employee_id=facts.employee.id,
            department_id=facts.employee.department_id,
            successor_id=facts.successor.id if facts.successor else None,
            by=principal.employee_id,
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

    async def _write_steps(
        self, session: AsyncSession, row: OffboardingRow, facts: Facts, *, order_phones: bool
    ) -> None:
        for kind, count in plan.counts(facts, wipe=row.wipe).items():
            if kind in PHONE_STEPS:
                for device_id in sorted(facts.phones) if count else ():
                    await self._phone_step(session, row, kind, device_id, now=order_phones)
            elif kind is StepKind.CALLS:
                step = self._step(row.id, kind, count)
                step.state, step.done_at, step.next_try_at = StepState.WAITING, None, row.at
                session.add(step)
            else:
                session.add(self._step(row.id, kind, count))
        await session.flush()

    async def _phone_step(
        self,
        session: AsyncSession,
        row: OffboardingRow,
        kind: StepKind,
        device_id: str,
        *,
        now: bool = True,
    ) -> None:
        """Give an order in this transaction, or leave it to the runner; how it ends is seen later."""
        step = self._step(row.id, kind, 1, device_id)
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

    def _step(self, act_id: str, kind: StepKind, count: int, reference: str | None = None) -> StepRow:
        """Make a step that is done with the transaction."""
        return StepRow(
            id=new_id(),
            offboarding_id=act_id,
            kind=kind,
            reference=reference,
            count=count,
            state=StepState.DONE,
            attempts=0,
            done_at=self._clock.now(),
        )

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

    async def _undo(self, session: AsyncSession, principal: Principal, row: OffboardingRow) -> WentBack:
        now = self._clock.now()
        act = Act(row.id, row.employee_id, row.successor_id or "", None, row.at)
        back = await go_back(session, act, now)
        await self._lift(session, row.id, principal.employee_id, absent_ok=True)
        row.undone_at, row.undone_by, row.settled_at = now, principal.employee_id, None
        await session.flush()
        await self._phones_back(session, row, principal.employee_id)
        row.ended_at = now
        await session.flush()
        if row.was_active:
            await self._employees.reactivate_in(session, row.employee_id, by=principal.employee_id)
        await settle(session, row.id, self._clock)
        body: dict[str, JSON] = {
            "offboarding": row.id,
            "employee": row.employee_id,
            "by": principal.employee_id,
            **asdict(back),
        }
        entry = await self._ledger.append(session, "offboarding.undone", body)
        row.undo_seq = entry.seq
        told = UnbindingUndone(row.id, row.employee_id, principal.employee_id)
        await self._bus.publish(session, told)
        return back

    async def _phones_back(self, session: AsyncSession, row: OffboardingRow, by: str) -> None:
        """Drop what is still open; a phone that was frozen, or may be, is unfrozen."""
        await self._phones.phones(session, row.employee_id)  # locked before the ledger
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
                again = self._step(row.id, StepKind.UNFREEZE, 1, step.reference)
                again.state, again.done_at = StepState.WAITING, None
                again.next_try_at = self._clock.now()  # ordered right after the commit
                session.add(again)
        await session.flush()

    async def _lift(
        self, session: AsyncSession, offboarding_id: str, by: str, *, absent_ok: bool = False
    ) -> None:
        hold = await session.get(HoldRow, offboarding_id, with_for_update=True)
        if hold is None or hold.lifted_at is not None:
            if absent_ok:
                return
            raise HoldAbsent
        hold.lifted_at, hold.lifted_by = self._clock.now(), by
        await session.flush()


def _act(row: OffboardingRow, facts: Facts) -> Act:
    successor = facts.successor
    department_id = successor.department_id if successor else None
    return Act(row.id, row.employee_id, row.successor_id or "", department_id, row.at)
