"""All settings of a deployment: one frozen object from TOML, environment and a folder of secrets.

Order of precedence: environment (`MASKLINE_…`, nested with `__`), secrets folder, TOML file, defaults.
The defaults run everything on one machine with nothing installed but Python packages.
"""

import os
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from core.alert_settings import AlertSettings
from core.faults import SettingsInvalid, check_variables, of_fields, of_source
from core.message_settings import ChatSettings, MessageSettings, SmppSettings, WeComSettings
from core.phone_settings import PhoneSettings
from core.setting_types import Part, Port, check_networks, problem

__all__ = ["Settings", "SettingsInvalid", "load"]


class WebSettings(Part):
    """Where people and integrators reach the API and the dashboard."""

    host: str = "127.0.0.1"
    port: Port = 8080
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    max_body_bytes: int = Field(default=20 * 1024 * 1024, ge=1024)

    @property
    def url(self) -> str:
        return self.public_url or f"http://{self.host}:{self.port}"


class SipSettings(Part):
    """The SIP side: where we listen, and the carrier's trunk."""

    host: str = "127.0.0.1"
    port: Port = 5070
    advertised_host: str | None = None
    realm: str = "maskline"
    trunk_host: str = "127.0.0.1"
    trunk_port: Port = 5080
    trunk_sources: tuple[str, ...] = ("127.0.0.1/32",)
    trunk_source_ports: tuple[Port, ...] = ()
    """Unset: `trunk_port` alone. Empty: any port of `trunk_sources`."""
    ring_timeout_s: int = Field(default=45, ge=5, le=180)
    max_call_s: int = Field(default=3600, ge=10, le=14400)
    registration_max_s: int = Field(default=3600, ge=60)
    digest_algorithms: tuple[Literal["SHA-256", "MD5"], ...] = Field(default=("MD5",), min_length=1)
    """What a staff phone is asked for, best first (RFC 8760). Many phones give up at a challenge they do not
    know, baresip 1.0 and SIPp 3.6 among them. MD5 holds: our phone passwords are random and long."""
    texts: bool = False
    """Messages over the trunk by SIP MESSAGE (RFC 3428)."""

    @model_validator(mode="before")
    @classmethod
    def _trunk_ports(cls, data: Any) -> Any:
        """On one machine staff phones share the trunk's address: only its own port is the carrier's."""
        if isinstance(data, dict) and "trunk_source_ports" not in data:
            return {
                **data,
                "trunk_source_ports": (data.get("trunk_port", cls.model_fields["trunk_port"].default),),
            }
        return data

    _networks = field_validator("trunk_sources")(check_networks)


class MediaSettings(Part):
    """RTP: address, ports, and when a silent recorder ends the call."""

    host: str = "127.0.0.1"
    advertised_host: str | None = None
    port_low: Port = 20000
    port_high: Port = 20999
    recorder_stall_s: float = Field(default=3.0, gt=0)
    rtp_timeout_s: float = Field(default=60.0, gt=0)

    @model_validator(mode="after")
    def _range(self) -> "MediaSettings":
        if self.port_high - self.port_low < 4:
            raise problem(
                "port_high 至少要比 port_low 大 4：每通电话占用两个端口。",
                "port_high must be at least 4 above port_low: each call takes two ports.",
            )
        return self


class SpeechSettings(Part):
    """Which engine reads recordings, and where its model is."""

    engine: Literal["auto", "whisper", "vosk"] = "auto"
    whisper_model_path: Path | None = None
    vosk_model_path: Path | None = None
    threads: int = Field(default=1, ge=1, le=64)


class SecuritySettings(Part):
    """Sessions and log-in."""

    session_idle_s: int = Field(default=1800, ge=60)
    session_absolute_s: int = Field(default=43200, ge=300)
    lockout_tries: int = Field(default=5, ge=1)
    lockout_s: int = Field(default=900, ge=1)
    totp_required_roles: tuple[str, ...] = ("administrator",)
    cookie_secure: Literal["auto", "always", "never"] = "auto"


class TimestampSettings(Part):
    """An outside authority (RFC 3161) that says when a checkpoint existed. Without `url` nobody is asked."""

    url: str | None = Field(default=None, pattern=r"^https?://[^\s/#]+[^\s#]*$")
    roots: Path | None = None
    interval_s: int = Field(default=86_400, ge=60)

    @model_validator(mode="after")
    def _has_roots(self) -> "TimestampSettings":
        if self.url is not None and self.roots is None:
            raise problem(
                "设置 url 时须同时设置 roots：时间戳机构的根证书（PEM），否则无法验证其答复。",
                "With url, set roots: root certificates (PEM) by which the authority's answers are checked.",
            )
        return self


