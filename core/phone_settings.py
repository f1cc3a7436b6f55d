"""Settings of phones: enrolment, reports, what the verdict asks, commands, uploads, waking, MQTT."""

from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from core.setting_types import Part, Port, problem


class EnrolmentSettings(Part):
    """How phones come in. Without `agent_url` the QR code serves phones that have the agent already."""

    validity_s: int = Field(default=3600, ge=60, le=31_536_000)
    """AMAPI's default (`EnrollmentToken.duration`)."""
    agent_component: str = Field(
        default="cn.maskline.agent/.AdminReceiver", pattern=r"^[A-Za-z][\w.]*/[A-Za-z.][\w.$]*$"
    )
    agent_url: str | None = Field(default=None, pattern=r"^https://[^\s#]+$")
    signature_checksum: str | None = None
    package_checksum: str | None = None

    @model_validator(mode="after")
    def _has_checksum(self) -> "EnrolmentSettings":
        if self.agent_url is not None and not (self.signature_checksum or self.package_checksum):
            raise problem(
                "设置 agent_url 时须同时设置 signature_checksum 或 package_checksum。",
                "With agent_url, set signature_checksum or package_checksum.",
            )
        return self


class ReportSettings(Part):
    """What is expected of a phone's reports."""

    every_s: int = Field(default=300, ge=15, le=86_400)
    offline_s: int = Field(default=900, ge=30)
    desired_validity_s: int = Field(default=604_800, ge=3600)
    """How long a phone may believe a desired state without hearing from the server again."""
    keep_days: int = Field(default=180, ge=1)


class VerdictSettings(Part):
    """What the verdict asks of an employee's phones. The defaults manage none: nobody is refused."""

    require_enrolled: bool = False
    require_compliant: bool = False
    pending_s: int = Field(default=900, ge=0)
    """How long a phone may take to apply what is wanted before it counts as not compliant."""
    silent_s: int | None = Field(default=None, ge=60)


class CommandSettings(Part):
    """How long a command holds, and how many phones one person may wipe."""

    validity_s: int = Field(default=600, ge=30, le=31_536_000)
    """AMAPI's default (`Command.duration`)."""
    lasting_validity_s: int = Field(default=2_592_000, ge=600, le=31_536_000)
    approval_s: int = Field(default=3600, ge=60, le=604_800)
    wipes_per_hour: int = Field(default=5, ge=1, le=10_000)


class UploadSettings(Part):
    """What phones hand in: when something counts as missing, and how long it is kept; None: for ever."""

    gap_after_s: int = Field(default=3600, ge=60)
    recording_within_s: int = Field(default=86_400, ge=600)
    abandoned_days: int = Field(default=14, ge=1)
    keep_calls_days: int | None = Field(default=None, ge=30)
    keep_messages_days: int | None = Field(default=None, ge=30)
    keep_recordings_days: int | None = Field(default=None, ge=30)
    keep_conduct_days: int | None = Field(default=None, ge=30)


class WhereaboutsSettings(Part):
    """How long location is kept; no class of it for ever (PIPL Article 19)."""

    keep_tracks_days: int = Field(default=30, ge=1, le=180)
    keep_check_ins_days: int = Field(default=365, ge=1, le=1825)


class WakeSettings(Part):
    """Connected phones of one web process."""

    connections: int = Field(default=20_000, ge=1)
    heartbeat_s: float = Field(default=60.0, ge=5)
    poll_s: float = Field(default=0.2, gt=0, le=10)
    long_poll_s: float = Field(default=50.0, ge=1, le=300)
    per_s: int = Field(default=2000, ge=1)
    at_once: int = Field(default=300, ge=1)


class MqttSettings(Part):
    """An MQTT broker (Mosquitto with its dynamic security plugin) that wakes many phones."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Port = 1883
    tls: bool = False
    ca_file: Path | None = None
    username: str = "maskline"
    password: SecretStr | None = None
    topic: str = Field(default="maskline", pattern=r"^[A-Za-z0-9_-]{1,32}$")
    public_host: str | None = None
    public_port: Port | None = None

    @model_validator(mode="after")
    def _has_password(self) -> "MqttSettings":
        if self.enabled and self.password is None:
            raise problem(
                "启用 MQTT 时必须设置 phones.mqtt.password。",
                "With MQTT on, phones.mqtt.password must be set.",
            )
        return self


class PhoneSettings(Part):
    """Everything about phones."""

    enrolment: EnrolmentSettings = EnrolmentSettings()
    reports: ReportSettings = ReportSettings()
    verdict: VerdictSettings = VerdictSettings()
    commands: CommandSettings = CommandSettings()
    uploads: UploadSettings = UploadSettings()
    whereabouts: WhereaboutsSettings = WhereaboutsSettings()
    wake: WakeSettings = WakeSettings()
    mqtt: MqttSettings = MqttSettings()
