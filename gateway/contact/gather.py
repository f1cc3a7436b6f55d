"""Reads the facts that the rules look at, in the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.models import Employee, EmployeeState
from core.clock import Clock
from gateway.contact.errors import BindingUnknown
from gateway.contact.facts import BindingFact, BlockFact, ConsentFact, Facts, PastContact
from gateway.contact.model import ContactRequest, Decision
from gateway.contact.models import ContactRow
from gateway.contact.ports import PhoneCompliance
from gateway.customers.models import BlockRow, ConsentRow, CustomerRow
from gateway.numbers.model import LineStatus
from gateway.numbers.models import BindingRow, LineRow

# A local day begins at most 26 h before any moment of it, a day of 25 h (clock put back) included.
LOOK_BACK = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The facts, and the ids that go into the contact's row."""

    facts: Facts
    binding_id: str
    line_id: str
    customer_id: str
    department_id: str | None


async def lock_customer(session: AsyncSession, binding_id: str) -> str:
    """Lock the customer of a binding until the transaction ends; raise `BindingUnknown`.

    Two employees who dial one customer stand in line here. PostgreSQL locks the row; on SQLite the
    write transaction (BEGIN IMMEDIATE) already excludes every other writer.
    """
    of_binding = select(BindingRow.customer_id).where(BindingRow.id == binding_id).scalar_subquery()
    query = select(CustomerRow.id).where(CustomerRow.id == of_binding).with_for_update()
    customer_id = await session.scalar(query)
    if customer_id is None:
        raise BindingUnknown
    return customer_id


class Gatherer:
    """Collects circumstances with a handful of indexed queries."""

    def __init__(self, *, clock: Clock, phones: PhoneCompliance) -> None:
        self._clock = clock
        self._phones = phones

    async def gather(
        self, session: AsyncSession, request: ContactRequest, *, without_contact: str | None = None
    ) -> Circumstances:
        """Read everything about a request; `without_contact` leaves one contact out of the history."""
        now = self._clock.now()
        query = (
            select(BindingRow, LineRow.status, CustomerRow.time_zone, CustomerRow.erased_at)
            .join(LineRow, LineRow.id == BindingRow.line_id)
            .join(CustomerRow, CustomerRow.id == BindingRow.customer_id)
            .where(BindingRow.id == request.binding_id)
            .execution_options(populate_existing=True)
        )
        found = (await session.execute(query)).one_or_none()
        if found is None:
            raise BindingUnknown
        binding, line_status, time_zone, erased_at = found
        employee = (
            await session.execute(
                select(Employee.state, Employee.department_id).where(Employee.id == request.employee_id)
            )
        ).one_or_none()
        facts = Facts(
            now=now,
            zone=ZoneInfo(time_zone),
            employee_id=request.employee_id,
            purpose=request.purpose,
            channel=request.channel,
            direction=request.direction,
            employee_active=employee is not None and employee.state is EmployeeState.ACTIVE,
            phone_compliant=await self._phones.is_compliant(session, request.employee_id),
            customer_erased=erased_at is not None,
            binding=BindingFact(
                employee_id=binding.employee_id,
                purpose=binding.purpose,
                expires_at=binding.expires_at,
                released=binding.released_at is not None,
                line_active=line_status is LineStatus.ACTIVE,
            ),
            consents=await _consents(session, binding.customer_id),
            blocks=await _blocks(session, binding.customer_id),
            history=await _history(session, binding.customer_id, now - LOOK_BACK, without_contact),
        )
        department_id = employee.department_id if employee is not None else None
        return Circumstances(facts, binding.id, binding.line_id, binding.customer_id, department_id)


async def _consents(session: AsyncSession, customer_id: str) -> tuple[ConsentFact, ...]:
    query = select(ConsentRow.purpose, ConsentRow.given_at, ConsentRow.withdrawn_at).where(
        ConsentRow.customer_id == customer_id
    )
    return tuple(ConsentFact(*row) for row in await session.execute(query))


async def _blocks(session: AsyncSession, customer_id: str) -> tuple[BlockFact, ...]:
    query = select(BlockRow.purpose, BlockRow.channel, BlockRow.until).where(
        BlockRow.customer_id == customer_id, BlockRow.lifted_at.is_(None)
    )
    return tuple(BlockFact(*row) for row in await session.execute(query))


async def _history(
    session: AsyncSession, customer_id: str, since: datetime, without_contact: str | None
) -> tuple[PastContact, ...]:
    query = select(
        ContactRow.purpose,
        ContactRow.channel,
        ContactRow.direction,
        ContactRow.outcome,
        ContactRow.requested_at,
    ).where(
        ContactRow.customer_id == customer_id,
        ContactRow.requested_at >= since,
        ContactRow.decision == Decision.ALLOW,
    )
    if without_contact is not None:
        query = query.where(ContactRow.id != without_contact)
    return tuple(PastContact(*row) for row in await session.execute(query))