class LedgerSettings(Part):
    """The log's name, how often a checkpoint is signed, and who outside says when."""

    origin: str = "maskline.local/ledger"
    checkpoint_interval_s: float = Field(default=10.0, gt=0)
    timestamp: TimestampSettings = TimestampSettings()


class OutboxSettings(Part):
    """Messages between processes: how long a worker that died keeps others from the one it had in hand."""

    lease_s: float = Field(default=30.0, ge=3)


class UnusualSettings(Part):
    """Unusual access: how often the access log is judged, and the institution's own limits."""

    every_s: float = Field(default=20.0, ge=1, le=600)
    rules_file: Path | None = None


class OffboardingSettings(Part):
    """Unbinding an employee: how long it can be undone, how long its data are held, how long a code works."""

    undo_s: int = Field(default=1800, ge=0, le=86400)
    hold_days: int = Field(default=180, ge=1, le=3650)
    preview_s: int = Field(default=900, ge=60, le=3600)
    code_s: int = Field(default=900, ge=60, le=86400)


class ApprovalSettings(Part):
    """What one person may not do alone to customers' data (maker and checker). Off: it is done at once."""

    change: bool = True
    erasure: bool = True
    export: bool = True
    expire_s: int = Field(default=259_200, ge=3_600, le=2_592_000)
    download_s: int = Field(default=86_400, ge=300, le=604_800)
    export_max_rows: int = Field(default=5_000, ge=1, le=50_000)


class Settings(BaseSettings):
    """Everything that can be set. Secrets are `SecretStr` and never printed."""

    model_config = SettingsConfigDict(
        env_prefix="MASKLINE_", env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    data_dir: Path = Path("data")
    database_url: SecretStr | None = None
    broker_url: SecretStr | None = None
    keyring: SecretStr | None = None
    node: str = Field(default="main", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    """Names this machine among several. What a crashed `calls` left open is closed by the same node."""
    institution: str = "示例机构"
    timezone: str = "Asia/Shanghai"
    default_region: str = "CN"
    language: Literal["zh", "en"] = "zh"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    web: WebSettings = WebSettings()
    sip: SipSettings = SipSettings.model_validate({})
    media: MediaSettings = MediaSettings()
    speech: SpeechSettings = SpeechSettings()
    security: SecuritySettings = SecuritySettings()
    ledger: LedgerSettings = LedgerSettings()
    outbox: OutboxSettings = OutboxSettings()
    unusual: UnusualSettings = UnusualSettings()
    alerts: AlertSettings = AlertSettings()
    offboarding: OffboardingSettings = OffboardingSettings()
    approvals: ApprovalSettings = ApprovalSettings()
    messages: MessageSettings = MessageSettings()
    chat: ChatSettings = ChatSettings()
    smpp: SmppSettings = SmppSettings()
    wecom: WeComSettings = WeComSettings()
    phones: PhoneSettings = PhoneSettings()

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise problem(
                "不是 IANA 时区数据库中的时区，例如 Asia/Shanghai。",
                "This is no time zone of the IANA database; one is Asia/Shanghai.",
            ) from error
        return value

    @property
    def database(self) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite+aiosqlite:///{self.data_dir / 'maskline.db'}"

    @property
    def run_dir(self) -> Path:
        """Folder of the Unix sockets. Their path may not exceed 107 bytes (unix(7))."""
        return self.data_dir / "run"

    @property
    def keyring_path(self) -> Path:
        return self.data_dir / "keys" / "keyring.json"

    @property
    def whisper_model(self) -> Path:
        return self.speech.whisper_model_path or self.data_dir / "models" / "whisper-base"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings
        toml = TomlConfigSettingsSource(settings_cls, toml_file=config_path())
        return init_settings, env_settings, file_secret_settings, toml


def config_path() -> Path:
    """The TOML file: `MASKLINE_CONFIG`, else `maskline.toml` in the working directory."""
    return Path(os.environ.get("MASKLINE_CONFIG", "maskline.toml"))


def load(**overrides: object) -> Settings:
    """Read the settings, or raise `SettingsInvalid` with one line for each fault and no value in it."""
    check_variables(os.environ, Settings.model_fields)
    secrets = os.environ.get("MASKLINE_SECRETS_DIR")
    try:
        return Settings(_secrets_dir=secrets, **overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise of_fields(error) from None
    except (SettingsError, OSError) as error:  # a variable or a secret that does not parse
        raise SettingsInvalid(str(error), detail_zh=f"无法读取（{error}）。") from None
    except ValueError as error:  # a TOML file that does not parse
        raise of_source(config_path(), error) from None
