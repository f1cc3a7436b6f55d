"""Does the steps that come after the commit, and does them again until each is over.

The steps are rows of the unbinding's own transaction, so nothing is forgotten when a process dies. The web
process runs them at once; the relay takes up whatever is due. A lease keeps two from doing the same step;
every step may be done twice without harm.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.errors import MasklineError
from core.ids import new_id
from core.ledger import Ledger
from core.logging import get_logger
from gateway.calls.models import CallRow
from gateway.offboarding.model import StepKind, StepState
from gateway.offboarding.models import OffboardingRow, StepRow
from gateway.offboarding.ports import CallEnder, OrderState, PhoneFreezer, PhoneOrder

LEASE = timedelta(seconds=10)
CALL_PAUSES_S = (0.2, 0.5, 1, 2, 5, 10, 30)
PHONE_PAUSES_S = (1, 1, 2, 5, 10, 30, 60, 300)
UNEXPECTED = "unexpected"
_OPEN = (StepState.WAITING, StepState.RETRYING)
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """A step in hand."""

    id: str
    kind: StepKind
    offboarding_id: str
    employee_id: str
    device_id: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a try came to; `reason` is a code."""

    state: StepState
    reason: str | None = None


class StepRunner:
    """Runs what is due."""

    def __init__(
        self, *, database: Database, clock: Clock, ledger: Ledger, calls: CallEnder, phones: PhoneFreezer
    ) -> None:
        self._db = database
        self._clock = clock
        self._ledger = ledger
        self._calls = calls
        self._phones = phones

    async def run_due(self, offboarding_id: str | None = None) -> int:
        """Try every step that is due, of one unbinding or of all; give how many were tried."""
        tried = 0
        while (task := await self._claim(offboarding_id)) is not None:
            tried += 1
            if task.kind is StepKind.CALLS:
                await self._end_calls(task)
            else:
                await self._phone(task)
        return tried

    async def hasten(self, session: AsyncSession, order_id: str) -> None:
        """Look at a step now because its order has ended: told in the transaction in which it did."""
        await session.execute(
            update(StepRow)
            .where(StepRow.order_id == order_id, StepRow.state.in_(_OPEN))
            .values(next_try_at=self._clock.now())
        )

    async def _claim(self, offboarding_id: str | None) -> Task | None:
        now = self._clock.now()
        query = (
            select(StepRow)
            .where(
                StepRow.state.in_(_OPEN),
                StepRow.next_try_at <= now,
                or_(StepRow.leased_until.is_(None), StepRow.leased_until < now),
            )
            .order_by(StepRow.next_try_at, StepRow.id)
            .limit(1)
        )
        if offboarding_id is not None:
            query = query.where(StepRow.offboarding_id == offboarding_id)
        async with self._db.read() as session:  # mostly nothing is due: then take no write lock
            if await session.scalar(query) is None:
                return None
        async with self._db.begin() as session:
            row = await session.scalar(query.with_for_update(skip_locked=True))
            if row is None:
                return None
            row.leased_until = now + LEASE
            row.attempts += 1
            act = await session.get_one(OffboardingRow, row.offboarding_id)
            return Task(row.id, row.kind, act.id, act.employee_id, row.reference)

    async def _end_calls(self, task: Task) -> None:
        """Hang up; over when the books have no open call of this employee any more."""
        reason: str | None = None
        try:
            await self._calls.end_inactive()
        except MasklineError as error:
            reason = error.code
        except Exception as error:  # noqa: BLE001 - tried again; the calls process looks by itself every second
            reason = UNEXPECTED
            _log.error("offboarding.step_failed", name=task.kind.value, error_type=type(error).__name__)
        async with self._db.begin() as session:
            row = await self._locked(session, task)
            if row is None:
                return
            still = select(func.count()).where(
                CallRow.employee_id == task.employee_id, CallRow.ended_at.is_(None)
            )
            if not await session.scalar(still):
                result = Result(StepState.DONE)
            elif reason is None:
                result = Result(StepState.WAITING, "calls-ending")
            else:
                result = Result(StepState.RETRYING, reason)
            await self._write(session, row, result)

    async def _phone(self, task: Task) -> None:
        """Look how an order stands; give it, or give it again, where it did not come through."""
        try:
            async with self._db.begin() as session:
                row = await self._locked(session, task)
                if row is None:
                    return
                await self._write(session, row, await self._order(session, row))
        except Exception as error:  # noqa: BLE001 - tried again
            _log.error("offboarding.step_failed", name=task.kind.value, error_type=type(error).__name__)
            async with self._db.begin() as session:
                row = await self._locked(session, task)
                if row is not None:
                    await self._write(session, row, Result(StepState.RETRYING, UNEXPECTED))

    async def _locked(self, session: AsyncSession, task: Task) -> StepRow | None:
        """Lock a step; None if it is over meanwhile.

        Its unbinding before it, as who undoes that does, and its phone, as every end of an order does.
        """
        act = select(OffboardingRow.id).where(OffboardingRow.id == task.offboarding_id)
        await session.execute(act.with_for_update())
        if task.device_id is not None:
            await self._phones.phone(session, task.device_id)
        row = await session.get(StepRow, task.id, with_for_update=True, populate_existing=True)
        return None if row is None or row.state.over else row

    async def _order(self, session: AsyncSession, row: StepRow) -> Result:
        if row.order_id is not None:
            order = await self._phones.order(session, row.order_id)
            if order.state is not OrderState.FAILED:
                return _result_of(order)
            row.order_id, row.reason = None, order.reason
        act = await session.get_one(OffboardingRow, row.offboarding_id)
        return await give_order(session, self._phones, row, by=act.by)

    async def _write(self, session: AsyncSession, row: StepRow, result: Result) -> None:
        """Write what a try came to; a step that is over goes to the ledger, and perhaps ends the whole."""
        now = self._clock.now()
        row.state, row.reason, row.leased_until = result.state, result.reason, None
        if not result.state.over:
            row.next_try_at = now + _pause(row.kind, row.attempts)
            return
        row.done_at, row.next_try_at = now, None
        await session.flush()
        await settle(session, row.offboarding_id, self._clock)
        entry = await self._ledger.append(
            session,
            "offboarding.step",
            {
                "offboarding": row.offboarding_id,
                "step": row.id,
                "kind": row.kind.value,
                "device": row.reference,
                "state": row.state.value,
                "reason": row.reason,
                "attempts": row.attempts,
            },
        )
        row.ledger_seq = entry.seq


