"""Names of departments and employees, for columns and choices; only those a reader may see."""

from dataclasses import dataclass

from core.access.departments import DepartmentService
from core.access.employees import EmployeeFilter, EmployeeService
from core.access.grants import DEPARTMENT_READ, EMPLOYEE_READ
from core.access.model import Principal, Scope
from core.access.people import DepartmentView, EmployeeView
from gateway.calls.permissions import CALL_READ

PAGE = 200
MAX_CHOICES = 1000


@dataclass(frozen=True, slots=True)
class Directory:
    """Departments in the order of the tree, and employees; both empty where there is no choice."""

    departments: tuple[DepartmentView, ...] = ()
    employees: tuple[EmployeeView, ...] = ()

    def department(self, department_id: str | None) -> str:
        """Name a department; "" if it is unknown."""
        return next((found.name for found in self.departments if found.id == department_id), "")

    def path_of(self, department_id: str) -> str | None:
        return next((found.path for found in self.departments if found.id == department_id), None)


class People:
    """Looks names up."""

    def __init__(self, employees: EmployeeService, departments: DepartmentService) -> None:
        self._employees = employees
        self._departments = departments

    async def departments(self, principal: Principal) -> Directory:
        """Give the departments."""
        if not principal.allows(DEPARTMENT_READ):
            return Directory()
        return Directory(tuple(await self._departments.tree(principal)))

    async def directory(self, principal: Principal) -> Directory:
        """Give departments and employees. Somebody who sees only own calls has nobody to choose."""
        departments = (await self.departments(principal)).departments
        if not principal.allows(EMPLOYEE_READ) or principal.scope(CALL_READ) is Scope.OWN:
            return Directory(departments)
        found: list[EmployeeView] = []
        cursor: str | None = None
        while len(found) < MAX_CHOICES:
            rows, cursor = await self._employees.page(principal, EmployeeFilter(), cursor=cursor, limit=PAGE)
            found += rows
            if cursor is None:
                break
        return Directory(departments, tuple(sorted(found, key=lambda person: person.display_name)))
