"""The list of all permissions, fed by every wing, and what each role gets of them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from core.access.model import Role, Scope, widest

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")


class PermissionClash(ValueError):
    """A permission is declared twice or its name is malformed. A fault of the program, not of a user."""


@dataclass(frozen=True, slots=True)
class PermissionSpec:
    """One permission: `name` like `customer.read`, its title, and the default scope for each role."""

    name: str
    zh: str
    en: str
    grants: Mapping[Role, Scope]


class PermissionRegistry:
    """All permissions of this deployment."""

    def __init__(self, *groups: Iterable[PermissionSpec]) -> None:
        self._specs: dict[str, PermissionSpec] = {}
        for group in groups:
            self.add(group)

    def add(self, specs: Iterable[PermissionSpec]) -> None:
        """Declare permissions; raise `PermissionClash` for a second one of the same name."""
        for spec in specs:
            if not _NAME.fullmatch(spec.name):
                raise PermissionClash(f"{spec.name!r} is not a permission name: use words.with.dots")
            if spec.name in self._specs:
                raise PermissionClash(f"permission {spec.name!r} is declared twice")
            self._specs[spec.name] = spec

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[PermissionSpec]:
        return iter(self._specs.values())

    def __getitem__(self, name: str) -> PermissionSpec:
        return self._specs[name]

    def grants_for(self, roles: Iterable[Role]) -> dict[str, Scope]:
        """Give permission -> scope for somebody with these roles; the widest grant wins."""
        held = frozenset(roles)
        grants: dict[str, Scope] = {}
        for spec in self._specs.values():
            scopes = [scope for role, scope in spec.grants.items() if role in held]
            if scopes:
                grants[spec.name] = widest(*scopes)
        return grants
