"""What happened to a phone, told in the same transaction."""

from dataclasses import dataclass

from devicepolicy.devices.model import ComplianceState


@dataclass(frozen=True, slots=True)
class DeviceTrusted:
    """A phone was approved (or came with a token that approves): from now on it gets policies."""

    device_id: str
    employee_id: str | None
    department_id: str | None
    policy_id: str | None
    """The policy that its token was bound to."""
    by: str | None


@dataclass(frozen=True, slots=True)
class DeviceEnded:
    """A phone was rejected, released or enrolled again as another: nothing more goes to it."""

    device_id: str
    employee_id: str | None
    reason: str
    by: str | None


@dataclass(frozen=True, slots=True)
class DeviceAssigned:
    """A phone has another employee or department now."""

    device_id: str
    employee_id: str | None
    department_id: str | None
    by: str | None


@dataclass(frozen=True, slots=True)
class DesiredChanged:
    """Something else is wanted of this phone now: wake it if it is connected."""

    device_id: str
    version: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ComplianceChanged:
    """A phone's report (or a new wish) changed how it stands."""

    device_id: str
    employee_id: str | None
    before: ComplianceState
    after: ComplianceState


@dataclass(frozen=True, slots=True)
class DeviceWentOffline:
    """A phone has been silent for too long."""

    device_id: str
    employee_id: str | None


@dataclass(frozen=True, slots=True)
class DeviceCameBack:
    """A phone that was silent for too long has spoken."""

    device_id: str
    employee_id: str | None
