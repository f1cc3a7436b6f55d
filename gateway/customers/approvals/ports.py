"""What requests need of others."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession


class EvidenceHolds(Protocol):
    """Knows whose data are held for evidence; `gateway.offboarding.holds.Holds` is the real one."""

    async def refuse_held(self, session: AsyncSession, customer_id: str) -> None:
        """Raise if this customer cannot be erased now because evidence is held."""
        ...


class NoHolds:
    """For tests and tools without unbinding."""

    async def refuse_held(self, session: AsyncSession, customer_id: str) -> None:
        del session, customer_id
