"""What access needs from others."""

from collections.abc import Mapping
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger import JSON


class Books(Protocol):
    """Where everything of security weight is written, in the caller's transaction. `Ledger` is one."""

    async def append(self, session: AsyncSession, kind: str, body: Mapping[str, JSON]) -> object: ...
