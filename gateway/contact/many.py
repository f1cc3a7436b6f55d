"""Dry runs for a list: the facts of many bindings in a constant number of statements, the same rules."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee, EmployeeState
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.logging import get_logger
from gateway import permissions
from gateway.contact.chain import evaluate
from gateway.contact.facts import BindingFact, BlockFact, ConsentFact, Facts, PastContact
from gateway.contact.gather import LOOK_BACK
from gateway.contact.model import Decision, Verdict
from gateway.contact.models import ContactRow
from gateway.contact.ports import PhoneCompliance
from gateway.contact.queries import DryRun
from gateway.contact.rulebook import RuleBook
from gateway.customers.models import BlockRow, ConsentRow, CustomerRow
from gateway.numbers.model import LineStatus
from gateway.numbers.models import BindingRow, LineRow

Fact = TypeVar("Fact")
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Gathered:
    """What was read about all bindings: rows of bindings by their id, facts by customer, employee states."""

    now: datetime
    ties: Mapping[str, Any]
    employees: Mapping[str, EmployeeState]
    phones: Mapping[str, str]
    consents: Mapping[str, tuple[ConsentFact, ...]]
    blocks: Mapping[str, tuple[BlockFact, ...]]
    history: Mapping[str, tuple[PastContact, ...]]

    def facts(self, asked: DryRun) -> Facts:
        """Put together what the rules look at, as the gatherer of a single request does."""
        tie = self.ties[asked.binding_id]
        return Facts(
            now=self.now if asked.at is None else max(asked.at, self.now),
            zone=ZoneInfo(tie.time_zone),
            employee_id=tie.employee_id,
            purpose=asked.purpose or tie.purpose,
            channel=asked.channel,
            direction=asked.direction,
            employee_active=self.employees.get(tie.employee_id) is EmployeeState.ACTIVE,
            phone_refusal=self.phones.get(tie.employee_id),
            customer_erased=tie.erased_at is not None,
            binding=BindingFact(
                employee_id=tie.employee_id,
                purpose=tie.purpose,
                expires_at=tie.expires_at,
                released=tie.released_at is not None,
                line_active=tie.status is LineStatus.ACTIVE,
            ),
            consents=self.consents.get(tie.customer_id, ()),
            blocks=self.blocks.get(tie.customer_id, ()),
            history=self.history.get(tie.customer_id, ()),
        )


class DryRuns:
    """Judges a list without writing; each answer is the one that `ContactQueries.dry_run` gives."""

    def __init__(self, *, database: Database, book: RuleBook, clock: Clock, phones: PhoneCompliance) -> None:
        self._database = database
        self._book = book
        self._clock = clock
        self._phones = phones

    async def judge(self, principal: Principal, asked: Sequence[DryRun]) -> list[Verdict | None]:
        """Give a verdict for each; None where the rules could not be asked or the binding is out of reach."""
        reach = scope_clause(
            principal,
            permissions.CONTACT_DRY_RUN,
            owner=BindingRow.employee_id,
            department=BindingRow.department_id,
        )
        try:
            async with self._database.read() as session:
                gathered = await self._gather(session, {one.binding_id for one in asked}, reach)
        except Exception as error:  # noqa: BLE001 - whatever it is, without facts there is no contact
            _unavailable(error)
            return [None] * len(asked)
        return [self._verdict(gathered, one) for one in asked]

    def _verdict(self, gathered: _Gathered, asked: DryRun) -> Verdict | None:
        if asked.binding_id not in gathered.ties:
            return None
        try:
            return evaluate(gathered.facts(asked), self._book)
        except Exception as error:  # noqa: BLE001 - one binding that cannot be judged is refused alone
            _unavailable(error)
            return None

    async def _gather(
        self, session: AsyncSession, binding_ids: Collection[str], reach: ColumnElement[bool]
    ) -> _Gathered:
        now = self._clock.now()
        tie = BindingRow
        query = (
            select(
                tie.id, tie.employee_id, tie.customer_id, tie.purpose, tie.expires_at, tie.released_at,
                LineRow.status, CustomerRow.time_zone, CustomerRow.erased_at,
            )
            .join(LineRow, LineRow.id == tie.line_id)
            .join(CustomerRow, CustomerRow.id == tie.customer_id)
            .where(tie.id.in_(binding_ids), reach)
        )  # fmt: skip
        ties = {row.id: row for row in await session.execute(query)}
        customers = {row.customer_id for row in ties.values()}
        people = {row.employee_id for row in ties.values()}
        states = await session.execute(select(Employee.id, Employee.state).where(Employee.id.in_(people)))
        return _Gathered(
            now=now,
            ties=ties,
            employees={row.id: row.state for row in states},
            phones=await self._phones.refusals(session, sorted(people)),
            consents=await _by_customer(session, _consents(customers), ConsentFact),
            blocks=await _by_customer(session, _blocks(customers), BlockFact),
            history=await _by_customer(session, _history(customers, now - LOOK_BACK), PastContact),
        )


def _consents(customers: Collection[str]) -> Select[*tuple[Any, ...]]:
    row = ConsentRow
    return select(row.customer_id, row.purpose, row.given_at, row.withdrawn_at).where(
        row.customer_id.in_(customers)
    )


def _blocks(customers: Collection[str]) -> Select[*tuple[Any, ...]]:
    row = BlockRow
    return select(row.customer_id, row.purpose, row.channel, row.until).where(
        row.customer_id.in_(customers), row.lifted_at.is_(None)
    )


def _history(customers: Collection[str], since: datetime) -> Select[*tuple[Any, ...]]:
    row = ContactRow
    return select(
        row.customer_id, row.purpose, row.channel, row.direction, row.outcome, row.requested_at
    ).where(row.customer_id.in_(customers), row.requested_at >= since, row.decision == Decision.ALLOW)


async def _by_customer(
    session: AsyncSession, query: Select[*tuple[Any, ...]], fact: type[Fact]
) -> dict[str, tuple[Fact, ...]]:
    """Read rows whose first column is the customer and whose others make a fact."""
    found: dict[str, tuple[Fact, ...]] = {}
    for customer_id, *values in await session.execute(query):
        found[customer_id] = (*found.get(customer_id, ()), fact(*values))
    return found


def _unavailable(error: Exception) -> None:
    # No traceback: its text may quote what was being handled.
    _log.error("contact.verdict_unavailable", name="dry_runs", error_type=type(error).__name__)
