"""Words of the register: trust, states, what a phone is and how it fares. A leaf: no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from devicepolicy.capabilities.facts import DeviceFacts, Mode

SEEN_EVERY = timedelta(seconds=10)
"""When a phone was seen is written anew once it is that old: it lags behind the last request by no more."""


class Trust(StrEnum):
    """Whether we deal with a phone. Only TRUSTED gets policies and commands."""

    PENDING = "PENDING"
    TRUSTED = "TRUSTED"
    REJECTED = "REJECTED"
    RELEASED = "RELEASED"


class DeviceState(StrEnum):
    """What a phone is for (AMAPI `Device.state`): wanted by us (`state`) and in force (`applied_state`)."""

    PROVISIONING = "PROVISIONING"
    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    LOST = "LOST"
    DELETED = "DELETED"


class ComplianceState(StrEnum):
    """How a phone stands to what is wanted of it."""

    UNKNOWN = "UNKNOWN"
    """It has never told."""
    PENDING = "PENDING"
    """It has not told yet that it applied what is wanted now."""
    COMPLIANT = "COMPLIANT"
    NOT_COMPLIANT = "NOT_COMPLIANT"


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone whose request was admitted: what its endpoints may know of it."""

    device_id: str
    trust: Trust
    employee_id: str | None
    department_id: str | None
    terms_version: str | None
    """The terms that its employee agreed to last; None: none, or withdrawn."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a phone measures of itself; None: it did not say."""

    battery_percent: int | None = None
    charging: bool | None = None
    signal_percent: int | None = None
    network: str | None = None
    free_storage_mb: int | None = None


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A phone as its readers see it."""

    id: str
    name: str
    trust: Trust
    employee_id: str | None
    department_id: str | None
    state: DeviceState
    applied_state: DeviceState | None
    manufacturer: str
    model: str
    os_version: str
    facts: DeviceFacts
    agent_version: str
    compliance: ComplianceState
    compliance_since: datetime | None
    desired_version: int
    applied_version: int | None
    status: Status
    online: bool
    last_seen_at: datetime | None
    last_report_at: datetime | None
    terms_version: str | None
    enrolled_at: datetime
    trusted_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    counts: Mapping[str, int] = field(default_factory=dict)
    """Settings by their state at the last report."""


__all__ = ["ComplianceState", "DeviceFacts", "DeviceState", "DeviceView", "Mode", "Phone", "Status", "Trust"]
