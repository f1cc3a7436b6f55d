"""Reads everything that an unbinding would touch; in a write transaction it is locked in a fixed order.

Order of locks: administrators, the two people, customers, bindings, threads, messages, contacts, work in
hand, phones, and the ledger's head last.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.models import Department, Employee, EmployeeRole, EmployeeState, Session
from core.access.people import lock_administrators
from core.clock import Clock
from gateway.calls.models import CallRow, RegistrationRow
from gateway.contact.model import Decision
from gateway.contact.models import ContactRow
from gateway.customers.models import CustomerRow
from gateway.customers.notes.models import NextStepRow
from gateway.messages.model import MessageState
from gateway.messages.models import MessageRow, ThreadRow
from gateway.numbers.models import BindingRow
from gateway.offboarding.model import Facts, Held, Passing, Person
from gateway.offboarding.plan import moves
from gateway.offboarding.ports import Duties, PhoneFreezer


class FactReader:
    """Collects facts with a handful of indexed queries."""

    def __init__(self, *, clock: Clock, phones: PhoneFreezer, duties: Duties) -> None:
        self._clock = clock
        self._phones = phones
        self._duties = duties

    async def read(
        self, session: AsyncSession, employee: Person, successor: Person | None, *, lock: bool = False
    ) -> Facts:
        """Read the facts of an employee; `lock` keeps them as they are until the transaction ends."""
        now = self._clock.now()
        customers = await _ids(
            session, select(CustomerRow.id).where(owned(employee.id)), CustomerRow.id, lock
        )
        bindings = await live_bindings(session, employee.id, lock=lock)
        others = await live_bindings(session, successor.id, lock=lock) if successor else []
        threads = await _ids(session, select(ThreadRow.id).where(handed(employee.id)), ThreadRow.id, lock)
        held = select(MessageRow.id).where(
            MessageRow.author_id == employee.id, MessageRow.state == MessageState.HELD
        )
        messages = await _ids(session, held, MessageRow.id, lock)
        if lock and messages:
            contacts = select(MessageRow.contact_id).where(MessageRow.id.in_(messages))
            await _ids(session, select(ContactRow.id).where(ContactRow.id.in_(contacts)), ContactRow.id, lock)
        duties = await self._duties.of(session, employee.id)
        phones = await self._phones.phones(session, employee.id)
        return Facts(
            employee=employee,
            successor=successor,
            customers=customers,
            bindings=moves(bindings, others, now),
            threads=threads,
            messages=messages,
            duties=duties,
            phones=frozenset(phone.device_id for phone in phones),
            passing=await self._passing(session, employee.id, now, sum(one.connected for one in phones)),
        )

    async def _passing(
        self, session: AsyncSession, employee_id: str, now: datetime, connected: int
    ) -> Passing:
        async def count(*conditions: ColumnElement[bool]) -> int:
            return await session.scalar(select(func.count()).where(*conditions)) or 0

        return Passing(
            sessions=await count(Session.employee_id == employee_id, Session.expires_at > now),
            registered=bool(
                await count(RegistrationRow.employee_id == employee_id, RegistrationRow.expires_at > now)
            ),
            live_calls=await count(
                CallRow.employee_id == employee_id,
                CallRow.ended_at.is_(None),
                CallRow.decision == Decision.ALLOW,
            ),
            queued_messages=await count(
                MessageRow.author_id == employee_id, MessageRow.state == MessageState.QUEUED
            ),
            next_steps=await count(
                NextStepRow.done_at.is_(None),
                NextStepRow.customer_id.in_(select(CustomerRow.id).where(owned(employee_id))),
            ),
            phones_connected=connected,
        )


async def person(session: AsyncSession, employee_id: str) -> Person | None:
    """Read an employee; None if there is none."""
    found = (
        await session.execute(
            select(
                Employee.id, Employee.state, Employee.department_id, Employee.display_name, Department.path
            )
            .outerjoin(Department, Department.id == Employee.department_id)
            .where(Employee.id == employee_id)
        )
    ).one_or_none()
    if found is None:
        return None
    roles = await session.scalars(select(EmployeeRole.role).where(EmployeeRole.employee_id == employee_id))
    return Person(
        found.id,
        found.state is EmployeeState.ACTIVE,
        found.department_id,
        found.path or "",
        frozenset(role.value for role in roles),
        found.display_name,
    )


async def lock_people(session: AsyncSession, ids: Iterable[str | None]) -> None:
    """Lock employees, the administrators before them, each always in the same order: no deadlock."""
    await lock_administrators(session)
    wanted = sorted({one for one in ids if one is not None})
    query = select(Employee.id).where(Employee.id.in_(wanted)).order_by(Employee.id).with_for_update()
    await session.execute(query)


async def live_bindings(
    session: AsyncSession, employee_id: str, *conditions: ColumnElement[bool], lock: bool = False
) -> list[Held]:
    """Give somebody's live bindings, also those that have expired and were not swept yet."""
    query = (
        select(
            BindingRow.id,
            BindingRow.customer_id,
            BindingRow.line_id,
            BindingRow.purpose,
            BindingRow.direct_dial,
            BindingRow.expires_at,
        )
        .where(BindingRow.employee_id == employee_id, BindingRow.released_at.is_(None), *conditions)
        .order_by(BindingRow.id)
    )
    rows = await session.execute(query.with_for_update() if lock else query)
    return [Held(*row) for row in rows]


def owned(employee_id: str) -> ColumnElement[bool]:
    """The customers that somebody owns."""
    return (CustomerRow.owner_id == employee_id) & CustomerRow.erased_at.is_(None)


def handed(employee_id: str) -> ColumnElement[bool]:
    """The threads that go with somebody's customers and live bindings."""
    bound = select(BindingRow.id).where(
        BindingRow.employee_id == employee_id, BindingRow.released_at.is_(None)
    )
    customers = select(CustomerRow.id).where(owned(employee_id))
    with_them = or_(ThreadRow.customer_id.in_(customers), ThreadRow.binding_id.in_(bound))
    return (ThreadRow.employee_id == employee_id) & with_them


async def _ids(session: AsyncSession, query: Select[Any], key: Any, lock: bool) -> frozenset[str]:
    query = query.order_by(key)
    found: Collection[str] = (await session.scalars(query.with_for_update() if lock else query)).all()
    return frozenset(found)
