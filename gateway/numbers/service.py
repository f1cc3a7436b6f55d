"""Bindings: made, renewed, released, and looked up in both dialling directions."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.ledger import Ledger
from core.web.paging import paginate
from gateway import permissions
from gateway.customers import repository as customers
from gateway.customers.errors import CustomerUnknown
from gateway.customers.events import CustomerErased
from gateway.customers.models import CustomerRow
from gateway.customers.owners import find_owner
from gateway.customers.phone import PhoneNumber
from gateway.customers.sealing import CustomerSealing
from gateway.numbers.errors import (
    BindingExists,
    BindingInvalid,
    BindingUnknown,
    IdempotencyMismatch,
    TooManyBindings,
)
from gateway.numbers.lines import normalise_line
from gateway.numbers.model import BindingFilter, BindingView, BindRequest
from gateway.numbers.models import BindingRow, LineRow
from gateway.numbers.placement import Placement
from gateway.numbers.policy import BindingPolicy
from gateway.numbers.views import binding_view

SWEEP = 200


@dataclass(frozen=True, slots=True)
class BindingPage:
    """One page of bindings."""

    items: tuple[BindingView, ...]
    next_cursor: str | None


class BindingService:
    """Makes bindings that can never be ambiguous, and finds the one that a dialled number means."""

    def __init__(
        self,
        *,
        database: Database,
        sealing: CustomerSealing,
        ledger: Ledger,
        clock: Clock,
        policy: BindingPolicy,
        placement: Placement,
        region: str,
    ) -> None:
        self._db = database
        self._sealing = sealing
        self._ledger = ledger
        self._clock = clock
        self._policy = policy
        self._placement = placement
        self._region = region

    @property
    def policy(self) -> BindingPolicy:
        """How long a binding may live, and how many somebody may hold."""
        return self._policy

    async def resolve_dial(self, session: AsyncSession, employee_id: str, dialled: str) -> BindingView | None:
        """Find the binding that `dialled` (a token, or a line's number) means for this employee.

        A token also finds a binding that is over: the verdict then says so. A line finds at most one.
        """
        mine = BindingRow.employee_id == employee_id
        by_token = await self._one(session, mine, BindingRow.token == dialled.lower())
        if by_token is not None:
            return by_token
        number = normalise_line(dialled, self._region)
        if number is None:
            return None
        direct = BindingRow.direct_dial.is_(True)
        return await self._one(
            session, mine, direct, BindingRow.released_at.is_(None), LineRow.number == number
        )

    async def resolve_inbound(
        self, session: AsyncSession, line_number: str, caller: PhoneNumber
    ) -> BindingView | None:
        """Find the binding of the customer who calls `line_number`."""
        number = normalise_line(line_number, self._region)
        if number is None:
            return None
        customer = select(CustomerRow.id).where(CustomerRow.phone_index == self._sealing.phone_index(caller))
        return await self._one(
            session,
            BindingRow.customer_id == customer.scalar_subquery(),
            BindingRow.released_at.is_(None),
            LineRow.number == number,
        )

    async def bind(self, principal: Principal, request: BindRequest) -> BindingView:
        """Tie a line, an employee and a customer together until `expires_at`.

        The same idempotency key of the same principal gives the same binding again.
        Raises: BindingInvalid, BindingExists, NoLineFree, TooManyBindings, IdempotencyMismatch,
        CustomerUnknown, OwnerInvalid.
        """
        digest = _digest(request)
        request = replace(request, idempotency_key=self._sealing.request_key(request.idempotency_key))
        async with self._db.begin() as session:
            customer = await customers.fetch(
                session, principal, permissions.BINDING_WRITE, request.customer_id, lock=True
            )
            known = await self._known(session, principal, request, digest)
            if known is not None:
                return known
            if customer.erased_at is not None:
                raise CustomerUnknown
            now = self._clock.now()
            self._check_expiry(request.expires_at, now)
            employee = await find_owner(session, principal, permissions.BINDING_WRITE, request.employee_id)
            overdue = await self._release_overdue(session, employee.employee_id, customer.id, now)
            await self._check_room(session, request)
            binding_id = await self._placement.place(
                session, request, employee, principal.employee_id, digest
            )
            view = await self._one(session, BindingRow.id == binding_id)
            if view is None:
                raise BindingUnknown
            body = {
                "binding": view.id,
                "line": view.line_id,
                "employee": view.employee_id,
                "customer": view.customer_id,
                "purpose": view.purpose.value,
                "expires_at": view.expires_at.isoformat(),
                "by": principal.employee_id,
            }
            await self._note_released(session, overdue, "expired", by=None)
            await self._ledger.append(session, "binding.made", body)
            return view

    async def renew(self, principal: Principal, binding_id: str, expires_at: datetime) -> BindingView:
        """Move the end of a live binding; the maximum life counts from now."""
        async with self._db.begin() as session:
            now = self._clock.now()
            self._check_expiry(expires_at, now)
            row = await self._own(session, principal, binding_id)
            if row.expires_at <= now:
                raise BindingUnknown
            row.expires_at, row.renewed_at = expires_at, now
            await session.flush()
            body = {"binding": row.id, "expires_at": expires_at.isoformat(), "by": principal.employee_id}
            await self._ledger.append(session, "binding.renewed", body)
            view = await self._one(session, BindingRow.id == row.id)
            if view is None:
                raise BindingUnknown
            return view

    async def release(self, principal: Principal, binding_id: str) -> None:
        """End a binding. A call that is already up goes on; the next one is refused."""
        async with self._db.begin() as session:
            row = await self._own(session, principal, binding_id)
            await self.release_rows(session, [row], "released", by=principal.employee_id)

    async def find(
        self, principal: Principal, wanted: BindingFilter, *, cursor: str | None = None, limit: int = 50
    ) -> BindingPage:
        """List bindings within the principal's scope, newest first."""
        query = select(BindingRow).where(*self._conditions(principal, wanted))
        async with self._db.read() as session:
            rows, following = await paginate(session, query, key=BindingRow.id, cursor=cursor, limit=limit)
            lines = select(LineRow.id, LineRow.number).where(LineRow.id.in_({row.line_id for row in rows}))
            numbers = {row.id: row.number for row in await session.execute(lines)}
        return BindingPage(tuple(binding_view(row, numbers[row.line_id]) for row in rows), following)

    async def count(self, principal: Principal, wanted: BindingFilter) -> int:
        """Count the bindings that `find` would list."""
        query = select(func.count()).select_from(BindingRow).where(*self._conditions(principal, wanted))
        async with self._db.read() as session:
            return await session.scalar(query) or 0

    async def get(self, principal: Principal, binding_id: str) -> BindingView:
        """Give one binding, also one that is over; raise `BindingUnknown` if it is out of scope."""
        async with self._db.read() as session:
            found = await self._one(session, BindingRow.id == binding_id, _readable(principal))
        if found is None:
            raise BindingUnknown
        return found

    def _conditions(self, principal: Principal, wanted: BindingFilter) -> list[ColumnElement[bool]]:
        equal = (
            (BindingRow.employee_id, wanted.employee_id),
            (BindingRow.customer_id, wanted.customer_id),
            (BindingRow.line_id, wanted.line_id),
            (BindingRow.purpose, wanted.purpose),
        )
        found = [_readable(principal), *(column == value for column, value in equal if value is not None)]
        if wanted.live_only:
            found += [BindingRow.released_at.is_(None), BindingRow.expires_at > self._clock.now()]
        if wanted.ends_before is not None:
            found.append(BindingRow.expires_at < wanted.ends_before)
        return found

    async def release_expired(self, *, limit: int = SWEEP) -> int:
        """Release what has expired: for the relay process. Gives how many; call again while it is not 0."""
        async with self._db.begin() as session:
            query = (
                select(BindingRow)
                .where(BindingRow.released_at.is_(None), BindingRow.expires_at <= self._clock.now())
                .order_by(BindingRow.expires_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            rows = list(await session.scalars(query))
            await self.release_rows(session, rows, "expired", by=None)
            return len(rows)

    async def on_customer_erased(self, session: AsyncSession, event: CustomerErased) -> None:
        """Release an erased customer's bindings, in the transaction of the erasure."""
        query = select(BindingRow).where(
            BindingRow.customer_id == event.customer_id, BindingRow.released_at.is_(None)
        )
        rows = list(await session.scalars(query.with_for_update()))
        await self.release_rows(session, rows, "erased", by=None)

    async def release_rows(
        self, session: AsyncSession, rows: list[BindingRow], reason: str, *, by: str | None
    ) -> None:
        """Release live bindings in the caller's transaction."""
        await self._mark_released(session, rows, reason)
        await self._note_released(session, rows, reason, by=by)

    async def _mark_released(self, session: AsyncSession, rows: list[BindingRow], reason: str) -> None:
        now = self._clock.now()
        for row in rows:
            row.released_at, row.release_reason = now, reason
        await session.flush()

    async def _note_released(
        self, session: AsyncSession, rows: list[BindingRow], reason: str, *, by: str | None
    ) -> None:
        for row in rows:
            body = {"binding": row.id, "reason": reason, "by": by}
            await self._ledger.append(session, "binding.released", body)

    async def _known(
        self, session: AsyncSession, principal: Principal, request: BindRequest, digest: str
    ) -> BindingView | None:
        """Find what this idempotency key already made."""
        if request.idempotency_key is None:
            return None
        key = BindingRow.idempotency_key == request.idempotency_key
        query = select(BindingRow).where(BindingRow.created_by == principal.employee_id, key)
        row = await session.scalar(query)
        if row is None:
            return None
        if row.request_digest != digest:
            raise IdempotencyMismatch
        return await self._one(session, BindingRow.id == row.id)

    def _check_expiry(self, expires_at: datetime, now: datetime) -> None:
        life = expires_at - now
        if not self._policy.min_life <= life <= self._policy.max_life:
            low, high = self._policy.min_life_s, self._policy.max_life_days
            raise BindingInvalid(
                f"It must end between {low} s and {high} days from now.",
                detail_zh=f"有效期须在 {low} 秒至 {high} 天之间。",
            )

    async def _release_overdue(
        self, session: AsyncSession, employee_id: str, customer_id: str, now: datetime
    ) -> list[BindingRow]:
        """Release what has expired but was not swept yet, where it would stand in the way.

        The ledger hears of it at the end of the transaction: its lock must come after all others.
        """
        query = select(BindingRow).where(
            BindingRow.released_at.is_(None),
            BindingRow.expires_at <= now,
            or_(BindingRow.employee_id == employee_id, BindingRow.customer_id == customer_id),
        )
        rows = list(await session.scalars(query.with_for_update()))
        await self._mark_released(session, rows, "expired")
        return rows

    async def _check_room(self, session: AsyncSession, request: BindRequest) -> None:
        live = (BindingRow.employee_id == request.employee_id, BindingRow.released_at.is_(None))
        count = await session.scalar(select(func.count()).select_from(BindingRow).where(*live))
        if (count or 0) >= self._policy.max_active_per_employee:
            raise TooManyBindings
        same = select(BindingRow.id).where(
            *live, BindingRow.customer_id == request.customer_id, BindingRow.purpose == request.purpose
        )
        if await session.scalar(same) is not None:
            raise BindingExists

    async def _own(self, session: AsyncSession, principal: Principal, binding_id: str) -> BindingRow:
        """Lock a live binding within the principal's scope, or raise `BindingUnknown`."""
        scope = scope_clause(
            principal,
            permissions.BINDING_WRITE,
            owner=BindingRow.employee_id,
            department=BindingRow.department_id,
        )
        query = select(BindingRow).where(BindingRow.id == binding_id, BindingRow.released_at.is_(None), scope)
        row = await session.scalar(query.with_for_update())
        if row is None:
            raise BindingUnknown
        return row

    async def _one(self, session: AsyncSession, *where: object) -> BindingView | None:
        query = select(BindingRow, LineRow.number).join(LineRow, LineRow.id == BindingRow.line_id)
        found = (await session.execute(query.where(*where))).one_or_none()  # type: ignore[arg-type]
        return None if found is None else binding_view(*found)


def _readable(principal: Principal) -> ColumnElement[bool]:
    return scope_clause(
        principal,
        permissions.BINDING_READ,
        owner=BindingRow.employee_id,
        department=BindingRow.department_id,
    )


def _digest(request: BindRequest) -> str:
    parts = (
        request.employee_id, request.customer_id, request.purpose, request.expires_at.isoformat(),
        request.line_id, request.city, request.city_match, request.stickiness, request.direct_dial,
    )  # fmt: skip
    return hashlib.sha256("|".join(str(part) for part in parts).encode()).hexdigest()
