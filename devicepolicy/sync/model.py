"""What goes between a phone and the server. A leaf: no I/O."""

from dataclasses import dataclass, field
from datetime import datetime

from devicepolicy.capabilities.facts import DeviceFacts
from devicepolicy.devices.compliance import Reported
from devicepolicy.devices.model import ComplianceState, DeviceState, Status


@dataclass(frozen=True, slots=True)
class Desired:
    """One version of what is wanted; `token` is signed for the phone and this moment."""

    version: int
    sha256: str
    token: str = field(repr=False)

    @property
    def etag(self) -> str:
        """The version is in it: a document that comes back as an older one is still another wish."""
        return etag_of(self.version, self.sha256)


def etag_of(version: int, sha256: str) -> str:
    """Give the entity tag of a desired state, without quotes."""
    return f"{version}.{sha256}"


@dataclass(frozen=True, slots=True)
class PhoneReport:
    """What a phone says of itself. `seq` rises with each report of one enrolment, whatever its clock does."""

    seq: int
    reported: Reported
    state: DeviceState
    status: Status
    facts: DeviceFacts
    os_version: str
    agent_version: str
    security_patch: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a phone hears back: how it stands, what is wanted now, and when to report next."""

    compliance: ComplianceState
    desired_version: int
    desired_sha256: str
    next_report_s: int
    server_time: datetime
    problems: tuple[str, ...] = ()
    """Settings that failed, for the agent to try again."""
