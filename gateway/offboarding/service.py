"""Unbinding (一键解绑): one transaction takes an employee out of everything; the rest follows at once.

In the transaction: account and sessions, SIP registration, customers, bindings, threads, held messages,
work in hand, the hold of evidence, the orders to the phones. After it: hanging up, what phones answer.
"""

import asyncio

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.errors import SelfChange
from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.ledger import JSON, Ledger
from core.logging import get_logger
from core.tasks import spawn
from gateway.offboarding.errors import AlreadyUnbound, HoldAbsent, PreviewStale, UndoTooLate
from gateway.offboarding.facts import lock_people
from gateway.offboarding.holds import lift
from gateway.offboarding.leftovers import Leftovers
from gateway.offboarding.model import Offboarding, Preview, Undone
from gateway.offboarding.models import OffboardingRow, StepRow
from gateway.offboarding.previews import Previews
from gateway.offboarding.reading import OffboardingReader, fetch
from gateway.offboarding.steps import StepRunner
from gateway.offboarding.unbinding import PhoneTrouble, Unbinder
from gateway.offboarding.undoing import Undoer
from gateway.permissions import OFFBOARDING_ACT, OFFBOARDING_UNDO

_log = get_logger(__name__)


class OffboardingService:
    """The use cases of unbinding."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        ledger: Ledger,
        previews: Previews,
        unbinder: Unbinder,
        undoer: Undoer,
        runner: StepRunner,
        leftovers: Leftovers,
        reader: OffboardingReader,
    ) -> None:
        self._db = database
        self._clock = clock
        self._ledger = ledger
        self._previews = previews
        self._unbinder = unbinder
        self._undoer = undoer
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
                return await self._unbinder.do(
                    session, principal.employee_id, shown, facts, order_phones=order_phones
                )
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
            back = await self._undoer.do(session, row, by=principal.employee_id)
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
            if not await lift(session, row.id, principal.employee_id, self._clock.now()):
                raise HoldAbsent
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
