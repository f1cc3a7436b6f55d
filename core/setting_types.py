"""What the parts of the settings are made of."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Port = Annotated[int, Field(ge=1, le=65535)]


class Part(BaseModel):
    """A group of settings: frozen, and what it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def problem(zh: str, en: str) -> PydanticCustomError:
    """Make a validator's error that says the same in both languages."""
    return PydanticCustomError("setting", "{en}", {"en": en, "zh": zh})


def check_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    """Require IP networks."""
    try:
        for network in value:
            ip_network(network)
    except ValueError:
        raise problem(
            "应为 IP 网段，例如 192.0.2.0/24。", "This must be networks such as 192.0.2.0/24."
        ) from None
    return value
