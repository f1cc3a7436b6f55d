"""Who may own a customer, and to whom somebody may give one."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal, Scope
from core.access.models import Department, Employee, EmployeeState
from gateway.customers.errors import OwnerInvalid


@dataclass(frozen=True, slots=True)
class Owner:
    """An active employee and their department."""

    employee_id: str
    department_id: str | None


async def find_owner(
    session: AsyncSession, principal: Principal, permission: str, owner_id: str | None
) -> Owner:
    """Give the owner to be: the principal by default, another one as far as `permission` reaches.

    Raises `OwnerInvalid`; it does not tell an unknown employee from one out of reach.
    """
    scope = principal.require(permission)
    wanted = owner_id or principal.employee_id
    if scope is Scope.OWN and wanted != principal.employee_id:
        raise OwnerInvalid
    query = (
        select(Employee.id, Employee.department_id, Employee.state, Department.path)
        .outerjoin(Department, Department.id == Employee.department_id)
        .where(Employee.id == wanted)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None or found.state is not EmployeeState.ACTIVE:
        raise OwnerInvalid
    within = found.path is not None and principal.department_path
    if (
        scope is Scope.TEAM
        and wanted != principal.employee_id
        and not (within and found.path.startswith(principal.department_path))
    ):
        raise OwnerInvalid
    return Owner(found.id, found.department_id)
