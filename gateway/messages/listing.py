"""Messages as a list without their words, and the figures that lead to it: one set of conditions for both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.access.scope import departments_below, scope_clause
from core.db import Database
from core.vault import SubjectKeys
from core.web.paging import paginate
from gateway.calls.analysis import Span, number_of
from gateway.calls.figures import RuleCount
from gateway.customers.models import CustomerRow
from gateway.customers.sealing import CustomerSealing
from gateway.messages.machine import Cause
from gateway.messages.model import ChannelKind, MessageRole, MessageState
from gateway.messages.models import MessageRow
from gateway.messages.permissions import MESSAGE_READ


class MessageOutcome(StrEnum):
    """What became of a message, as people filter for it; each message has exactly one."""

    SENT = "sent"
    WAITING = "waiting"
    FAILED = "failed"
    REFUSED = "refused"
    RECEIVED = "received"


STATES = {
    MessageOutcome.SENT: (MessageState.SENT, MessageState.DELIVERED),
    MessageOutcome.WAITING: (MessageState.QUEUED, MessageState.HELD),
    MessageOutcome.FAILED: (MessageState.FAILED,),
    MessageOutcome.REFUSED: (MessageState.BLOCKED,),
    MessageOutcome.RECEIVED: (MessageState.RECEIVED,),
}


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages are wanted; None means any. `until` is exclusive."""

    employee_id: str | None = None
    department_path: str | None = None
    channel: ChannelKind | None = None
    outcome: MessageOutcome | None = None
    cause: Cause | None = None
    rule_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message of the list with the names that people know; what it says is read in its thread."""

    row: MessageRow
    employee_name: str
    customer_name: str
    customer_phone: str


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """Messages by what became of them."""

    sent: int = 0
    waiting: int = 0
    failed: int = 0
    refused: int = 0
    received: int = 0

    @property
    def total(self) -> int:
        return self.sent + self.waiting + self.failed + self.refused + self.received


class MessageListing:
    """Lists and counts what staff and customers wrote; the house's own confirmations are left out."""

    def __init__(self, database: Database, *, subject_keys: SubjectKeys, sealing: CustomerSealing) -> None:
        self._database = database
        self._keys = subject_keys
        self._sealing = sealing

    async def find(
        self, principal: Principal, wanted: MessageFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[MessageLine], str | None]:
        """Give one page of messages, newest first."""
        query = select(MessageRow).where(*_conditions(principal, wanted))
        async with self._database.read() as session:
            rows, following = await paginate(session, query, key=MessageRow.id, cursor=cursor, limit=limit)
            return await self._lines(session, rows), following

    async def by_employee(self, principal: Principal, wanted: MessageFilter) -> dict[str, MessageCounts]:
        """Count for each employee."""
        query = _counted(select(MessageRow.employee_id).where(*_conditions(principal, wanted)))
        async with self._database.read() as session:
            rows = await session.execute(query.group_by(MessageRow.employee_id))
            return {employee_id: MessageCounts(*counts) for employee_id, *counts in rows}

    async def by_span(
        self, principal: Principal, spans: Sequence[Span], wanted: MessageFilter
    ) -> list[MessageCounts]:
        """Count for each of these stretches, which follow one another without a gap."""
        number = number_of(MessageRow.created_at, spans).label("number")
        query = _counted(select(number).where(*_conditions(principal, wanted))).group_by(number)
        async with self._database.read() as session:
            found = {at: MessageCounts(*counts) for at, *counts in await session.execute(query)}
        return [found.get(at, MessageCounts()) for at in range(len(spans))]

    async def refusals(
        self, principal: Principal, wanted: MessageFilter
    ) -> list[tuple[Cause | None, RuleCount]]:
        """Count the refused ones by what refused them, the most frequent first.

        The rule of the count is empty where it was no rule but the words (screening) or a person (rejected).
        """
        count = func.count().label("count")
        row = MessageRow
        query = (
            select(row.cause, row.rule_id, count)
            .where(*_conditions(principal, wanted), row.state == MessageState.BLOCKED)
            .group_by(row.cause, row.rule_id)
            .order_by(count.desc(), row.cause, row.rule_id)
        )
        async with self._database.read() as session:
            return [
                (cause, RuleCount(rule_id or "", number))
                for cause, rule_id, number in await session.execute(query)
            ]

    async def _lines(self, session: AsyncSession, rows: Sequence[MessageRow]) -> list[MessageLine]:
        customers = {row.customer_id for row in rows}
        ciphers = await self._keys.ciphers(session, customers)
        sealed = await session.scalars(select(CustomerRow).where(CustomerRow.id.in_(customers)))
        masked = {row.id: self._sealing.view(row, ciphers.get(row.id), ()) for row in sealed}
        people = {row.employee_id for row in rows}
        names = await session.execute(
            select(Employee.id, Employee.display_name).where(Employee.id.in_(people))
        )
        name_of = dict(names.all())
        lines = []
        for row in rows:
            customer = masked.get(row.customer_id)
            lines.append(
                MessageLine(
                    row,
                    name_of.get(row.employee_id, ""),
                    customer.name_masked if customer else "",
                    customer.phone_masked if customer else "",
                )
            )
        return lines


def _counted(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Add one count for each outcome, in the order of `MessageCounts`."""
    return query.add_columns(
        *(func.count().filter(MessageRow.state.in_(states)) for states in STATES.values())
    )


def _conditions(principal: Principal, wanted: MessageFilter) -> list[ColumnElement[bool]]:
    row = MessageRow
    found = [
        scope_clause(principal, MESSAGE_READ, owner=row.employee_id, department=row.department_id),
        row.role != MessageRole.HOUSE,
    ]
    equal = (
        (row.employee_id, wanted.employee_id),
        (row.channel, wanted.channel),
        (row.cause, wanted.cause),
        (row.rule_id, wanted.rule_id),
    )
    found += [column == value for column, value in equal if value is not None]
    if wanted.outcome is not None:
        found.append(row.state.in_(STATES[wanted.outcome]))
    if wanted.department_path is not None:
        found.append(row.department_id.in_(departments_below(wanted.department_path)))
    if wanted.since is not None:
        found.append(row.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(row.created_at < wanted.until)
    return found
