"""Previews: what an unbinding would do, kept so that the act does exactly that or says what changed."""

import hmac
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal, Scope
from core.access.people import find_employee
from core.access.scope import reaches
from core.clock import Clock
from core.config import OffboardingSettings
from core.ids import new_id
from gateway.numbers.policy import BindingPolicy
from gateway.offboarding import plan
from gateway.offboarding.errors import (
    PreviewStale,
    PreviewUnknown,
    RankTooHigh,
    SuccessorFull,
    SuccessorInvalid,
    SuccessorRequired,
)
from gateway.offboarding.facts import FactReader, live_bindings, person
from gateway.offboarding.model import Facts, Person, Preview
from gateway.offboarding.models import PreviewRow
from gateway.permissions import OFFBOARDING_ACT, OFFBOARDING_WIPE

AGENT_ONLY = frozenset({"agent"})


class Previews:
    """Everything joins the caller's transaction."""

    def __init__(
        self, *, clock: Clock, reader: FactReader, policy: BindingPolicy, settings: OffboardingSettings
    ) -> None:
        self._clock = clock
        self._reader = reader
        self._policy = policy
        self._life = timedelta(seconds=settings.preview_s)

    async def make(
        self,
        session: AsyncSession,
        principal: Principal,
        employee_id: str,
        successor_id: str | None,
        *,
        wipe: bool,
    ) -> Preview:
        """Read the facts, check them, and keep the plan. Raises as `checked` does."""
        facts = await self.checked(session, principal, employee_id, successor_id, wipe=wipe)
        now, document = self._clock.now(), plan.plan_bytes(facts, wipe=wipe)
        row = PreviewRow(
            id=new_id(),
            employee_id=employee_id,
            successor_id=successor_id,
            wipe=wipe,
            asked_by=principal.employee_id,
            at=now,
            expires_at=now + self._life,
            digest=plan.digest_of(document),
            plan=document,
        )
        session.add(row)
        await session.flush()
        lines = plan.effects(facts, wipe=wipe)
        return Preview(
            row.id, facts.employee, facts.successor, wipe, row.digest, row.at, row.expires_at, lines
        )

    async def find(
        self, session: AsyncSession, principal: Principal, preview_id: str, digest: str
    ) -> PreviewRow:
        """Give a preview that the principal was shown and that still holds; raise `PreviewUnknown`."""
        row = await session.get(PreviewRow, preview_id)
        if row is None or row.asked_by != principal.employee_id or row.expires_at <= self._clock.now():
            raise PreviewUnknown
        if not hmac.compare_digest(row.digest, digest):
            raise PreviewUnknown
        return row

    async def confirmed(self, session: AsyncSession, principal: Principal, shown: PreviewRow) -> Facts:
        """Read and lock the facts; raise `PreviewStale` with what changed if they are others than shown."""
        facts = await self.checked(
            session, principal, shown.employee_id, shown.successor_id, wipe=shown.wipe, lock=True
        )
        now = plan.plan_bytes(facts, wipe=shown.wipe)
        if now != shown.plan:
            found = plan.changes(shown.plan, now)
            zh, en = plan.told(found)
            counted = {change.part: f"+{change.added} -{change.removed}" for change in found}
            raise PreviewStale(f"{en}.", detail_zh=f"{zh}。", **counted)
        return facts

    async def checked(
        self,
        session: AsyncSession,
        principal: Principal,
        employee_id: str,
        successor_id: str | None,
        *,
        wipe: bool,
        lock: bool = False,
    ) -> Facts:
        """Read the facts of an unbinding that the principal may do.

        Raises:
            EmployeeUnknown, RankTooHigh, Forbidden (a wipe), SuccessorInvalid, SuccessorRequired,
            SuccessorFull
        """
        scope = principal.require(OFFBOARDING_ACT)
        if wipe:
            principal.require(OFFBOARDING_WIPE)
        await find_employee(session, principal, OFFBOARDING_ACT, employee_id)
        leaver = await person(session, employee_id)
        if leaver is None:
            raise PreviewUnknown
        if scope is not Scope.ALL and leaver.roles != AGENT_ONLY:
            raise RankTooHigh
        successor = await self._successor(session, principal, employee_id, successor_id)
        facts = await self._reader.read(session, leaver, successor, lock=lock)
        if plan.needs_successor(facts):
            if successor is None:
                raise SuccessorRequired
            await self._check_room(session, facts, successor)
        return facts

    async def any_over(self, session: AsyncSession) -> bool:
        """Tell whether there is something to sweep."""
        over = select(PreviewRow.id).where(PreviewRow.expires_at <= self._clock.now())
        return await session.scalar(over.limit(1)) is not None

    async def sweep(self, session: AsyncSession) -> None:
        """Forget previews that are over."""
        await session.execute(delete(PreviewRow).where(PreviewRow.expires_at <= self._clock.now()))

    async def _successor(
        self, session: AsyncSession, principal: Principal, employee_id: str, successor_id: str | None
    ) -> Person | None:
        if successor_id is None:
            return None
        found = await person(session, successor_id) if successor_id != employee_id else None
        if found is None or not plan.fits(found):
            raise SuccessorInvalid
        if not reaches(principal, OFFBOARDING_ACT, owner=found.id, path=found.path):
            raise SuccessorInvalid
        return found

    async def _check_room(self, session: AsyncSession, facts: Facts, successor: Person) -> None:
        held = len(await live_bindings(session, successor.id))
        coming, most = len(plan.moved(facts.bindings)), self._policy.max_active_per_employee
        if held + coming > most:
            raise SuccessorFull(held=held, coming=coming, most=most)
