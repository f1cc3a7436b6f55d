"""What unusual access needs from others."""

from collections.abc import Collection
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.audit.unusual.model import Finding
from core.audit.unusual.rulebook import Rule


class UnusualAlerts(Protocol):
    """Tells people, in the caller's transaction."""

    async def open_of(self, session: AsyncSession, finding_ids: Collection[str]) -> set[str]:
        """Say which findings have an alert that nobody has closed."""
        ...

    async def began(self, session: AsyncSession, finding: Finding, rule: Rule) -> None:
        """Raise the alert of a new finding."""
        ...

    async def grew(self, session: AsyncSession, finding: Finding) -> None:
        """Add to the alert that is open."""
        ...
