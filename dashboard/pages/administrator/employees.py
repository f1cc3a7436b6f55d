"""Employees by department: the list, one of them beside it, new ones, and departments."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field

from core.access.departments import DepartmentChange
from core.access.employees import NewEmployee
from core.access.errors import EmployeeUnknown
from core.access.grants import (
    DEPARTMENT_WRITE,
    EMPLOYEE_READ,
    EMPLOYEE_SUSPEND,
    EMPLOYEE_WRITE,
    SESSION_KILL,
)
from core.access.model import Principal, Role
from core.access.models import EmployeeState
from core.access.people import DepartmentView, EmployeeView
from core.errors import MasklineError
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import Failure, FormModel, act, failure_of
from dashboard.pages.administrator.staff import holdings, matrix, rights
from dashboard.pages.kit import DeskQuery, Kit, tree
from dashboard.pages.preferences import Seen
from dashboard.people import Directory
from gateway.calls.permissions import SIP_ACCOUNT_WRITE
from gateway.permissions import OFFBOARDING_ACT


class EmployeePath(ApiModel):
    employee_id: IdStr


class DepartmentPath(ApiModel):
    department_id: IdStr


class EmployeesQuery(DeskQuery):
    """The address of the list. Names of staff are no secret, so a search may stand in it."""

    department: IdStr | None = None
    state: EmployeeState | None = None
    role: Role | None = None
    q: Annotated[str, Field(max_length=64)] | None = None

    def given(self) -> dict[str, str]:
        """Give the filters that are set, as they stand in the address."""
        kept = {"department", "state", "role", "q"}
        values = self.model_dump(mode="json", include=kept, exclude_none=True)
        return {name: str(value) for name, value in values.items()}

    def address(self, path: str = "/employees") -> str:
        given = self.given()
        return f"{path}?{urlencode(given)}" if given else path


class EmployeeForm(FormModel):
    """A new employee as typed; roles are ticked one by one."""

    username: Annotated[str, Field(max_length=64)] = ""
    display_name: Annotated[str, Field(max_length=100)] = ""
    department: IdStr | None = None
    agent: bool = False
    supervisor: bool = False
    reviewer: bool = False
    administrator: bool = False
    auditor: bool = False

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(role for role in Role if getattr(self, role.value))


class DepartmentForm(FormModel):
    name: Annotated[str, Field(max_length=100)] = ""
    parent: IdStr | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """A department with those of its people that are listed; `department` None: those in none."""

    department: DepartmentView | None
    depth: int
    people: tuple[EmployeeView, ...]


def branches(directory: Directory, query: EmployeesQuery) -> list[Branch]:
    """Lay employees out as the tree is read. With filters, branches without anybody are left out."""
    wanted = query.q.casefold() if query.q else ""
    path = directory.path_of(query.department) if query.department else None
    within = {place.id for place in directory.departments if path is None or place.path.startswith(path)}
    found: dict[str | None, list[EmployeeView]] = {}
    for person in directory.employees:
        fits = (
            query.state in {None, person.state}
            and (query.role is None or query.role in person.roles)
            and (not wanted or wanted in person.display_name.casefold() or wanted in person.username)
        )
        if fits:
            found.setdefault(person.department_id, []).append(person)
    laid = [
        Branch(place, depth, tuple(found.get(place.id, ())))
        for place, depth in tree(directory.departments)
        if place.id in within
    ]
    if query.department is None:
        known = {place.id for place in directory.departments}
        rest = [person for place, people in found.items() if place not in known for person in people]
        laid.append(Branch(None, 0, tuple(rest)))
    narrowed = query.state or query.role or wanted
    return [branch for branch in laid if branch.people or (branch.department and not narrowed)]


class EmployeePages:
    """What the pages of employees share."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.access = kit.parts.access

    async def show(
        self,
        asked: Asked,
        query: EmployeesQuery | None = None,
        *,
        employee_id: str | None = None,
        panel: str | None = None,
        told: Failure | None = None,
        given: EmployeeForm | DepartmentForm | None = None,
        place_id: str | None = None,
    ) -> Html:
        """Render the list; `panel` names what stands beside it: employee, new, department, roles."""
        query, principal = query or EmployeesQuery(), asked.principal
        language, registry = asked.context.language, self.access.permissions
        directory = await self.kit.parts.people.directory(principal)
        chosen = await self.access.employees.get(principal, employee_id) if employee_id else None
        place = next((found for found in directory.departments if found.id == place_id), None)
        panel = "employee" if chosen else panel
        return self.kit.show(
            "employees.html",
            asked,
            back=query.address(asked.context.path if panel and not told else "/employees"),
            query=query,
            told=told,
            given=query.given(),
            branches=branches(directory, query),
            anybody=bool(directory.employees),
            departments=list(tree(directory.departments)),
            directory=directory,
            roles=tuple(Role),
            states=tuple(EmployeeState),
            panel=panel,
            chosen=chosen,
            place=place,
            form=given,
            held=await holdings(self.kit.parts, principal, chosen.id) if chosen else None,
            rights=rights(registry, chosen, language) if chosen else [],
            matrix=matrix(registry, Role, language) if panel == "roles" else [],
            myself=chosen is not None and chosen.id == principal.employee_id,
            may={
                "write": principal.allows(EMPLOYEE_WRITE),
                "suspend": principal.allows(EMPLOYEE_SUSPEND),
                "kill": principal.allows(SESSION_KILL),
                "phone": principal.allows(SIP_ACCOUNT_WRITE),
                "unbind": principal.allows(OFFBOARDING_ACT),
                "departments": principal.allows(DEPARTMENT_WRITE),
            },
        )


