"""What the verdict asks of other parts."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession


class PhoneCompliance(Protocol):
    """Tells whether an employee's phone obeys its policy; phone management plugs in here."""

    async def is_compliant(self, session: AsyncSession, employee_id: str) -> bool: ...


class NullPhoneCompliance:
    """For a deployment that manages no phones: none is refused."""

    async def is_compliant(self, session: AsyncSession, employee_id: str) -> bool:
        del session, employee_id
        return True
