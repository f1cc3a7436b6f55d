"""What policies offer to the rest of the wing."""

from collections.abc import Mapping
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.ledger.record import JSON
from devicepolicy.policies.model import Effective, PolicySubject


class EffectivePolicies(Protocol):
    """Says what holds for a device now, in the caller's transaction."""

    async def effective(self, session: AsyncSession, subject: PolicySubject) -> Effective: ...


class PoliciesOfPeople(Protocol):
    """Says what holds for employees, whether they have a phone or not."""

    async def of_people(
        self, session: AsyncSession, people: Mapping[str, str]
    ) -> Mapping[str, Mapping[str, JSON]]: ...


class RolloutWatch(Protocol):
    """Hears how phones fared with the effective policy they were given, in the caller's transaction.

    Tell it after each report that names the current hash: `failed` where a setting is wrong although the
    device could do it. A roll-out with too many failing phones halts by itself (and `PolicyChanged` follows).
    While none runs it need not be told.
    """

    async def running(self, session: AsyncSession) -> bool: ...

    async def noted(self, session: AsyncSession, subject: PolicySubject, *, failed: bool) -> None: ...
