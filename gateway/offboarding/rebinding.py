"""Rebinding: a one-time code lets one named employee take over a phone, or a line with its customers."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.people import find_employee
from core.access.scope import scope_clause
from core.clock import Clock
from core.config import OffboardingSettings
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import JSON, Ledger
from gateway.calls.accounts import FreshAccount, SipAccountService
from gateway.customers.models import CustomerRow
from gateway.messages.models import ThreadRow
from gateway.numbers.models import BindingRow, LineRow
from gateway.numbers.policy import BindingPolicy
from gateway.offboarding.errors import (
    CodeRefused,
    PhoneUnknown,
    RebindingInvalid,
    RebindingUnknown,
    SuccessorFull,
    SuccessorInvalid,
)
from gateway.offboarding.events import Rebound
from gateway.offboarding.facts import live_bindings, lock_people, person
from gateway.offboarding.handover import Act, hand_over
from gateway.offboarding.model import Person
from gateway.offboarding.models import RebindingRow
from gateway.offboarding.plan import fits, moved, moves
from gateway.offboarding.ports import PhoneFreezer
from gateway.permissions import REBINDING_REDEEM, REBINDING_WRITE

SCHEME = "maskline-rebind:"
CODE_BYTES = 20


@dataclass(frozen=True, slots=True)
class RebindRequest:
    """Who takes over what: a phone, or a line from its present holder, or both."""

    employee_id: str
    device_id: str | None = None
    line_id: str | None = None
    holder_id: str | None = None


@dataclass(frozen=True, slots=True)
class FreshCode:
    """A code at the only moment at which it is known. `text` is what the QR code holds."""

    rebinding_id: str
    employee_id: str
    expires_at: datetime
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """What somebody took over. `account` is there if they had no phone account: its password, once."""

    rebinding_id: str
    device_id: str | None
    line_id: str | None
    customers: int
    bindings: int
    account: FreshAccount | None


class RebindingService:
    """Makes codes and honours them."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        ledger: Ledger,
        bus: EventBus,
        settings: OffboardingSettings,
        accounts: SipAccountService,
        phones: PhoneFreezer,
        policy: BindingPolicy,
    ) -> None:
        self._db = database
        self._clock = clock
        self._ledger = ledger
        self._bus = bus
        self._life = timedelta(seconds=settings.code_s)
        self._accounts = accounts
        self._phones = phones
        self._policy = policy

    async def create(self, principal: Principal, request: RebindRequest) -> FreshCode:
        """Make a code for an employee within reach.

        Raises:
            RebindingInvalid, EmployeeUnknown, SuccessorInvalid, PhoneUnknown
        """
        if not (request.device_id or request.line_id) or bool(request.line_id) != bool(request.holder_id):
            raise RebindingInvalid
        secret = secrets.token_urlsafe(CODE_BYTES)
        async with self._db.begin() as session:
            taker = await self._taker(session, principal, request.employee_id)
            if request.holder_id is not None:
                await find_employee(session, principal, REBINDING_WRITE, request.holder_id)
                if request.holder_id == taker.id or await session.get(LineRow, request.line_id) is None:
                    raise RebindingInvalid
            if request.device_id is not None:
                await self._check_phone(session, principal, request.device_id)
            now = self._clock.now()
            row = RebindingRow(
                id=new_id(),
                code_hash=_hash(secret),
                employee_id=taker.id,
                department_id=taker.department_id,
                device_id=request.device_id,
                line_id=request.line_id,
                holder_id=request.holder_id,
                by=principal.employee_id,
                at=now,
                expires_at=now + self._life,
            )
            session.add(row)
            await session.flush()
            await self._note(session, "rebinding.created", row, principal.employee_id)
            return FreshCode(row.id, row.employee_id, row.expires_at, SCHEME + secret)

    async def revoke(self, principal: Principal, rebinding_id: str) -> None:
        """Make a code worthless; one that was used stays used. Raises `RebindingUnknown`."""
        reach = scope_clause(
            principal, REBINDING_WRITE, owner=RebindingRow.by, department=RebindingRow.department_id
        )
        async with self._db.begin() as session:
            query = select(RebindingRow).where(RebindingRow.id == rebinding_id, reach)
            row = await session.scalar(query.with_for_update())
            if row is None:
                raise RebindingUnknown
            if row.used_at is None and row.revoked_at is None:
                row.revoked_at = self._clock.now()
                await self._note(session, "rebinding.revoked", row, principal.employee_id)

    async def redeem(self, principal: Principal, text: str) -> Taken:
        """Take over what the code is for: phone, line with customers, a phone account if there is none.

        Raises:
            CodeRefused: it is somebody else's, used, revoked or too old. PhoneUnknown, SuccessorFull
        """
        principal.require(REBINDING_REDEEM)
        async with self._db.begin() as session:
            await lock_people(session, [principal.employee_id])
            row = await self._usable(session, principal, text)
            taker = await person(session, principal.employee_id)
            if taker is None or not fits(taker):
                raise CodeRefused
            row.used_at = self._clock.now()
            if row.line_id is not None and row.holder_id is not None:
                await self._take_line(session, row, row.holder_id, taker)
            if row.device_id is not None:
                await self._take_phone(session, row.device_id, taker.id, row.by)
            account = await self._accounts.ensure_in(session, taker.id, by=row.by)
            await self._note(session, "rebinding.redeemed", row, principal.employee_id)
            await self._bus.publish(session, Rebound(row.id, taker.id, row.device_id, row.line_id))
            return Taken(row.id, row.device_id, row.line_id, row.customers, row.bindings, account)

    # --- inside the transaction -------------------------------------------------------------------

    async def _taker(self, session: AsyncSession, principal: Principal, employee_id: str) -> Person:
        await find_employee(session, principal, REBINDING_WRITE, employee_id)
        taker = await person(session, employee_id)
        if taker is None or not fits(taker):
            raise SuccessorInvalid
        return taker

    async def _check_phone(self, session: AsyncSession, principal: Principal, device_id: str) -> None:
        phone = await self._phones.phone(session, device_id)
        if phone is None or phone.employee_id is None:
            raise PhoneUnknown
        await find_employee(session, principal, REBINDING_WRITE, phone.employee_id)

    async def _usable(self, session: AsyncSession, principal: Principal, text: str) -> RebindingRow:
        """Lock the code's row, or raise `CodeRefused` without telling why: a guess learns nothing."""
        query = select(RebindingRow).where(RebindingRow.code_hash == _hash(text.removeprefix(SCHEME)))
        row = await session.scalar(query.with_for_update())
        now = self._clock.now()
        if row is None or row.used_at is not None or row.revoked_at is not None or row.expires_at <= now:
            raise CodeRefused
        if row.employee_id != principal.employee_id:
            raise CodeRefused
        return row

    async def _take_line(
        self, session: AsyncSession, row: RebindingRow, holder_id: str, taker: Person
    ) -> None:
        """Move the holder's bindings over the line, with those of their customers that the holder owns."""
        on_line = BindingRow.line_id == row.line_id
        held = await live_bindings(session, holder_id, on_line, lock=True)
        others = await live_bindings(session, taker.id, lock=True)
        now = self._clock.now()
        what = moves(held, others, now)
        most = self._policy.max_active_per_employee
        if len(others) + len(moved(what)) > most:
            raise SuccessorFull(held=len(others), coming=len(moved(what)), most=most)
        bound = {one.customer_id for one in held}
        ids = {one.id for one in held}
        await hand_over(
            session,
            Act(row.id, holder_id, taker.id, taker.department_id, now),
            customers=_owned_among(holder_id, bound),
            threads=(ThreadRow.employee_id == holder_id) & ThreadRow.binding_id.in_(ids),
            bindings=what,
        )
        row.customers, row.bindings = len(bound), len(moved(what))

    async def _take_phone(self, session: AsyncSession, device_id: str, taker_id: str, by: str) -> None:
        phone = await self._phones.phone(session, device_id)
        if phone is None:
            raise PhoneUnknown
        await self._phones.assign(session, device_id, taker_id, by=by)
        await self._phones.unfreeze(session, device_id, by=by)

    async def _note(self, session: AsyncSession, kind: str, row: RebindingRow, by: str) -> None:
        await session.flush()
        body: dict[str, JSON] = {
            "rebinding": row.id,
            "employee": row.employee_id,
            "device": row.device_id,
            "line": row.line_id,
            "holder": row.holder_id,
            "customers": row.customers,
            "bindings": row.bindings,
            "by": by,
        }
        await self._ledger.append(session, kind, body)


def _owned_among(holder_id: str, customer_ids: set[str]) -> ColumnElement[bool]:
    mine = (CustomerRow.owner_id == holder_id) & CustomerRow.erased_at.is_(None)
    return mine & CustomerRow.id.in_(customer_ids)


def _hash(secret: str) -> str:
    """A code has 160 random bits, so one fast hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
