"""What the switch process needs to know, taken from the settings."""

from dataclasses import dataclass
from pathlib import Path

from core.config import Settings
from gateway.switch.errors import SwitchSocketPathInvalid

SOFTWARE = "Maskline"
"""The constant User-Agent and Server: a version would tell an attacker what to try."""


@dataclass(frozen=True, slots=True)
class SwitchOptions:
    """Where to listen, whom to talk to, and limits. `linger_s` is RFC 3261's timer D (32 s).

    `texts`: take MESSAGE (RFC 3428) and hand it to `calls`; else it is refused with 405.
    """

    node: str
    host: str
    port: int
    advertised_host: str | None
    realm: str
    socket_path: Path
    linger_s: float = 32.0
    max_legs: int = 1000
    register_answer_s: float = 5.0
    silence_s: float = 10.0
    texts: bool = False

    def __post_init__(self) -> None:
        if len(str(self.socket_path).encode()) > 107:
            raise SwitchSocketPathInvalid

    @property
    def public_host(self) -> str:
        return self.advertised_host or self.host


def options_from(settings: Settings, *, node: str = "switch", linger_s: float = 32.0) -> SwitchOptions:
    """Read the options out of the settings of the deployment."""
    return SwitchOptions(
        node=node,
        host=settings.sip.host,
        port=settings.sip.port,
        advertised_host=settings.sip.advertised_host,
        realm=settings.sip.realm,
        texts=settings.sip.texts,
        socket_path=settings.run_dir / "switch.sock",
        linger_s=linger_s,
    )
