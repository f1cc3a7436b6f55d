"""What access tells the other wings, in the transaction in which it happened."""

from dataclasses import dataclass

from core.access.model import Role


@dataclass(frozen=True, slots=True)
class EmployeeSuspended:
    """The employee is out: sessions are gone; end their calls, refuse new ones. `by` None: the system."""

    employee_id: str
    by: str | None


@dataclass(frozen=True, slots=True)
class EmployeeReactivated:
    """The employee may work again."""

    employee_id: str
    by: str | None


@dataclass(frozen=True, slots=True)
class EmployeeMoved:
    """The employee is in another department now."""

    employee_id: str
    department_id: str | None
    by: str | None


@dataclass(frozen=True, slots=True)
class EmployeeRolesChanged:
    """The employee's roles are these now."""

    employee_id: str
    roles: frozenset[Role]
    by: str | None


@dataclass(frozen=True, slots=True)
class DepartmentMoved:
    """The department, with everything below it, has this path now."""

    department_id: str
    path: str
    by: str | None
