"""What access refuses, and the one answer for everything that a guesser could learn from."""

from core.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unauthenticated


class LoginRefused(Unauthenticated):
    """User name or password is wrong."""

    code = "login-refused"
    zh = "用户名或密码错误。"


class LoginLocked(TooMany):
    """Too many wrong tries; wait and try again."""

    code = "login-locked"
    zh = "错误次数过多，请稍后再试。"


class CodeRefused(Unauthenticated):
    """The code is wrong or was used already."""

    code = "code-refused"
    zh = "验证码错误或已使用。"


class PasswordWeak(Invalid):
    """This password is too easy to guess."""

    code = "password-weak"
    zh = "该密码过于容易猜测。"


class TotpPresent(Conflict):
    """A second factor is already set up; an administrator can remove it."""

    code = "totp-present"
    zh = "已绑定动态口令，如需更换请联系管理员。"


class TotpAbsent(Conflict):
    """There is no second factor to confirm; begin anew."""

    code = "totp-absent"
    zh = "没有待确认的动态口令，请重新开始。"


class EmployeeUnknown(NotFound):
    """There is no such employee, or you may not see them."""

    code = "employee-unknown"
    zh = "员工不存在，或您无权查看。"


class DepartmentUnknown(NotFound):
    """There is no such department, or you may not see it."""

    code = "department-unknown"
    zh = "部门不存在，或您无权查看。"


class SessionUnknown(NotFound):
    """There is no such session."""

    code = "session-unknown"
    zh = "会话不存在。"


class UsernameTaken(Conflict):
    """This user name is taken."""

    code = "username-taken"
    zh = "用户名已被占用。"


class RolesIncompatible(Invalid):
    """An employee needs a role, and an auditor has no other one (separation of duties)."""

    code = "roles-incompatible"
    zh = "员工至少需要一个角色；审计员不得兼任其他角色（三员分立）。"


class SelfChange(Forbidden):
    """Nobody changes their own rights or suspends themselves."""

    code = "self-change"
    zh = "不得修改自己的权限或停用自己。"


class LastAdministrator(Conflict):
    """This is the last active administrator."""

    code = "last-administrator"
    zh = "这是最后一名在用的管理员。"


class AdministratorPresent(Conflict):
    """There is already an administrator."""

    code = "administrator-present"
    zh = "已存在管理员。"


class DepartmentNameTaken(Conflict):
    """There is a department of this name at this place."""

    code = "department-name-taken"
    zh = "同级已有同名部门。"


class DepartmentTreeInvalid(Conflict):
    """A department cannot be placed below itself or that deep."""

    code = "department-tree-invalid"
    zh = "部门不能移到自身之下，或层级过深。"
