"""Reads calls within a principal's scope; customers come out masked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.access.scope import departments_below, scope_clause
from core.db import Database
from core.vault import SubjectKeys
from core.web.paging import paginate
from gateway.calls.causes import Cause
from gateway.calls.errors import CallNotFound
from gateway.calls.flow import Flow
from gateway.calls.models import CallRow
from gateway.calls.permissions import CALL_READ
from gateway.contact.model import Decision, Direction, Purpose
from gateway.contact.models import ContactRow
from gateway.customers.handovers import inherited
from gateway.customers.model import CustomerView
from gateway.customers.models import CustomerRow
from gateway.customers.sealing import CustomerSealing
from gateway.numbers.models import LineRow


class CallState(StrEnum):
    """Where a call is, as people say it."""

    PREPARING = "preparing"
    RINGING = "ringing"
    NOTICE = "notice"
    TALKING = "talking"
    ENDED = "ended"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls to list. Times are of the start, `until` is exclusive.

    `department_path` reaches a department and all below it. `contacts` narrows to contacts that somebody
    else selected: a list of ids, or a SELECT of them.
    """

    employee_id: str | None = None
    customer_id: str | None = None
    flow: Flow | None = None
    direction: Direction | None = None
    purpose: Purpose | None = None
    decision: Decision | None = None
    cause: Cause | None = None
    since: datetime | None = None
    until: datetime | None = None
    connected: bool | None = None
    live: bool | None = None
    rule_id: str | None = None
    department_path: str | None = None
    contacts: Sequence[str] | Select[str] | None = None


@dataclass(frozen=True, slots=True)
class CallView:
    """A call with the names that people know; the customer's are masked, empty after erasure."""

    row: CallRow
    state: CallState
    employee_name: str
    customer_name: str
    customer_phone: str
    line_number: str
    verdict_seq: int | None = None


class CallQueries:
    """What people may know about calls; nothing here writes."""

    def __init__(self, database: Database, *, subject_keys: SubjectKeys, sealing: CustomerSealing) -> None:
        self._database = database
        self._subject_keys = subject_keys
        self._sealing = sealing

    async def find(
        self, principal: Principal, wanted: CallFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[CallView], str | None]:
        """Give one page of calls, newest first."""
        seen = seen_by(principal, CALL_READ)
        if wanted.customer_id is not None:  # one customer's history goes with the customer
            seen = or_(seen, _inherited(principal))
        query = select(CallRow).where(seen, *_conditions(wanted))
        async with self._database.read() as session:
            rows, following = await paginate(session, query, key=CallRow.id, cursor=cursor, limit=limit)
            return await self._views(session, rows), following

    async def get(self, principal: Principal, call_id: str, *, permission: str = CALL_READ) -> CallView:
        """Give one call; raise `CallNotFound` if there is none or it is out of scope."""
        seen = seen_by(principal, permission)
        if permission == CALL_READ:
            seen = or_(seen, _inherited(principal))
        async with self._database.read() as session:
            row = await session.scalar(select(CallRow).where(CallRow.id == call_id, seen))
            if row is None:
                raise CallNotFound
            (view,) = await self._views(session, [row])
            return view

    async def _views(self, session: AsyncSession, rows: Sequence[CallRow]) -> list[CallView]:
        if not rows:
            return []
        masked = await self._masked(session, {row.customer_id for row in rows})
        names = await session.execute(
            select(Employee.id, Employee.display_name).where(Employee.id.in_({r.employee_id for r in rows}))
        )
        lines = await session.execute(
            select(LineRow.id, LineRow.number).where(LineRow.id.in_({row.line_id for row in rows}))
        )
        seqs = await session.execute(
            select(ContactRow.id, ContactRow.verdict_seq).where(
                ContactRow.id.in_({row.contact_id for row in rows})
            )
        )
        name_of, number_of, seq_of = dict(names.all()), dict(lines.all()), dict(seqs.all())
        views = []
        for row in rows:
            customer = masked.get(row.customer_id)
            views.append(
                CallView(
                    row=row,
                    state=state_of(row),
                    employee_name=name_of.get(row.employee_id, ""),
                    customer_name=customer.name_masked if customer else "",
                    customer_phone=customer.phone_masked if customer else "",
                    line_number=number_of.get(row.line_id, ""),
                    verdict_seq=seq_of.get(row.contact_id),
                )
            )
        return views

    async def _masked(self, session: AsyncSession, customer_ids: set[str]) -> dict[str, CustomerView]:
        ciphers = await self._subject_keys.ciphers(session, customer_ids)
        sealed = await session.scalars(select(CustomerRow).where(CustomerRow.id.in_(customer_ids)))
        return {row.id: self._sealing.view(row, ciphers.get(row.id), ()) for row in sealed}


def seen_by(principal: Principal, permission: str) -> ColumnElement[bool]:
    """Give the WHERE clause of what `permission` lets a principal see of calls."""
    return scope_clause(principal, permission, owner=CallRow.employee_id, department=CallRow.department_id)


def _inherited(principal: Principal) -> ColumnElement[bool]:
    return inherited(principal, customer=CallRow.customer_id, employee=CallRow.employee_id)


def state_of(row: CallRow) -> CallState:
    """Say where a call is, from the moments in its record."""
    if row.ended_at is not None:
        return CallState.REFUSED if row.decision != Decision.ALLOW else CallState.ENDED
    if row.bridged_at is not None:
        return CallState.TALKING
    if row.customer_answered_at is not None:
        return CallState.NOTICE
    return CallState.RINGING if row.media_open_at is not None else CallState.PREPARING


def _conditions(wanted: CallFilter) -> list[ColumnElement[bool]]:
    equal = (
        (CallRow.employee_id, wanted.employee_id),
        (CallRow.customer_id, wanted.customer_id),
        (CallRow.flow, wanted.flow),
        (CallRow.direction, wanted.direction),
        (CallRow.purpose, wanted.purpose),
        (CallRow.decision, wanted.decision),
        (CallRow.cause, wanted.cause),
        (CallRow.rule_id, wanted.rule_id),
    )
    found = [column == value for column, value in equal if value is not None]
    if wanted.since is not None:
        found.append(CallRow.started_at >= wanted.since)
    if wanted.until is not None:
        found.append(CallRow.started_at < wanted.until)
    if wanted.connected is not None:
        answered = CallRow.customer_answered_at.is_not(None)
        found.append(answered if wanted.connected else ~answered)
    if wanted.live is not None:
        over = CallRow.ended_at.is_not(None)
        # Few are live, and an index holds just these; an employee's calls would all be looked at.
        open_ones = select(CallRow.id).where(~over).scalar_subquery()
        found.append(CallRow.id.in_(open_ones) if wanted.live else over)
    if wanted.department_path is not None:
        found.append(CallRow.department_id.in_(departments_below(wanted.department_path)))
    if isinstance(wanted.contacts, Select):
        # Looked up call by call, the newest first, until the page is full; IN would collect them all.
        chosen = wanted.contacts.subquery()
        found.append(exists().where(chosen.c[0] == CallRow.contact_id))
    elif wanted.contacts is not None:
        found.append(CallRow.contact_id.in_(wanted.contacts))
    return found