def done_step(
    act_id: str, kind: StepKind, at: datetime, count: int = 1, *, reference: str | None = None
) -> StepRow:
    """Make a step that is done with its transaction."""
    return StepRow(
        id=new_id(),
        offboarding_id=act_id,
        kind=kind,
        reference=reference,
        count=count,
        state=StepState.DONE,
        attempts=0,
        done_at=at,
    )


async def give_order(session: AsyncSession, phones: PhoneFreezer, row: StepRow, *, by: str) -> Result:
    """Give a step's order to its phone. What is refused there undoes nothing else: it is tried again."""
    give = {
        StepKind.FREEZE: phones.freeze,
        StepKind.UNFREEZE: phones.unfreeze,
        StepKind.WIPE: phones.ask_wipe,
    }[row.kind]
    try:
        row.order_id = await give(session, row.reference or "", by=by)
    except MasklineError as error:
        return Result(StepState.RETRYING, error.code)
    return _result_of(await phones.order(session, row.order_id))


async def settle(session: AsyncSession, offboarding_id: str, clock: Clock) -> None:
    """Call an unbinding settled if no step is open any more."""
    query = select(StepRow.id).where(StepRow.offboarding_id == offboarding_id, StepRow.state.in_(_OPEN))
    if await session.scalar(query.limit(1)) is None:
        await session.execute(
            update(OffboardingRow)
            .where(OffboardingRow.id == offboarding_id, OffboardingRow.settled_at.is_(None))
            .values(settled_at=clock.now())
        )


def _result_of(order: PhoneOrder) -> Result:
    states = {
        OrderState.WAITING: StepState.WAITING,
        OrderState.DONE: StepState.DONE,
        OrderState.FAILED: StepState.RETRYING,
        OrderState.REFUSED: StepState.FAILED,
    }
    return Result(states[order.state], order.reason)


def _pause(kind: StepKind, attempts: int) -> timedelta:
    pauses = CALL_PAUSES_S if kind is StepKind.CALLS else PHONE_PAUSES_S
    return timedelta(seconds=pauses[min(attempts, len(pauses)) - 1])
