"""The permissions of access itself, and what each stage of a log-in may do."""

from collections.abc import Mapping
from types import MappingProxyType

from core.access.model import Role, Scope
from core.access.models import Stage
from core.access.permissions import PermissionSpec

ACCOUNT_LOGIN = "account.login"
ACCOUNT_PASSWORD = "account.password"  # noqa: S105 - a permission's name
ACCOUNT_ENROL = "account.enrol_totp"
ACCOUNT_SESSIONS = "account.sessions"
EMPLOYEE_READ = "employee.read"
EMPLOYEE_WRITE = "employee.write"
EMPLOYEE_SUSPEND = "employee.suspend"
DEPARTMENT_READ = "department.read"
DEPARTMENT_WRITE = "department.write"
SESSION_READ = "session.read"
SESSION_KILL = "session.kill"

_SELF: Mapping[Role, Scope] = dict.fromkeys(Role, Scope.OWN)
_ADMIN: Mapping[Role, Scope] = {Role.ADMINISTRATOR: Scope.ALL}
_SEE: Mapping[Role, Scope] = {
    Role.SUPERVISOR: Scope.TEAM,
    Role.REVIEWER: Scope.ALL,
    Role.ADMINISTRATOR: Scope.ALL,
    Role.AUDITOR: Scope.ALL,
}

ACCESS_PERMISSIONS = (
    PermissionSpec(ACCOUNT_LOGIN, "登录、退出、查看本人", "Log in and out, see oneself", _SELF),
    PermissionSpec(ACCOUNT_PASSWORD, "修改本人密码", "Change one's password", _SELF),
    PermissionSpec(ACCOUNT_ENROL, "绑定本人动态口令", "Set up one's second factor", _SELF),
    PermissionSpec(ACCOUNT_SESSIONS, "管理本人会话", "Manage one's sessions", _SELF),
    PermissionSpec(EMPLOYEE_READ, "查看员工", "See employees", _SEE),
    PermissionSpec(EMPLOYEE_WRITE, "新建和修改员工", "Create and change employees", _ADMIN),
    PermissionSpec(EMPLOYEE_SUSPEND, "停用和恢复员工", "Suspend and reactivate employees", _ADMIN),
    PermissionSpec(DEPARTMENT_READ, "查看部门", "See departments", dict.fromkeys(Role, Scope.ALL)),
    PermissionSpec(DEPARTMENT_WRITE, "管理部门", "Manage departments", _ADMIN),
    PermissionSpec(
        SESSION_READ,
        "查看员工会话",
        "See employees' sessions",
        {Role.ADMINISTRATOR: Scope.ALL, Role.AUDITOR: Scope.ALL},
    ),
    PermissionSpec(SESSION_KILL, "终止员工会话", "End employees' sessions", _ADMIN),
)

# Before a log-in is complete a session can do nothing but complete it.
STAGE_GRANTS: Mapping[Stage, Mapping[str, Scope]] = MappingProxyType(
    {
        Stage.TOTP: {ACCOUNT_LOGIN: Scope.OWN},
        Stage.CHANGE_PASSWORD: {ACCOUNT_LOGIN: Scope.OWN, ACCOUNT_PASSWORD: Scope.OWN},
        Stage.ENROL_TOTP: {ACCOUNT_LOGIN: Scope.OWN, ACCOUNT_ENROL: Scope.OWN},
    }
)
