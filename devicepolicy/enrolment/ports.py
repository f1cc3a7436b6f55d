"""What enrolment needs of its neighbours."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from devicepolicy.devices.events import DeviceTrusted


class PolicyBinder(Protocol):
    """Lays the policy that a token names on the phone that came with it."""

    async def check(self, session: AsyncSession, policy_id: str) -> None:
        """Raise `TokenInvalid` unless there is something published to lay on."""

    async def on_trusted(self, session: AsyncSession, event: DeviceTrusted) -> None:
        """Lay it on, in the transaction in which the phone is trusted."""
