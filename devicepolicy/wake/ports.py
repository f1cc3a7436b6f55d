"""What waking needs of an MQTT broker."""

from dataclasses import dataclass
from typing import Protocol

from core.sealed import Secret


@dataclass(frozen=True, slots=True)
class BrokerAccount:
    """How one phone reaches the broker, and the topics it may read."""

    host: str
    port: int
    tls: bool
    username: str
    password: Secret
    topics: tuple[str, ...]


class BrokerDoor(Protocol):
    """Lets phones in at the broker and shuts them out."""

    async def admit(self, device_id: str) -> BrokerAccount: ...

    async def dismiss(self, device_id: str) -> None: ...
