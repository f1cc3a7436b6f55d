"""Departments and employees straight in the tables, and principals for them: for tests that need people."""

from core.access.model import Principal, Role
from core.access.models import Department, Employee, EmployeeState
from core.access.permissions import PermissionRegistry
from core.clock import Clock
from core.db import Database
from core.ids import new_id


async def add_department(
    database: Database, clock: Clock, name: str, parent: Department | None = None
) -> Department:
    row = Department(id=new_id(), parent_id=parent.id if parent else None, name=name, created_at=clock.now())
    row.path = f"{parent.path if parent else '/'}{row.id}/"
    async with database.begin() as session:
        session.add(row)
    return row


async def add_employee(
    database: Database,
    clock: Clock,
    department: Department | None = None,
    state: EmployeeState = EmployeeState.ACTIVE,
) -> str:
    employee_id = new_id()
    async with database.begin() as session:
        session.add(
            Employee(
                id=employee_id,
                username=f"u{employee_id}",
                display_name="员工",
                department_id=department.id if department else None,
                state=state,
                password_hash="-",
                password_changed_at=clock.now(),
                created_at=clock.now(),
            )
        )
    return employee_id


def principal_of(
    permissions: PermissionRegistry,
    clock: Clock,
    role: Role,
    employee_id: str,
    department: Department | None = None,
) -> Principal:
    """Give somebody with what this role may do, who has just proved who they are."""
    return Principal(
        employee_id=employee_id,
        department_id=department.id if department else None,
        department_path=department.path if department else "",
        roles=frozenset({role}),
        grants=permissions.grants_for({role}),
        session_id=new_id(),
        verified_at=clock.now(),
    )
