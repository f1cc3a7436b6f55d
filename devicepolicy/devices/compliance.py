"""How a phone stands to what is wanted of it: computed anew from its own report, and from nothing else.

- A setting is *applied* only when the phone itself names the hash of the value that is in force.
- The phone as a whole is *compliant* only when it names version and hash of the very document that is wanted.
- Each evaluation looks at every setting; nothing of an earlier one is carried over, no text stays behind.
- A setting that this hardware, system or mode cannot have is *expected* to be missing, but only if the phone
  says so and our own table agrees.

Names of reasons are those of Android Management API's `NonComplianceReason`; those of our own say so.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from devicepolicy.devices.model import ComplianceState


class Reason(StrEnum):
    """Why a setting is not in force."""

    API_LEVEL = "API_LEVEL"
    MANAGEMENT_MODE = "MANAGEMENT_MODE"
    USER_ACTION = "USER_ACTION"
    INVALID_VALUE = "INVALID_VALUE"
    APP_NOT_INSTALLED = "APP_NOT_INSTALLED"
    UNSUPPORTED = "UNSUPPORTED"
    APP_INSTALLED = "APP_INSTALLED"
    PENDING = "PENDING"
    APP_INCOMPATIBLE = "APP_INCOMPATIBLE"
    APP_NOT_UPDATED = "APP_NOT_UPDATED"
    OS_NOT_PERMITTED = "OS_NOT_PERMITTED"
    DEVICE_INCOMPATIBLE = "DEVICE_INCOMPATIBLE"
    APP_SIGNING_CERT_MISMATCH = "APP_SIGNING_CERT_MISMATCH"
    PROJECT_NOT_PERMITTED = "PROJECT_NOT_PERMITTED"
    NOT_REPORTED = "NOT_REPORTED"
    """Ours: the phone applied the document and said nothing of this setting."""
    VALUE_DIFFERS = "VALUE_DIFFERS"
    """Ours: the phone applied the document, yet another value is in force, and it does not say why."""


CANNOT = frozenset({Reason.API_LEVEL, Reason.MANAGEMENT_MODE, Reason.UNSUPPORTED, Reason.DEVICE_INCOMPATIBLE})
"""Reasons that lie in what the phone is: the only ones that can be expected."""


class SettingState(StrEnum):
    """How one setting stands."""

    APPLIED = "APPLIED"
    PENDING = "PENDING"
    EXPECTED = "EXPECTED"
    FAILED = "FAILED"


class Fault(StrEnum):
    """What is wrong with a report as a whole."""

    DOCUMENT_DIFFERS = "document-differs"
    """The phone names our version with another hash: what it applied is not what we sent."""
    VERSION_UNKNOWN = "version-unknown"
    """The phone names a version that was never made for it."""
    STATE_DIFFERS = "state-differs"
    """The phone applied the document, but is not in the state that is wanted (locked, lost)."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a phone must apply: the document's version and hash, and each setting's hash (hexadecimal)."""

    version: int
    sha256: str
    settings: Mapping[str, str]
    state: str = "ACTIVE"


@dataclass(frozen=True, slots=True)
class SettingReport:
    """What a phone says of one setting: the hash of the value in force, or why there is none."""

    sha256: str | None = None
    reason: Reason | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """What a phone says of all of it."""

    version: int | None
    sha256: str | None
    settings: Mapping[str, SettingReport]
    state: str | None = "ACTIVE"


@dataclass(frozen=True, slots=True)
class SettingStatus:
    """One setting, judged. `detail` is the phone's own word on a failure that it has now."""

    state: SettingState
    wanted: str
    reported: str | None = None
    reason: Reason | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Compliance:
    """The whole phone, judged."""

    state: ComplianceState
    settings: Mapping[str, SettingStatus] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Settings by state."""
        return dict(sorted(Counter(status.state.value for status in self.settings.values()).items()))


def judge(wanted: Wanted, reported: Reported | None, expected: Mapping[str, Reason]) -> Compliance:
    """Judge a phone. `expected`: the settings that our table says it cannot have, and why."""
    if reported is None:
        waiting = {
            name: SettingStatus(SettingState.PENDING, digest) for name, digest in wanted.settings.items()
        }
        return Compliance(ComplianceState.UNKNOWN, waiting)
    faults = _faults(wanted, reported)
    current = reported.version == wanted.version and Fault.DOCUMENT_DIFFERS not in faults
    settings = {
        name: _setting(digest, reported.settings.get(name), expected.get(name), current=current)
        for name, digest in wanted.settings.items()
    }
    states = {status.state for status in settings.values()}
    if faults or SettingState.FAILED in states:
        state = ComplianceState.NOT_COMPLIANT
    elif not current or SettingState.PENDING in states:
        state = ComplianceState.PENDING
    else:
        state = ComplianceState.COMPLIANT
    return Compliance(state, settings, faults)


def _faults(wanted: Wanted, reported: Reported) -> tuple[Fault, ...]:
    if reported.version is not None and reported.version > wanted.version:
        return (Fault.VERSION_UNKNOWN,)
    if reported.version != wanted.version:
        return ()
    if reported.sha256 != wanted.sha256:
        return (Fault.DOCUMENT_DIFFERS,)
    return (Fault.STATE_DIFFERS,) if reported.state != wanted.state else ()


def _setting(
    digest: str, report: SettingReport | None, expected: Reason | None, *, current: bool
) -> SettingStatus:
    """Judge one setting. `current`: the phone has applied the document that is wanted."""
    said = report.sha256 if report is not None else None
    if said == digest:
        return SettingStatus(SettingState.APPLIED, digest, said)
    if not current:
        return SettingStatus(SettingState.PENDING, digest, said)
    if report is None:
        return SettingStatus(SettingState.FAILED, digest, None, Reason.NOT_REPORTED)
    if report.reason in CANNOT and expected in CANNOT:
        return SettingStatus(SettingState.EXPECTED, digest, said, expected)
    state = SettingState.PENDING if report.reason is Reason.PENDING else SettingState.FAILED
    return SettingStatus(state, digest, said, report.reason or Reason.VALUE_DIFFERS, report.detail)
