"""Policies as the rest of the wing sees them: who is asked for, what holds, and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.ledger.record import JSON


class Layer(StrEnum):
    """Where a policy was laid on. Settings without an order of strictness are decided by the last layer."""

    ORGANISATION = "organisation"
    DEPARTMENT = "department"
    DEVICE = "device"
    INCIDENT = "incident"

    @property
    def rank(self) -> int:
        return list(Layer).index(self)


class TargetKind(StrEnum):
    """Whom an assignment reaches."""

    EVERYBODY = "everybody"
    DEPARTMENT = "department"
    EMPLOYEE = "employee"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class PolicySubject:
    """A device with who has it. `department_path` is `/root/…/own/`, or "" without a department."""

    device_id: str
    employee_id: str | None
    department_path: str

    @property
    def department_ids(self) -> tuple[str, ...]:
        """The departments from the top to the device's own."""
        return tuple(part for part in self.department_path.split("/") if part)


@dataclass(frozen=True, slots=True)
class Source:
    """The assigned version that decided a setting."""

    layer: Layer
    target_kind: TargetKind
    target_id: str
    assignment_id: str
    policy_id: str
    policy_name: str
    version_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Effective:
    """What a device must be set to.

    `document` is AMAPI-shaped and normal (keyed lists sorted), `sha256` (hexadecimal) that of its RFC 8785
    bytes. `settings` are its parts by field path, e.g. `cameraAccess` or
    `applications[com.tencent.mm].installType`; `provenance` says of each who decided it.
    """

    document: Mapping[str, JSON]
    sha256: str
    settings: Mapping[str, JSON]
    provenance: Mapping[str, Source]


class RolloutState(StrEnum):
    """Where a roll-out stands; DONE and ROLLED_BACK are its ends."""

    RUNNING = "running"
    HALTED = "halted"
    """No further phone gets the version; those that have reported it keep it."""
    DONE = "done"
    ROLLED_BACK = "rolled_back"
