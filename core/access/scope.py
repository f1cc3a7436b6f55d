"""Compiles a permission's scope into SQL, so that a list never holds a row its reader may not see."""

from typing import Any

from sqlalchemy import ColumnElement, or_, select, true

from core.access.model import Principal, Scope
from core.access.models import Department


def scope_clause(
    principal: Principal, permission: str, *, owner: Any, department: Any
) -> ColumnElement[bool]:
    """Give the WHERE clause for `permission`; raise `Forbidden` if it was not granted at all.

    OWN: `owner` is the principal. TEAM: own rows and those whose `department` is the principal's or below
    it (by path). ALL: everything. `owner` and `department` are columns holding ids.
    """
    scope = principal.require(permission)
    if scope is Scope.ALL:
        return true()
    own: ColumnElement[bool] = owner == principal.employee_id
    if scope is Scope.OWN or not principal.department_path:
        return own
    return or_(own, department.in_(departments_below(principal.department_path)))


def departments_below(path: str) -> Any:
    """Select the ids of the department at `path` and of all below it."""
    return select(Department.id).where(Department.path.startswith(path, autoescape=True)).scalar_subquery()
