"""Settings of messages: the web chat, SMS accounts, the WeCom archive, the institution's own sites."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from core.setting_types import Part, Port, check_networks, problem

_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
_LINE = re.compile(r"\+[1-9][0-9]{4,14}")
_ADDRESS = re.compile(r"[0-9A-Za-z+]{1,20}")
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,15}$")]


class MessageSettings(Part):
    """What messages may say."""

    own_hosts: tuple[str, ...] = ()

    @field_validator("own_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        hosts = tuple(host.strip().lower() for host in value)
        if not all(_HOST.fullmatch(host) for host in hosts):
            raise problem(
                "应为主机名（不含 https:// 和路径），例如 www.bank.example。",
                "This must be host names without https:// and path, such as www.bank.example.",
            )
        return hosts


class ChatSettings(Part):
    """The web chat: a small site of its own for customers."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Port = 8081
    public_url: str | None = None
    origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()

    _networks = field_validator("trusted_proxies")(check_networks)

    @field_validator("public_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s#?]+", value):
            raise problem(
                "应为 http(s):// 开头、不含 ? 和 # 的地址。",
                "This must be an http(s):// address without ? and #.",
            )
        return value

    @field_validator("origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in value):
            raise problem(
                "应为来源，例如 https://chat.bank.example。",
                "This must be origins such as https://chat.bank.example.",
            )
        return value

    @property
    def base_url(self) -> str:
        """What a customer's link begins with; ends with a slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/") + "/"

    @property
    def allowed_origins(self) -> frozenset[str]:
        """Where a browser's connection may come from; empty: from the site's own host only."""
        if self.origins or self.public_url is None:
            return frozenset(self.origins)
        scheme, _, rest = self.public_url.partition("://")
        return frozenset({f"{scheme}://{rest.split('/')[0].lower()}"})


class SmppAccount(Part):
    """One account at an SMSC (SMPP 3.4, bound as transceiver)."""

    name: Name
    host: str = Field(min_length=1)
    port: Port = 2775
    system_id: str = Field(min_length=1, max_length=15)
    password: SecretStr = Field(min_length=1, max_length=8)
    system_type: str = Field(default="", max_length=12)
    sources: dict[str, str] = Field(default_factory=dict)
    window: int = Field(default=10, ge=1, le=1000)
    rate_per_s: float = Field(default=0.0, ge=0)
    enquire_s: float = Field(default=30.0, gt=0)
    dedupes: bool = False
    decimal_receipt_ids: bool = False

    @field_validator("sources")
    @classmethod
    def _sources(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(_LINE.fullmatch(line) and _ADDRESS.fullmatch(source) for line, source in value.items()):
            raise problem(
                "应为 号线（E.164，如 +862166668888）到接入码的对照。",
                "This must map lines in E.164, such as +862166668888, to access codes.",
            )
        if len(set(value.values())) != len(value):
            raise problem("两条号线不能用同一个接入码。", "Two lines cannot have the same access code.")
        return value


class SmppSettings(Part):
    """SMS: no account, no SMS."""

    accounts: tuple[SmppAccount, ...] = ()

    @model_validator(mode="after")
    def _apart(self) -> "SmppSettings":
        names = [account.name for account in self.accounts]
        if len(set(names)) != len(names):
            raise problem("账号名称须各不相同。", "Two accounts have the same name.")
        lines = [line for account in self.accounts for line in account.sources]
        if len(set(lines)) != len(lines):
            raise problem("一条号线只能属于一个账号。", "A line can be of one account only.")
        if sum(not account.sources for account in self.accounts) > 1:
            raise problem(
                "只能有一个账号不列出号线（它承接其余全部号线）。",
                "One account at most may name no lines: it takes all the others.",
            )
        return self


class WeComSettings(Part):
    """The WeCom conversation archive: off, a file, a service over HTTP, or the vendor's own library."""

    source: Literal["off", "file", "http", "library"] = "off"
    name: Name = "wecom"
    every_s: float = Field(default=15.0, gt=0)
    path: Path | None = None
    url: str | None = None
    token: SecretStr | None = None
    library_path: Path | None = None
    corp_id: str | None = None
    secret: SecretStr | None = None
    private_keys: dict[int, SecretStr] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> "WeComSettings":
        needed = {
            "file": ("path",),
            "http": ("url", "token"),
            "library": ("library_path", "corp_id", "secret", "private_keys"),
        }.get(self.source, ())
        missing = [name for name in needed if not getattr(self, name)]
        if missing:
            names = ", ".join(missing)
            raise problem(
                f"source 为 {self.source} 时须设置 {names}。", f"With source {self.source}, set {names}."
            )
        return self
