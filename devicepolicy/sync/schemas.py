"""Synchronisation at the HTTP edge."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from core.web.schema import ApiModel
from devicepolicy.devices.compliance import Reason, Reported, SettingReport
from devicepolicy.devices.model import ComplianceState, DeviceState, Status
from devicepolicy.enrolment.schemas import PhoneFactsIn, Sha256
from devicepolicy.sync.model import PhoneReport
from devicepolicy.texts import PhoneText, ShortWord

SettingName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.$:\[\]/*-]{0,299}$")]
AgentReason = Literal[
    Reason.API_LEVEL,
    Reason.MANAGEMENT_MODE,
    Reason.USER_ACTION,
    Reason.INVALID_VALUE,
    Reason.APP_NOT_INSTALLED,
    Reason.UNSUPPORTED,
    Reason.APP_INSTALLED,
    Reason.PENDING,
    Reason.APP_INCOMPATIBLE,
    Reason.APP_NOT_UPDATED,
    Reason.OS_NOT_PERMITTED,
    Reason.DEVICE_INCOMPATIBLE,
    Reason.APP_SIGNING_CERT_MISMATCH,
    Reason.PROJECT_NOT_PERMITTED,
]
MAX_SETTINGS = 3000


class DesiredHeaders(BaseModel):
    """What a phone says that it has."""

    model_config = ConfigDict(frozen=True)

    if_none_match: str | None = Field(default=None, max_length=200)


class DesiredOut(ApiModel):
    """What is wanted. `signed` is a JWS for this phone alone; believe nothing that is not in it."""

    version: int
    sha256: str
    signed: str


class SettingIn(ApiModel):
    """One setting: the hash of the value in force (RFC 8785 of `[name, value]`), or why there is none."""

    sha256: Sha256 | None = None
    reason: AgentReason | None = None
    detail: PhoneText | None = None


class StatusIn(ApiModel):
    """What the phone measures of itself."""

    battery_percent: int | None = Field(default=None, ge=0, le=100)
    charging: bool | None = None
    signal_percent: int | None = Field(default=None, ge=0, le=100)
    network: Literal["none", "wifi", "2g", "3g", "4g", "5g", "ethernet"] | None = None
    free_storage_mb: int | None = Field(default=None, ge=0, le=100_000_000)


class ReportIn(ApiModel):
    """A report. `seq` rises by at least one with each report of an enrolment, whatever the clock does."""

    seq: int = Field(ge=1)
    applied_version: int | None = Field(default=None, ge=1, lt=2**31 - 1)
    applied_sha256: Sha256 | None = None
    state: Literal[DeviceState.ACTIVE, DeviceState.DISABLED, DeviceState.LOST] = DeviceState.ACTIVE
    settings: dict[SettingName, SettingIn] = Field(max_length=MAX_SETTINGS)
    status: StatusIn = StatusIn()
    facts: PhoneFactsIn
    os_version: ShortWord
    security_patch: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    agent_version: ShortWord

    def report(self) -> PhoneReport:
        """Give what the service takes."""
        settings = {
            name: SettingReport(said.sha256, said.reason, said.detail) for name, said in self.settings.items()
        }
        return PhoneReport(
            seq=self.seq,
            reported=Reported(self.applied_version, self.applied_sha256, settings, self.state.value),
            state=self.state,
            status=Status(**self.status.model_dump()),
            facts=self.facts.facts(),
            os_version=self.os_version,
            security_patch=self.security_patch,
            agent_version=self.agent_version,
        )


class StandingOut(ApiModel):
    """How the phone stands now, and what is wanted of it now."""

    compliance: ComplianceState
    desired_version: int
    desired_sha256: str
    problems: list[str]
    next_report_s: int
    server_time: AwareDatetime
