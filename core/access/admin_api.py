"""Endpoints for administrators: employees, their sessions, departments."""

from core.access.account_api import session_list
from core.access.build import Access
from core.access.departments import DepartmentChange
from core.access.employees import Credentials, EmployeeFilter, NewEmployee
from core.access.errors import (
    DepartmentNameTaken,
    DepartmentTreeInvalid,
    DepartmentUnknown,
    LastAdministrator,
    RolesIncompatible,
    SelfChange,
    UsernameTaken,
)
from core.access.grants import (
    DEPARTMENT_READ,
    DEPARTMENT_WRITE,
    EMPLOYEE_READ,
    EMPLOYEE_SUSPEND,
    EMPLOYEE_WRITE,
    SESSION_KILL,
    SESSION_READ,
)
from core.access.model import Principal
from core.access.people import DepartmentView, EmployeeView
from core.access.schemas import (
    DepartmentBody,
    DepartmentItem,
    DepartmentList,
    DepartmentNew,
    DepartmentPath,
    EmployeeCreated,
    EmployeeItem,
    EmployeeNew,
    EmployeePath,
    EmployeeQuery,
    RolesBody,
    SessionList,
    SessionsEnded,
)
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page


def endpoints(access: Access) -> list[Endpoint]:
    """Give the endpoints of employees, their sessions and departments."""
    return [
        *_employee_endpoints(access),
        *_rights_endpoints(access),
        *_session_endpoints(access),
        *_department_endpoints(access),
    ]


def _employee_endpoints(access: Access) -> list[Endpoint]:
    tags = ("employees",)

    @endpoint(
        "GET",
        "/employees",
        permission=EMPLOYEE_READ,
        summary_zh="员工列表",
        summary_en="List employees",
        tags=tags,
    )
    async def employees(*, principal: Principal, query: EmployeeQuery) -> Page[EmployeeItem]:
        wanted = EmployeeFilter(query.department_id, query.state)
        found, following = await access.employees.page(
            principal, wanted, cursor=query.cursor, limit=query.limit
        )
        return Page(items=[_employee(seen) for seen in found], next_cursor=following)

    @endpoint(
        "POST",
        "/employees",
        permission=EMPLOYEE_WRITE,
        status=201,
        summary_zh="新建员工",
        summary_en="Create an employee",
        errors=(UsernameTaken, RolesIncompatible, DepartmentUnknown),
        tags=tags,
    )
    async def create(*, principal: Principal, body: EmployeeNew) -> EmployeeCreated:
        """The password is generated, shown once, and must be changed at the first log-in."""
        new = NewEmployee(body.username, body.display_name, frozenset(body.roles), body.department_id)
        return _created(await access.employees.create(principal, new))

    @endpoint(
        "GET",
        "/employees/{employee_id}",
        permission=EMPLOYEE_READ,
        summary_zh="查看员工",
        summary_en="See an employee",
        tags=tags,
    )
    async def read(*, principal: Principal, path: EmployeePath) -> EmployeeItem:
        return _employee(await access.employees.get(principal, path.employee_id))

    @endpoint(
        "POST",
        "/employees/{employee_id}/suspend",
        permission=EMPLOYEE_SUSPEND,
        summary_zh="停用员工",
        summary_en="Suspend an employee",
        errors=(SelfChange, LastAdministrator),
        tags=tags,
    )
    async def suspend(*, principal: Principal, path: EmployeePath) -> EmployeeItem:
        """Sessions end at once."""
        return _employee(await access.employees.suspend(principal, path.employee_id))

    @endpoint(
        "POST",
        "/employees/{employee_id}/reactivate",
        permission=EMPLOYEE_SUSPEND,
        summary_zh="恢复员工",
        summary_en="Reactivate an employee",
        errors=(SelfChange,),
        tags=tags,
    )
    async def reactivate(*, principal: Principal, path: EmployeePath) -> EmployeeItem:
        return _employee(await access.employees.reactivate(principal, path.employee_id))

    return [employees, create, read, suspend, reactivate]


