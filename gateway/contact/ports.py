"""What the verdict asks of other parts."""

from collections.abc import Collection, Mapping
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession


class PhoneCompliance(Protocol):
    """Tells whose phone keeps them from customers, and why; phone management plugs in here.

    The answer names only those who are refused, each with the code of a reason that the rule
    `employee-active` knows: phone-not-enrolled, phone-frozen, phone-not-compliant or phone-silent.
    """

    async def refusals(self, session: AsyncSession, employee_ids: Collection[str]) -> Mapping[str, str]: ...


class NullPhoneCompliance:
    """For a deployment that manages no phones: none is refused."""

    async def refusals(self, session: AsyncSession, employee_ids: Collection[str]) -> Mapping[str, str]:
        del session, employee_ids
        return {}
