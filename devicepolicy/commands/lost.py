"""A phone that says it is in lost mode is wanted lost from then on, until it says that it left the mode.

So a phone that forgot (a restart, a lost store) goes back into it, and nobody reaches customers with it.
"""

from typing import Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from devicepolicy.commands.events import CommandFinished
from devicepolicy.commands.kinds import CommandKind
from devicepolicy.commands.machine import CommandState
from devicepolicy.commands.models import CommandRow
from devicepolicy.devices.model import DeviceState

STATES = {
    CommandKind.START_LOST_MODE: DeviceState.LOST,
    CommandKind.STOP_LOST_MODE: DeviceState.ACTIVE,
}


class StateSetter(Protocol):
    """Wants a state of a phone; `devicepolicy.sync.desired.DesiredStates` is the real one."""

    async def set_state(
        self, session: AsyncSession, device_id: str, state: DeviceState, *, by: str | None
    ) -> None: ...


class LostByCommand:
    """Follows the last order about lost mode that came through, in the transaction of the phone's word."""

    def __init__(self, setter: StateSetter) -> None:
        self._setter = setter

    async def __call__(self, session: AsyncSession, event: CommandFinished) -> None:
        if event.kind not in STATES or event.state is not CommandState.SUCCEEDED:
            return
        await session.flush()
        query = (  # a word that comes late must not undo a later order
            select(CommandRow)
            .where(
                CommandRow.device_id == event.device_id,
                CommandRow.kind.in_(STATES),
                CommandRow.state == CommandState.SUCCEEDED,
            )
            .order_by(CommandRow.seq.desc())
            .limit(1)
        )
        last = await session.scalar(query)
        if last is not None:
            await self._setter.set_state(session, event.device_id, STATES[last.kind], by=last.issued_by)
