"""What is done to one employee: department, roles, suspension, sessions, password, second factor, phone."""

from collections.abc import Awaitable, Callable

from core.access.employees import Credentials
from core.access.grants import EMPLOYEE_SUSPEND, EMPLOYEE_WRITE, SESSION_KILL
from core.access.model import Principal
from core.errors import MasklineError
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import Failure, FormModel, act, failure_of
from dashboard.pages.administrator.employees import EmployeeForm, EmployeePages, EmployeePath
from dashboard.pages.preferences import Seen
from gateway.calls.accounts import FreshAccount
from gateway.calls.permissions import SIP_ACCOUNT_WRITE


class SessionPath(ApiModel):
    employee_id: IdStr
    session_id: IdStr


class MoveForm(FormModel):
    """None: no department."""

    department: IdStr | None = None


def endpoints(pages: EmployeePages) -> list[Endpoint]:
    """Give the forms' endpoints."""
    return [*_rights(pages), *_state(pages), *_sessions(pages), *_credentials(pages), *_phone(pages)]


async def _do(
    pages: EmployeePages, asked: Asked, employee_id: str, action: Awaitable[object], done: str
) -> Html | Redirect:
    """Act, and go back to the employee; a refusal is told there."""

    async def again(told: Failure) -> Html:
        return await pages.show(asked, employee_id=employee_id, told=told)

    return await act(
        action, to=f"/employees/{employee_id}", done=done, language=asked.context.language, again=again
    )


