"""What a service calls when it has shown something sensitive."""

from typing import Protocol

from core.access.model import Principal
from core.audit.model import Seen


class AccessNotes(Protocol):
    """Takes notes of what people see."""

    async def note(
        self,
        principal: Principal,
        seen: Seen,
        target_id: str,
        *,
        contact_id: str | None = None,
        customer_id: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Write that somebody saw this; raises if it cannot be written, and then it must not be shown."""
        ...


class NoNotes:
    """Takes none: for tools and tests that show nothing to people."""

    async def note(
        self,
        principal: Principal,
        seen: Seen,
        target_id: str,
        *,
        contact_id: str | None = None,
        customer_id: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Do nothing."""
