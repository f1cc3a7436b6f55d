"""What the API of access takes and gives."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from core.access.model import Role, Scope
from core.access.models import EmployeeState, Stage
from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr

PasswordText = Annotated[SecretStr, Field(min_length=1, max_length=256)]
CodeText = Annotated[SecretStr, Field(min_length=6, max_length=40)]
UsernameNew = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,63}$", description="2 to 64 of a-z, 0-9, dot, dash, underscore"),
]
NameText = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]


class LoginBody(ApiModel):
    """`deliver` says where the token goes: a cookie for browsers, the answer for programs."""

    username: str = Field(min_length=1, max_length=64)
    password: PasswordText
    deliver: Literal["cookie", "token"] = "cookie"


class CodeBody(ApiModel):
    """A code of the authenticator app, or where it fits a recovery code."""

    code: CodeText


class StepUpBody(ApiModel):
    """Password, and the code if a second factor is set up."""

    password: PasswordText
    code: CodeText | None = None


class PasswordBody(ApiModel):
    """The password in use and the one to come."""

    current: PasswordText
    new: PasswordText


class SessionOpened(ApiModel):
    """A session and what is still to be done before it is `full`. `token` only where it was asked for."""

    stage: Stage
    expires_at: datetime
    csrf_token: str
    token: str | None = None


class TotpStarted(ApiModel):
    """The secret for an authenticator app: as text, as URI, and as a QR code (SVG data URI). Shown once."""

    secret: str
    uri: str
    qr: str


class TotpConfirmed(ApiModel):
    """The new session, and the recovery codes: shown once, each works once."""

    session: SessionOpened
    recovery_codes: list[str]


class Me(ApiModel):
    """Who is logged in and what they may do; `permissions` maps each to its scope."""

    employee_id: str
    display_name: str
    department_id: str | None
    roles: list[Role]
    permissions: dict[str, Scope]
    has_second_factor: bool
    verified_at: datetime
    csrf_token: str | None


class SessionItem(ApiModel):
    """A live session."""

    id: str
    stage: Stage
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    source: str
    is_current: bool


class SessionList(ApiModel):
    """Live sessions, newest first."""

    items: list[SessionItem]


class SessionsEnded(ApiModel):
    """How many sessions were ended."""

    ended: int


class SessionPath(ApiModel):
    session_id: IdStr


class EmployeePath(ApiModel):
    employee_id: IdStr


class EmployeeQuery(PageQuery):
    """Filters of the list of employees."""

    department_id: IdStr | None = None
    state: EmployeeState | None = None


class EmployeeNew(ApiModel):
    """An employee to create."""

    username: UsernameNew
    display_name: NameText
    roles: list[Role] = Field(min_length=1, max_length=5)
    department_id: IdStr | None = None


class EmployeeItem(ApiModel):
    """An employee."""

    id: str
    username: str
    display_name: str
    department_id: str | None
    roles: list[Role]
    state: EmployeeState
    must_change_password: bool
    has_second_factor: bool
    created_at: datetime
    suspended_at: datetime | None


class EmployeeCreated(ApiModel):
    """An employee and the generated password, shown once."""

    employee: EmployeeItem
    password: str


class RolesBody(ApiModel):
    roles: list[Role] = Field(min_length=1, max_length=5)


class DepartmentBody(ApiModel):
    """`department_id` null takes the employee out of any department."""

    department_id: IdStr | None


class DepartmentNew(ApiModel):
    """A department; `parent_id` null is the top."""

    name: NameText
    parent_id: IdStr | None = None


class DepartmentPath(ApiModel):
    department_id: IdStr


class DepartmentItem(ApiModel):
    """A department. `path` holds the ids from the root down to it."""

    id: str
    parent_id: str | None
    name: str
    path: str


class DepartmentList(ApiModel):
    """The tree, parents before children."""

    items: list[DepartmentItem]
