"""Who may ask who saw what. The list belongs to nobody, so there is no narrower scope than all."""

from core.access.model import Role, Scope
from core.access.permissions import PermissionSpec

AUDIT_READ = "audit.read"

PERMISSIONS = (
    PermissionSpec(
        AUDIT_READ,
        "查看谁看了什么",
        "See who saw what",
        {Role.ADMINISTRATOR: Scope.ALL, Role.AUDITOR: Scope.ALL},
    ),
)
