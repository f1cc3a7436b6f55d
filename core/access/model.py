"""Roles, scopes and the principal: who asks, and how far each permission reaches. A leaf: no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.errors import Forbidden


class Role(StrEnum):
    """What an employee is here for. `auditor` excludes all others (separation of duties, 三员分立)."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    REVIEWER = "reviewer"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Scope(StrEnum):
    """Whose data a permission reaches; each one includes those before it."""

    OWN = "own"
    TEAM = "team"
    ALL = "all"

    @property
    def rank(self) -> int:
        return ("own", "team", "all").index(self.value)


def widest(*scopes: Scope) -> Scope:
    """Give the scope that reaches furthest."""
    return max(scopes, key=lambda scope: scope.rank)


@dataclass(frozen=True, slots=True)
class Principal:
    """An employee with a live session. `grants` maps a permission to its scope."""

    employee_id: str
    department_id: str | None
    department_path: str
    roles: frozenset[Role]
    grants: Mapping[str, Scope]
    session_id: str
    verified_at: datetime
    display_name: str = field(default="", repr=False)

    @property
    def id(self) -> str:
        return self.employee_id

    def scope(self, permission: str) -> Scope | None:
        """Give how far `permission` reaches, or None if it was not granted."""
        return self.grants.get(permission)

    def allows(self, permission: str) -> bool:
        return permission in self.grants

    def require(self, permission: str) -> Scope:
        """Give the scope of `permission`; raise `Forbidden` if it was not granted."""
        scope = self.grants.get(permission)
        if scope is None:
            raise Forbidden(permission=permission)
        return scope
