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


def reaches(principal: Principal, permission: str, *, owner: str | None, path: str | None) -> bool:
    """Say of one row what `scope_clause` says of a query. `path` is that of the row's department.

    False, not `Forbidden`, where the permission was not granted at all.
    """
    scope = principal.scope(permission)
    if scope is None:
        return False
    if scope is Scope.ALL or owner == principal.employee_id:
        return True
    below = principal.department_path
    return scope is Scope.TEAM and bool(below) and path is not None and path.startswith(below)


def departments_below(path: str) -> Any:
    """Select the ids of the department at `path` and of all below it."""
    return select(Department.id).where(Department.path.startswith(path, autoescape=True)).scalar_subquery()
