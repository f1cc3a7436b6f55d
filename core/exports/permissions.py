"""Who may take evidence along. A bundle holds recordings, so it is not for those who may not listen."""

from core.access.model import Role, Scope
from core.access.permissions import PermissionSpec

EVIDENCE_EXPORT = "evidence.export"

PERMISSIONS = (PermissionSpec(EVIDENCE_EXPORT, "导出证据包", "Export evidence", {Role.AUDITOR: Scope.ALL}),)
