"""What whereabouts need of their neighbours. The roof plugs the gateway's books in."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession


class Pictures(Protocol):
    """Tells what a file is by its bytes, and refuses what is dangerous."""

    def check(self, content: bytes) -> str | None:
        """Give `image/jpeg` or `image/png`; None for anything else."""


class Bindings(Protocol):
    """Tells whose customer a binding leads to."""

    async def customer(self, session: AsyncSession, employee_id: str, binding_id: str) -> str | None:
        """Give the customer of an employee's own binding; None where there is none."""


class NullBindings:
    """For a deployment without bindings: visits are to nobody in particular."""

    async def customer(self, session: AsyncSession, employee_id: str, binding_id: str) -> str | None:
        del session, employee_id, binding_id
        return None


class NoPictures:
    """For a deployment that checks no pictures: none is taken."""

    def check(self, content: bytes) -> str | None:
        del content
        return None
