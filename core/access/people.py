"""How employees and departments are looked up and shown, inside the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.errors import DepartmentUnknown, EmployeeUnknown
from core.access.model import Principal, Role
from core.access.models import Department, Employee, EmployeeRole, EmployeeState, Totp
from core.access.scope import scope_clause


@dataclass(frozen=True, slots=True)
class EmployeeView:
    """An employee as administrators see them."""

    id: str
    username: str
    display_name: str
    department_id: str | None
    roles: tuple[Role, ...]
    state: EmployeeState
    must_change_password: bool
    has_second_factor: bool
    created_at: datetime
    suspended_at: datetime | None


@dataclass(frozen=True, slots=True)
class DepartmentView:
    """A department and its place in the tree."""

    id: str
    parent_id: str | None
    name: str
    path: str


async def views(session: AsyncSession, employees: Sequence[Employee]) -> list[EmployeeView]:
    """Put roles and second factors to employees, in three statements however many there are."""
    ids = [employee.id for employee in employees]
    roles: dict[str, list[Role]] = {}
    for row in await session.execute(
        select(EmployeeRole.employee_id, EmployeeRole.role).where(EmployeeRole.employee_id.in_(ids))
    ):
        roles.setdefault(row.employee_id, []).append(row.role)
    query = select(Totp.employee_id).where(Totp.employee_id.in_(ids), Totp.confirmed_at.is_not(None))
    factors = set(await session.scalars(query))
    return [
        EmployeeView(
            id=employee.id,
            username=employee.username,
            display_name=employee.display_name,
            department_id=employee.department_id,
            roles=tuple(sorted(roles.get(employee.id, ()))),
            state=employee.state,
            must_change_password=employee.must_change_password,
            has_second_factor=employee.id in factors,
            created_at=employee.created_at,
            suspended_at=employee.suspended_at,
        )
        for employee in employees
    ]


async def view(session: AsyncSession, employee: Employee) -> EmployeeView:
    return (await views(session, [employee]))[0]


async def find_employee(
    session: AsyncSession, principal: Principal, permission: str, employee_id: str, *, lock: bool = False
) -> Employee:
    """Give an employee within reach of `permission`, else raise `EmployeeUnknown`."""
    reach = scope_clause(principal, permission, owner=Employee.id, department=Employee.department_id)
    query = select(Employee).where(Employee.id == employee_id, reach)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise EmployeeUnknown
    return found


async def find_department(session: AsyncSession, department_id: str) -> Department:
    found = await session.get(Department, department_id)
    if found is None:
        raise DepartmentUnknown
    return found


async def lock_administrators(session: AsyncSession) -> frozenset[str]:
    """Give the ids of the active ones, their rows locked so that two cannot leave at the same time.

    Take this lock before that of a single employee: always the same order, so no deadlock.
    """
    administrators = (
        select(Employee.id)
        .join(EmployeeRole, EmployeeRole.employee_id == Employee.id)
        .where(EmployeeRole.role == Role.ADMINISTRATOR, Employee.state == EmployeeState.ACTIVE)
        .order_by(Employee.id)
        .with_for_update()
    )
    return frozenset(await session.scalars(administrators))


async def any_administrator(session: AsyncSession) -> bool:
    query = select(func.count()).select_from(EmployeeRole).where(EmployeeRole.role == Role.ADMINISTRATOR)
    return bool(await session.scalar(query))
