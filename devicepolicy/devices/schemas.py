"""Phones at the HTTP edge."""

from pydantic import AwareDatetime, Field, JsonValue

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from devicepolicy.capabilities.facts import Backend, Mode
from devicepolicy.devices.compliance import Fault, Reason, SettingState
from devicepolicy.devices.model import ComplianceState, DeviceState, DeviceView, Trust
from devicepolicy.devices.queries import ProofLine


class DevicePath(ApiModel):
    id: IdStr


class ProofPath(ApiModel):
    id: IdStr
    report_id: IdStr


class DeviceListQuery(PageQuery):
    """Filters of the list; `text` is looked for in name, maker and model."""

    trust: Trust | None = None
    compliance: ComplianceState | None = None
    online: bool | None = None
    employee_id: IdStr | None = None
    department_id: IdStr | None = None
    text: str | None = Field(default=None, max_length=100)


class StatusOut(ApiModel):
    battery_percent: int | None
    charging: bool | None
    signal_percent: int | None
    network: str | None
    free_storage_mb: int | None


class FactsOut(ApiModel):
    api_level: int
    mode: Mode
    backends: list[Backend]


class DeviceOut(ApiModel):
    """A phone. `state` is wanted, `applied_state` is what it said last; `counts` are settings by state."""

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
    agent_version: str
    facts: FactsOut
    compliance: ComplianceState
    compliance_since: AwareDatetime | None
    desired_version: int
    applied_version: int | None
    status: StatusOut
    online: bool
    last_seen_at: AwareDatetime | None
    last_report_at: AwareDatetime | None
    terms_version: str | None
    enrolled_at: AwareDatetime
    trusted_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    end_reason: str | None
    counts: dict[str, int]

    @classmethod
    def of(cls, view: DeviceView) -> "DeviceOut":
        return cls.model_validate(view)


class SettingOut(ApiModel):
    """One setting: the hash that is wanted, and the one that the phone says is in force."""

    name: str
    state: SettingState
    wanted_sha256: str
    reported_sha256: str | None
    reason: Reason | None
    detail: str | None


class ProofLineOut(ApiModel):
    """A kept report of the phone."""

    id: str
    seq: int
    received_at: AwareDatetime
    applied_version: int | None
    compliance: ComplianceState
    content_sha256: str

    @classmethod
    def of(cls, line: ProofLine) -> "ProofLineOut":
        return cls.model_validate(line)


class HistoryOut(ApiModel):
    id: str
    at: AwareDatetime
    kind: str
    facts: dict[str, JsonValue]
    by: str | None


class DeviceDetailOut(ApiModel):
    """One phone: settings as judged from its last report, the reports kept as proof, what happened last."""

    device: DeviceOut
    settings: list[SettingOut]
    faults: list[Fault]
    proofs: list[ProofLineOut]
    history: list[HistoryOut]


class FiguresOut(ApiModel):
    """Phones by trust; the trusted ones by compliance; how many of them are silent."""

    trust: dict[Trust, int]
    compliance: dict[ComplianceState, int]
    offline: int


class ProofOut(ApiModel):
    """A report as its phone signed it: verify `signature` over `signature_base` with `public_key` (Ed25519).

    `body` is base64 of what was sent; its SHA-256 is the `content-digest` in the signature base (RFC 9530).
    `holds`: the server has just checked both.
    """

    holds: bool
    report: ProofLineOut
    public_key: str
    signature_base: str
    signature: str
    body: str
