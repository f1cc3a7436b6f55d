"""Every permission of the house in one registry."""

from core.access.grants import ACCESS_PERMISSIONS
from core.access.permissions import PermissionRegistry
from core.audit import permissions as audit
from core.exports import permissions as exports
from core.ledger import permissions as ledger
from core.web.system import SYSTEM_PERMISSIONS
from devicepolicy import permissions as phones
from gateway import permissions as gateway
from gateway.calls import permissions as calls
from gateway.messages import permissions as messages
from qa import permissions as quality


def registry() -> PermissionRegistry:
    """Gather what each wing declares."""
    return PermissionRegistry(
        SYSTEM_PERMISSIONS,
        ACCESS_PERMISSIONS,
        ledger.PERMISSIONS,
        audit.PERMISSIONS,
        exports.PERMISSIONS,
        gateway.PERMISSIONS,
        calls.PERMISSIONS,
        messages.PERMISSIONS,
        quality.PERMISSIONS,
        phones.PERMISSIONS,
    )