def _rights_endpoints(access: Access) -> list[Endpoint]:
    tags = ("employees",)

    @endpoint(
        "PUT",
        "/employees/{employee_id}/roles",
        permission=EMPLOYEE_WRITE,
        step_up=True,
        summary_zh="设置角色",
        summary_en="Set roles",
        errors=(SelfChange, RolesIncompatible, LastAdministrator),
        tags=tags,
    )
    async def set_roles(*, principal: Principal, path: EmployeePath, body: RolesBody) -> EmployeeItem:
        return _employee(await access.employees.set_roles(principal, path.employee_id, body.roles))

    @endpoint(
        "PUT",
        "/employees/{employee_id}/department",
        permission=EMPLOYEE_WRITE,
        summary_zh="调动部门",
        summary_en="Move to a department",
        errors=(SelfChange,),
        tags=tags,
    )
    async def move(*, principal: Principal, path: EmployeePath, body: DepartmentBody) -> EmployeeItem:
        return _employee(await access.employees.move(principal, path.employee_id, body.department_id))

    @endpoint(
        "POST",
        "/employees/{employee_id}/password-reset",
        permission=EMPLOYEE_WRITE,
        step_up=True,
        summary_zh="重置密码",
        summary_en="Reset a password",
        errors=(SelfChange,),
        tags=tags,
    )
    async def reset_password(*, principal: Principal, path: EmployeePath) -> EmployeeCreated:
        return _created(await access.employees.reset_password(principal, path.employee_id))

    @endpoint(
        "DELETE",
        "/employees/{employee_id}/totp",
        permission=EMPLOYEE_WRITE,
        step_up=True,
        summary_zh="解除动态口令",
        summary_en="Remove a second factor",
        errors=(SelfChange,),
        tags=tags,
    )
    async def remove_totp(*, principal: Principal, path: EmployeePath) -> EmployeeItem:
        return _employee(await access.employees.remove_second_factor(principal, path.employee_id))

    return [set_roles, move, reset_password, remove_totp]


def _session_endpoints(access: Access) -> list[Endpoint]:
    tags = ("employees",)

    @endpoint(
        "GET",
        "/employees/{employee_id}/sessions",
        permission=SESSION_READ,
        summary_zh="员工会话",
        summary_en="An employee's sessions",
        tags=tags,
    )
    async def sessions(*, principal: Principal, path: EmployeePath) -> SessionList:
        return session_list(await access.session_admin.of(principal, path.employee_id), principal)

    @endpoint(
        "DELETE",
        "/employees/{employee_id}/sessions",
        permission=SESSION_KILL,
        summary_zh="终止员工全部会话",
        summary_en="End all of an employee's sessions",
        tags=tags,
    )
    async def end_sessions(*, principal: Principal, path: EmployeePath) -> SessionsEnded:
        return SessionsEnded(ended=await access.session_admin.end_all(principal, path.employee_id))

    return [sessions, end_sessions]


def _department_endpoints(access: Access) -> list[Endpoint]:
    tags = ("departments",)

    @endpoint(
        "GET",
        "/departments",
        permission=DEPARTMENT_READ,
        summary_zh="部门树",
        summary_en="The departments",
        tags=tags,
    )
    async def departments(*, principal: Principal) -> DepartmentList:
        return DepartmentList(items=[_department(seen) for seen in await access.departments.tree(principal)])

    @endpoint(
        "POST",
        "/departments",
        permission=DEPARTMENT_WRITE,
        status=201,
        summary_zh="新建部门",
        summary_en="Create a department",
        errors=(DepartmentUnknown, DepartmentNameTaken, DepartmentTreeInvalid),
        tags=tags,
    )
    async def create(*, principal: Principal, body: DepartmentNew) -> DepartmentItem:
        return _department(await access.departments.create(principal, body.name, body.parent_id))

    @endpoint(
        "PUT",
        "/departments/{department_id}",
        permission=DEPARTMENT_WRITE,
        summary_zh="更名或移动部门",
        summary_en="Rename or move a department",
        errors=(DepartmentNameTaken, DepartmentTreeInvalid),
        tags=tags,
    )
    async def change(*, principal: Principal, path: DepartmentPath, body: DepartmentNew) -> DepartmentItem:
        wanted = DepartmentChange(body.name, body.parent_id)
        return _department(await access.departments.change(principal, path.department_id, wanted))

    return [departments, create, change]


def _employee(seen: EmployeeView) -> EmployeeItem:
    return EmployeeItem.model_validate(seen)


def _created(made: Credentials) -> EmployeeCreated:
    return EmployeeCreated(employee=_employee(made.employee), password=made.password)


def _department(seen: DepartmentView) -> DepartmentItem:
    return DepartmentItem.model_validate(seen)
