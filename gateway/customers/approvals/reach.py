"""Who reaches a request: as far as its customer is reached, an export as far as who asked."""

from collections.abc import Callable, Collection, Mapping

from sqlalchemy import ColumnElement, Select, and_, case, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal, Role, Scope
from core.access.models import Department, Employee, EmployeeRole, EmployeeState
from core.access.scope import scope_clause
from core.clock import Clock
from gateway import permissions
from gateway.customers.approvals.errors import RequestUnknown
from gateway.customers.approvals.model import RequestKind, RequestState
from gateway.customers.approvals.models import RequestRow
from gateway.customers.models import CustomerRow

GrantsOf = Callable[[Collection[Role]], Mapping[str, Scope]]
NEEDED: Mapping[RequestKind, str] = {
    RequestKind.CHANGE: permissions.CUSTOMER_WRITE,
    RequestKind.ERASURE: permissions.CUSTOMER_ERASE,
    RequestKind.EXPORT: permissions.CUSTOMER_EXPORT,
}
"""What who asks needs; who decides about an erasure needs it as well."""


def reached(principal: Principal, permission: str) -> ColumnElement[bool]:
    """Give the WHERE clause for requests joined with their customers (`requests`)."""
    of_customer = RequestRow.customer_id.is_not(None)
    return scope_clause(
        principal,
        permission,
        owner=case((of_customer, CustomerRow.owner_id), else_=RequestRow.asked_by),
        department=case((of_customer, CustomerRow.department_id), else_=RequestRow.department_id),
    )


def requests() -> Select[RequestRow]:
    """Select requests, each with its customer if it has one."""
    return select(RequestRow).outerjoin(CustomerRow, CustomerRow.id == RequestRow.customer_id)


def decidable(principal: Principal) -> ColumnElement[bool]:
    """Give the WHERE clause for what waits for this person: never one's own."""
    clauses = [
        RequestRow.state == RequestState.WAITING,
        RequestRow.asked_by != principal.employee_id,
        reached(principal, permissions.CUSTOMER_APPROVE),
    ]
    if not principal.allows(permissions.CUSTOMER_ERASE):
        clauses.append(RequestRow.kind != RequestKind.ERASURE)
    return and_(*clauses)


async def fetch(session: AsyncSession, principal: Principal, permission: str, request_id: str) -> RequestRow:
    """Give a request within reach or one's own, or raise `RequestUnknown`."""
    mine = RequestRow.asked_by == principal.employee_id
    query = requests().where(RequestRow.id == request_id, or_(mine, reached(principal, permission)))
    row = await session.scalar(query)
    if row is None:
        raise RequestUnknown
    return row


class Makers:
    """Says what somebody who asked may do now: they are not here when it is decided."""

    def __init__(self, grants_of: GrantsOf, clock: Clock) -> None:
        self._grants_of = grants_of
        self._clock = clock

    async def principal(self, session: AsyncSession, employee_id: str) -> Principal | None:
        """Give them with their roles and department of today; None if they may not work here any more."""
        found = (
            await session.execute(
                select(Employee.department_id, Department.path, Employee.state, Employee.display_name)
                .outerjoin(Department, Department.id == Employee.department_id)
                .where(Employee.id == employee_id)
            )
        ).one_or_none()
        if found is None or found.state is not EmployeeState.ACTIVE:
            return None
        query = select(EmployeeRole.role).where(EmployeeRole.employee_id == employee_id)
        roles = frozenset(await session.scalars(query))
        return Principal(
            employee_id=employee_id,
            department_id=found.department_id,
            department_path=found.path or "",
            roles=roles,
            grants=self._grants_of(roles),
            session_id="",
            verified_at=self._clock.now(),
            display_name=found.display_name,
        )
