"""A report on its way into the books: what it says, the hashes that name its words, what it is answered."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from devicepolicy.devices.model import ComplianceState
from devicepolicy.devices.models import DeviceRow
from devicepolicy.identity.requests import Proof
from devicepolicy.sync.model import PhoneReport
from devicepolicy.sync.models import DesiredRow


@dataclass(frozen=True, slots=True)
class Told:
    """A report of an admitted phone. `body` is what the phone signed, `content` what it says of policy.

    `sha256` is of all that it says, `content_hash` of `content`; `mark` names the judgement of these words by
    the table of now.
    """

    device_id: str
    report: PhoneReport
    sha256: str
    mark: str
    content: Mapping[str, Any]
    content_hash: str
    proof: Proof
    body: bytes


@dataclass(frozen=True, slots=True)
class Stands:
    """How a phone stands after its report, and what is wanted of it."""

    compliance: ComplianceState
    desired_version: int
    desired_sha256: str
    settings: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, row: DeviceRow, desired: DesiredRow) -> "Stands":
        return cls(row.compliance, desired.version, desired.sha256, row.settings.get("settings", {}))


def note(row: DeviceRow, told: Told, now: datetime) -> None:
    """Put what a phone says of itself into its locked row; how it stands is another matter."""
    report = told.report
    row.report_seq, row.report_hash = report.seq, told.sha256
    row.last_report_at = row.last_seen_at = now
    row.status = measured(report)
    row.applied_state = report.state
    row.api_level, row.mode = report.facts.api_level, report.facts.mode
    row.backends = sorted(backend.value for backend in report.facts.backends)
    row.os_version, row.security_patch = report.os_version, report.security_patch
    row.agent_version = report.agent_version


def measured(report: PhoneReport) -> dict[str, Any]:
    """Give what a phone measures of itself, without what it did not say."""
    return {name: value for name, value in asdict(report.status).items() if value is not None}
