"""What is known of a device when one asks what it can do. A leaf: no I/O."""

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """How a device is managed (AMAPI `MigrationToken.managementMode`, and a fully managed one in kiosk)."""

    FULLY_MANAGED = "FULLY_MANAGED"
    DEDICATED = "DEDICATED"
    WORK_PROFILE_COMPANY_OWNED = "WORK_PROFILE_COMPANY_OWNED"
    WORK_PROFILE_PERSONALLY_OWNED = "WORK_PROFILE_PERSONALLY_OWNED"


class Backend(StrEnum):
    """Through what an agent can carry a setting out."""

    ANDROID = "ANDROID"
    """DevicePolicyManager and UserManager of Android."""
    HUAWEI = "HUAWEI"
    """Huawei's `DeviceRestrictionManager` and its neighbours."""
    OPENHARMONY = "OPENHARMONY"
    """OpenHarmony's `enterprise.restrictions` and its neighbours."""


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device is. `api_level` is Android's (33 is Android 13)."""

    api_level: int
    mode: Mode = Mode.FULLY_MANAGED
    backends: frozenset[Backend] = frozenset({Backend.ANDROID})