def endpoints(pages: EmployeePages) -> list[Endpoint]:
    """Give the pages of the list and of what is new. Fixed addresses come before the one of an employee."""
    return [*_reading(pages), *_new(pages), *_departments(pages), _one(pages)]


def _reading(pages: EmployeePages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/employees",
        permission=EMPLOYEE_READ,
        summary_zh="员工页",
        summary_en="Page of employees",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: EmployeesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    @endpoint(
        "GET",
        "/employees/roles",
        permission=EMPLOYEE_READ,
        summary_zh="角色权限对照页",
        summary_en="Page of what each role may do",
        kind="page",
    )
    async def roles(
        *, principal: Principal, query: EmployeesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, panel="roles")

    return [listing, roles]


def _one(pages: EmployeePages) -> Endpoint:
    @endpoint(
        "GET",
        "/employees/{employee_id}",
        permission=EMPLOYEE_READ,
        summary_zh="单个员工页",
        summary_en="Page of one employee",
        errors=(EmployeeUnknown,),
        kind="page",
    )
    async def one(
        *,
        principal: Principal,
        path: EmployeePath,
        query: EmployeesQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, employee_id=path.employee_id)

    return one


def _new(pages: EmployeePages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/employees/new",
        permission=EMPLOYEE_WRITE,
        summary_zh="新建员工页",
        summary_en="Page to create an employee",
        kind="page",
    )
    async def new(
        *, principal: Principal, query: EmployeesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, panel="new")

    @endpoint(
        "POST",
        "/employees/new",
        permission=EMPLOYEE_WRITE,
        summary_zh="新建员工",
        summary_en="Create an employee",
        kind="page",
    )
    async def create(
        *, principal: Principal, body: EmployeeForm, context: RequestContext, headers: Seen
    ) -> Html:
        asked = Asked(principal, context, headers)
        wanted = NewEmployee(body.username, body.display_name, body.roles, body.department)
        try:
            made = await pages.access.employees.create(principal, wanted)
        except MasklineError as error:
            told = failure_of(error, context.language)
            return await pages.show(asked, panel="new", told=told, given=body)
        return pages.kit.show(
            "credentials.html",
            asked,
            back=f"/employees/{made.employee.id}",
            person=made.employee,
            password=made.password,
            kind="created",
        )

    return [new, create]


def _departments(pages: EmployeePages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/departments/new",
        permission=DEPARTMENT_WRITE,
        summary_zh="新建部门页",
        summary_en="Page to create a department",
        kind="page",
    )
    async def new(
        *, principal: Principal, query: EmployeesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, panel="department")

    @endpoint(
        "POST",
        "/departments/new",
        permission=DEPARTMENT_WRITE,
        summary_zh="新建部门",
        summary_en="Create a department",
        kind="page",
    )
    async def create(
        *, principal: Principal, body: DepartmentForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)

        async def again(told: Failure) -> Html:
            return await pages.show(asked, panel="department", told=told, given=body)

        return await act(
            pages.access.departments.create(principal, body.name.strip(), body.parent),
            to="/employees",
            done="department-created",
            language=context.language,
            again=again,
        )

    @endpoint(
        "GET",
        "/departments/{department_id}",
        permission=DEPARTMENT_WRITE,
        summary_zh="部门页",
        summary_en="Page of a department",
        kind="page",
    )
    async def one(
        *,
        principal: Principal,
        path: DepartmentPath,
        query: EmployeesQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        asked = Asked(principal, context, headers)
        return await pages.show(asked, query, panel="department", place_id=path.department_id)

    @endpoint(
        "POST",
        "/departments/{department_id}",
        permission=DEPARTMENT_WRITE,
        summary_zh="更名或移动部门",
        summary_en="Rename or move a department",
        kind="page",
    )
    async def change(
        *,
        principal: Principal,
        path: DepartmentPath,
        body: DepartmentForm,
        context: RequestContext,
        headers: Seen,
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)

        async def again(told: Failure) -> Html:
            return await pages.show(
                asked, panel="department", told=told, given=body, place_id=path.department_id
            )

        wanted = DepartmentChange(body.name.strip(), body.parent)
        return await act(
            pages.access.departments.change(principal, path.department_id, wanted),
            to=f"/employees?department={path.department_id}",
            done="department-changed",
            language=context.language,
            again=again,
        )

    return [new, create, one, change]
