"""Permissions of phones and their policies, and which role gets how much of them."""

from collections.abc import Mapping

from core.access.model import Role, Scope
from core.access.permissions import PermissionSpec

POLICY_READ = "policy.read"
POLICY_WRITE = "policy.write"
POLICY_PUBLISH = "policy.publish"
POLICY_ASSIGN = "policy.assign"

_ADMINISTRATOR: Mapping[Role, Scope] = {Role.ADMINISTRATOR: Scope.ALL}
_READERS: Mapping[Role, Scope] = {
    Role.SUPERVISOR: Scope.TEAM,
    Role.ADMINISTRATOR: Scope.ALL,
    Role.AUDITOR: Scope.ALL,
}

PERMISSIONS = (
    PermissionSpec(POLICY_READ, "查看手机策略", "See phone policies", _READERS),
    PermissionSpec(POLICY_WRITE, "编写手机策略", "Write phone policies", _ADMINISTRATOR),
    PermissionSpec(POLICY_PUBLISH, "发布手机策略", "Publish phone policies", _ADMINISTRATOR),
    PermissionSpec(
        POLICY_ASSIGN,
        "分配、灰度和回退手机策略",
        "Assign, roll out and roll back phone policies",
        _ADMINISTRATOR,
    ),
)
