"""Reads unbindings within a principal's scope."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.web.paging import paginate
from gateway.offboarding import plan
from gateway.offboarding.errors import OffboardingUnknown
from gateway.offboarding.model import Offboarding, Phase, StepState, StepView
from gateway.offboarding.models import HoldRow, OffboardingRow, StepRow
from gateway.permissions import OFFBOARDING_READ


@dataclass(frozen=True, slots=True)
class OffboardingFilter:
    """Which unbindings to list. `open_only`: those of which a step is not over."""

    employee_id: str | None = None
    open_only: bool = False


class OffboardingReader:
    """What people may know about unbindings; nothing here writes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._db = database
        self._clock = clock

    async def get(
        self, principal: Principal, offboarding_id: str, *, permission: str = OFFBOARDING_READ
    ) -> Offboarding:
        """Give one with its steps; raise `OffboardingUnknown`."""
        async with self._db.read() as session:
            row = await fetch(session, principal, permission, offboarding_id)
            (view,) = await self._views(session, [row])
            return view

    async def page(
        self,
        principal: Principal,
        wanted: OffboardingFilter,
        *,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Offboarding], str | None]:
        """List them, the newest first."""
        query = select(OffboardingRow).where(_reach(principal, OFFBOARDING_READ))
        if wanted.employee_id is not None:
            query = query.where(OffboardingRow.employee_id == wanted.employee_id)
        if wanted.open_only:
            query = query.where(OffboardingRow.settled_at.is_(None))
        async with self._db.read() as session:
            rows, following = await paginate(
                session, query, key=OffboardingRow.id, cursor=cursor, limit=limit
            )
            return await self._views(session, rows), following

    async def _views(self, session: AsyncSession, rows: Sequence[OffboardingRow]) -> list[Offboarding]:
        ids = [row.id for row in rows]
        steps: dict[str, list[StepRow]] = {}
        query = select(StepRow).where(StepRow.offboarding_id.in_(ids)).order_by(StepRow.id)
        for step in await session.scalars(query):
            steps.setdefault(step.offboarding_id, []).append(step)
        holds = await session.scalars(select(HoldRow).where(HoldRow.offboarding_id.in_(ids)))
        held = {hold.offboarding_id: hold for hold in holds}
        return [self._view(row, steps.get(row.id, []), held[row.id]) for row in rows]

    def _view(self, row: OffboardingRow, steps: Sequence[StepRow], hold: HoldRow) -> Offboarding:
        return Offboarding(
            id=row.id,
            employee_id=row.employee_id,
            department_id=row.department_id,
            successor_id=row.successor_id,
            by=row.by,
            at=row.at,
            phase=_phase(row, steps),
            digest=row.digest,
            undo_until=row.undo_until,
            can_undo=row.ended_at is None and self._clock.now() <= row.undo_until,
            undone_at=row.undone_at,
            undone_by=row.undone_by,
            settled_at=row.settled_at,
            held_until=hold.until,
            hold_lifted_at=hold.lifted_at,
            ledger_seq=row.last_seq,
            steps=tuple(_step_view(step) for step in steps),
        )


async def fetch(
    session: AsyncSession, principal: Principal, permission: str, offboarding_id: str, *, lock: bool = False
) -> OffboardingRow:
    """Give an unbinding within reach of `permission`, or raise `OffboardingUnknown`."""
    query = select(OffboardingRow).where(OffboardingRow.id == offboarding_id, _reach(principal, permission))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    row = await session.scalar(query)
    if row is None:
        raise OffboardingUnknown
    return row


def _reach(principal: Principal, permission: str) -> ColumnElement[bool]:
    return scope_clause(
        principal, permission, owner=OffboardingRow.by, department=OffboardingRow.department_id
    )


def _phase(row: OffboardingRow, steps: Sequence[StepRow]) -> Phase:
    if row.undone_at is not None:
        return Phase.UNDONE
    if any(not step.state.over for step in steps):
        return Phase.WORKING
    return Phase.FAILED if any(step.state is StepState.FAILED for step in steps) else Phase.DONE


def _step_view(row: StepRow) -> StepView:
    words = plan.effect(row.kind, row.count)
    return StepView(
        id=row.id,
        kind=row.kind,
        state=row.state,
        count=row.count,
        zh=words.zh,
        en=words.en,
        undo=words.undo,
        reference=row.reference,
        attempts=row.attempts,
        reason=row.reason,
        next_try_at=row.next_try_at,
        done_at=row.done_at,
    )
