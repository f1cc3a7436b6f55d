"""Permissions of the ledger. Its entries belong to nobody, so there is no narrower scope than all."""

from collections.abc import Mapping

from core.access.model import Role, Scope
from core.access.permissions import PermissionSpec

_CHECKERS: Mapping[Role, Scope] = {
    Role.REVIEWER: Scope.ALL,
    Role.ADMINISTRATOR: Scope.ALL,
    Role.AUDITOR: Scope.ALL,
}

LEDGER_CHECKPOINT = "ledger.checkpoint"
LEDGER_READ = "ledger.read"

PERMISSIONS = (
    PermissionSpec(
        LEDGER_CHECKPOINT,
        "查看账本检查点、公钥与一致性证明",
        "See the ledger's checkpoints, key and consistency proofs",
        dict.fromkeys(Role, Scope.ALL),
    ),
    PermissionSpec(LEDGER_READ, "查看账本条目及其证明", "See ledger entries and their proofs", _CHECKERS),
)
