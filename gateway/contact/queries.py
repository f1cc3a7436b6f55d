"""Reads contacts within a principal's scope, and dry-runs a verdict for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select

from core.access.model import Principal
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.web.paging import paginate
from gateway import permissions
from gateway.contact.errors import BindingUnknown
from gateway.contact.localtime import local_date
from gateway.contact.model import Channel, ContactRequest, Decision, Direction, Outcome, Purpose, Verdict
from gateway.contact.models import ContactRow
from gateway.contact.rulebook import Rule, RuleBook
from gateway.contact.service import ContactService
from gateway.customers.handovers import inherited
from gateway.numbers.models import BindingRow


@dataclass(frozen=True, slots=True)
class ContactFilter:
    """Which contacts to list."""

    customer_id: str | None = None
    employee_id: str | None = None
    decision: Decision | None = None
    outcome: Outcome | None = None
    purpose: Purpose | None = None


@dataclass(frozen=True, slots=True)
class DryRun:
    """What would happen if a contact were tried, now or `at` a later moment.

    The purpose is the binding's unless stated.
    """

    binding_id: str
    channel: Channel = Channel.CALL
    direction: Direction = Direction.OUTBOUND
    purpose: Purpose | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """How many contacts over a channel a rule refused; the first rule that says no is the one named."""

    rule_id: str
    channel: Channel
    count: int


class ContactQueries:
    """What people may know about contacts; nothing here writes."""

    def __init__(
        self,
        *,
        database: Database,
        service: ContactService,
        book: RuleBook,
        clock: Clock,
        time_zone: str,
    ) -> None:
        self._db = database
        self._service = service
        self._book = book
        self._clock = clock
        self._zone = ZoneInfo(time_zone)

    async def find(
        self, principal: Principal, wanted: ContactFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[Sequence[ContactRow], str | None]:
        """Give one page of contacts, newest first."""
        seen = scope_clause(
            principal,
            permissions.CONTACT_READ,
            owner=ContactRow.employee_id,
            department=ContactRow.department_id,
        )
        if wanted.customer_id is not None:  # one customer's history goes with the customer
            mine = inherited(principal, customer=ContactRow.customer_id, employee=ContactRow.employee_id)
            seen = or_(seen, mine)
        query = select(ContactRow).where(seen)
        for column, value in (
            (ContactRow.customer_id, wanted.customer_id),
            (ContactRow.employee_id, wanted.employee_id),
            (ContactRow.decision, wanted.decision),
            (ContactRow.outcome, wanted.outcome),
            (ContactRow.purpose, wanted.purpose),
        ):
            if value is not None:
                query = query.where(column == value)
        async with self._db.read() as session:
            return await paginate(session, query, key=ContactRow.id, cursor=cursor, limit=limit)

    async def dry_run(self, principal: Principal, asked: DryRun) -> Verdict:
        """Judge without writing, for a binding within the principal's scope; raise `BindingUnknown`."""
        scope = scope_clause(
            principal,
            permissions.CONTACT_DRY_RUN,
            owner=BindingRow.employee_id,
            department=BindingRow.department_id,
        )
        async with self._db.read() as session:
            binding = await session.scalar(select(BindingRow).where(BindingRow.id == asked.binding_id, scope))
            if binding is None:
                raise BindingUnknown
            request = ContactRequest(
                binding.employee_id,
                binding.id,
                asked.channel,
                asked.direction,
                asked.purpose or binding.purpose,
            )
            return await self._service.dry_run(session, request, at=asked.at)

    async def refusals(self, principal: Principal, since: datetime, until: datetime) -> list[RefusalCount]:
        """Count what each rule refused from `since` to before `until`, within the principal's scope."""
        scope = scope_clause(
            principal,
            permissions.CONTACT_READ,
            owner=ContactRow.employee_id,
            department=ContactRow.department_id,
        )
        query = (
            select(ContactRow.rule_id, ContactRow.channel, func.count())
            .where(
                scope,
                ContactRow.decision != Decision.ALLOW,
                ContactRow.rule_id.is_not(None),
                ContactRow.requested_at >= since,
                ContactRow.requested_at < until,
            )
            .group_by(ContactRow.rule_id, ContactRow.channel)
        )
        async with self._db.read() as session:
            counts = (await session.execute(query)).all()
        return [RefusalCount(rule_id, channel, count) for rule_id, channel, count in counts if rule_id]

    def rules(self, principal: Principal) -> tuple[Rule, ...]:
        """Give the rules in force today (the institution's day), in the order of evaluation."""
        principal.require(permissions.RULE_READ)
        return self._book.in_force(local_date(self._clock.now(), self._zone))

    @property
    def digest(self) -> str:
        return self._book.digest
