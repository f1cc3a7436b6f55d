"""What synchronisation needs of its neighbours."""

from typing import Protocol

from devicepolicy.devices.model import Phone


class Consent(Protocol):
    """Raises unless the phone's employee agreed to the terms of now; `ConsentService` is the real one."""

    def require(self, phone: Phone) -> None: ...
