"""Which MQTT topics there are, and the passwords of those who use them."""

from dataclasses import dataclass

from core.sealed import Secret
from core.vault import Vault
from core.vault.envelope import derive
from devicepolicy.wake.look import Place

SECRET_NAME = "mqtt"  # noqa: S105 - the name of one
SAID = (Place.COMMANDS, Place.POLICY)


@dataclass(frozen=True, slots=True)
class Topics:
    """Names below one prefix."""

    prefix: str

    def phone(self, device_id: str, place: Place) -> str:
        return f"{self.prefix}/phones/{device_id}/{place.value}"

    def all(self, place: Place) -> str:
        return f"{self.prefix}/all/{place.value}"

    def of(self, device_id: str) -> tuple[str, ...]:
        """All that one phone may read: its own, and what is said to all."""
        return (*(self.phone(device_id, place) for place in SAID), self.all(Place.POLICY))

    @property
    def everything(self) -> str:
        return f"{self.prefix}/#"


def password_of(vault: Vault, username: str) -> Secret:
    """Give the password of an account, the same each time and kept nowhere."""
    return Secret(derive(vault.secret(SECRET_NAME), f"account/{username}"))