def _rights(pages: EmployeePages) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/employees/{employee_id}/department",
        permission=EMPLOYEE_WRITE,
        summary_zh="调动部门",
        summary_en="Move to a department",
        kind="page",
    )
    async def move(
        *, principal: Principal, path: EmployeePath, body: MoveForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        action = pages.access.employees.move(principal, path.employee_id, body.department)
        asked = Asked(principal, context, headers)
        return await _do(pages, asked, path.employee_id, action, "employee-moved")

    @endpoint(
        "POST",
        "/employees/{employee_id}/roles",
        permission=EMPLOYEE_WRITE,
        step_up=True,
        summary_zh="设置角色",
        summary_en="Set roles",
        kind="page",
    )
    async def roles(
        *,
        principal: Principal,
        path: EmployeePath,
        body: EmployeeForm,
        context: RequestContext,
        headers: Seen,
    ) -> Html | Redirect:
        action = pages.access.employees.set_roles(principal, path.employee_id, body.roles)
        asked = Asked(principal, context, headers)
        return await _do(pages, asked, path.employee_id, action, "employee-roles")

    return [move, roles]


def _state(pages: EmployeePages) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/employees/{employee_id}/suspend",
        permission=EMPLOYEE_SUSPEND,
        summary_zh="停用员工",
        summary_en="Suspend an employee",
        kind="page",
    )
    async def suspend(
        *, principal: Principal, path: EmployeePath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        action = pages.access.employees.suspend(principal, path.employee_id)
        asked = Asked(principal, context, headers)
        return await _do(pages, asked, path.employee_id, action, "employee-suspended")

    @endpoint(
        "POST",
        "/employees/{employee_id}/reactivate",
        permission=EMPLOYEE_SUSPEND,
        summary_zh="恢复员工",
        summary_en="Reactivate an employee",
        kind="page",
    )
    async def reactivate(
        *, principal: Principal, path: EmployeePath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        action = pages.access.employees.reactivate(principal, path.employee_id)
        asked = Asked(principal, context, headers)
        return await _do(pages, asked, path.employee_id, action, "employee-resumed")

    return [suspend, reactivate]


def _sessions(pages: EmployeePages) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/employees/{employee_id}/sessions/end",
        permission=SESSION_KILL,
        summary_zh="终止员工全部会话",
        summary_en="End all of an employee's sessions",
        kind="page",
    )
    async def end_all(
        *, principal: Principal, path: EmployeePath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        action = pages.access.session_admin.end_all(principal, path.employee_id)
        asked = Asked(principal, context, headers)
        return await _do(pages, asked, path.employee_id, action, "sessions-ended")

    @endpoint(
        "POST",
        "/employees/{employee_id}/sessions/{session_id}/end",
        permission=SESSION_KILL,
        summary_zh="终止员工某个会话",
        summary_en="End one of an employee's sessions",
        kind="page",
    )
    async def end_one(
        *, principal: Principal, path: SessionPath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        action = pages.access.session_admin.end_one(principal, path.employee_id, path.session_id)
        asked = Asked(principal, context, headers)
        return await _do(pages, asked, path.employee_id, action, "session-ended")

    return [end_all, end_one]


def _credentials(pages: EmployeePages) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/employees/{employee_id}/password-reset",
        permission=EMPLOYEE_WRITE,
        step_up=True,
        summary_zh="重置密码",
        summary_en="Reset a password",
        kind="page",
    )
    async def reset_password(
        *, principal: Principal, path: EmployeePath, context: RequestContext, headers: Seen
    ) -> Html:
        asked = Asked(principal, context, headers)
        try:
            made: Credentials = await pages.access.employees.reset_password(principal, path.employee_id)
        except MasklineError as error:
            told = failure_of(error, context.language)
            return await pages.show(asked, employee_id=path.employee_id, told=told)
        return pages.kit.show(
            "credentials.html",
            asked,
            back=f"/employees/{made.employee.id}",
            person=made.employee,
            password=made.password,
            kind="reset",
        )

    @endpoint(
        "POST",
        "/employees/{employee_id}/second-factor/remove",
        permission=EMPLOYEE_WRITE,
        step_up=True,
        summary_zh="解除动态口令",
        summary_en="Remove a second factor",
        kind="page",
    )
    async def remove_factor(
        *, principal: Principal, path: EmployeePath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        action = pages.access.employees.remove_second_factor(principal, path.employee_id)
        asked = Asked(principal, context, headers)
        return await _do(pages, asked, path.employee_id, action, "factor-removed")

    return [reset_password, remove_factor]


def _phone(pages: EmployeePages) -> list[Endpoint]:
    sip = pages.kit.parts.settings.sip

    async def show_once(
        asked: Asked, employee_id: str, make: Callable[[Principal, str], Awaitable[FreshAccount]]
    ) -> Html:
        """Make a secret and show it, this once."""
        try:
            account = await make(asked.principal, employee_id)
        except MasklineError as error:
            told = failure_of(error, asked.context.language)
            return await pages.show(asked, employee_id=employee_id, told=told)
        person = await pages.access.employees.get(asked.principal, employee_id)
        server = f"{sip.advertised_host or sip.host}:{sip.port}"
        return pages.kit.show(
            "phone.html",
            asked,
            back=f"/employees/{employee_id}",
            person=person,
            account=account,
            server=server,
        )

    @endpoint(
        "POST",
        "/employees/{employee_id}/phone",
        permission=SIP_ACCOUNT_WRITE,
        summary_zh="新建话机账号",
        summary_en="Make a phone account",
        kind="page",
    )
    async def create(
        *, principal: Principal, path: EmployeePath, context: RequestContext, headers: Seen
    ) -> Html:
        asked = Asked(principal, context, headers)
        return await show_once(asked, path.employee_id, pages.kit.parts.accounts.create)

    @endpoint(
        "POST",
        "/employees/{employee_id}/phone/rotate",
        permission=SIP_ACCOUNT_WRITE,
        summary_zh="更换话机密码",
        summary_en="Rotate a phone's password",
        kind="page",
    )
    async def rotate(
        *, principal: Principal, path: EmployeePath, context: RequestContext, headers: Seen
    ) -> Html:
        asked = Asked(principal, context, headers)
        return await show_once(asked, path.employee_id, pages.kit.parts.accounts.rotate)

    return [create, rotate]
