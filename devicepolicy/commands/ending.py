"""A phone that says it was wiped, or gave up ownership, is no longer ours."""

from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from devicepolicy.commands.events import CommandFinished
from devicepolicy.commands.kinds import CommandKind
from devicepolicy.commands.machine import CommandState

REASONS = {CommandKind.WIPE: "wiped", CommandKind.RELINQUISH_OWNERSHIP: "relinquished"}


class PhoneReleaser(Protocol):
    """Releases a phone; `devicepolicy.enrolment.service.EnrolmentService` is the real one."""

    async def release_in(
        self, session: AsyncSession, device_id: str, reason: str, *, by: str | None
    ) -> None: ...


class EndedByCommand:
    """Releases a phone in the transaction of its own word."""

    def __init__(self, releaser: PhoneReleaser) -> None:
        self._releaser = releaser

    async def __call__(self, session: AsyncSession, event: CommandFinished) -> None:
        reason = REASONS.get(event.kind)
        if reason is not None and event.state is CommandState.SUCCEEDED:
            await self._releaser.release_in(session, event.device_id, reason, by=None)
