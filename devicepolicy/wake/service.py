"""Waking from inside a transaction: written with its reason, told the moment that has committed."""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from core.clock import Clock
from core.db import Database
from devicepolicy.devices.events import DesiredChanged, DeviceEnded
from devicepolicy.devices.models import DeviceRow
from devicepolicy.wake.hub import WakeHub
from devicepolicy.wake.log import Wake, write
from devicepolicy.wake.look import Look, Place

Waiting = Callable[[AsyncSession, str], Awaitable[Look | None]]
"""Says what there is for a phone now, from one place; None: nothing."""
_PENDING = "devicepolicy.wakes"


class Wakes:
    """Wakes phones. Without a hub (a worker, the relay) the log alone carries it to where phones are."""

    def __init__(self, clock: Clock, hub: WakeHub | None = None) -> None:
        self._clock = clock
        self._hub = hub

    async def look_for_commands(self, session: AsyncSession, device_id: str, version: int) -> None:
        """Wake a phone for its commands up to number `version`."""
        await self.wake(session, Wake(device_id, Look(Place.COMMANDS, version)))

    async def look_for_policy(self, session: AsyncSession, device_id: str | None, version: int = 0) -> None:
        """Wake a phone, or all with None, for what is wanted of it."""
        await self.wake(session, Wake(device_id, Look(Place.POLICY, version)))

    async def on_desired_changed(self, session: AsyncSession, changed: DesiredChanged) -> None:
        """Wake a phone of which something else is wanted: when that is known, not when it may be so."""
        await self.look_for_policy(session, changed.device_id, changed.version)

    async def on_device_ended(self, session: AsyncSession, ended: DeviceEnded) -> None:
        await self.say_bye(session, ended.device_id)

    async def say_bye(self, session: AsyncSession, device_id: str) -> None:
        """End a phone's connections: it was released or rejected."""
        await self.wake(session, Wake(device_id, Look(Place.BYE)))

    async def wake(self, session: AsyncSession, *wakes: Wake) -> None:
        """Write wakes; the phones of this process hear of them right after the commit."""
        await write(session, self._clock.now(), *wakes)
        if self._hub is not None and wakes:
            _after_commit(session.sync_session, wakes, self._hub)


def _after_commit(session: Session, wakes: Iterable[Wake], hub: WakeHub) -> None:
    """Keep wakes with their session, and tell all of them once it has committed."""
    pending: list[Wake] | None = session.info.get(_PENDING)
    if pending is not None:
        pending.extend(wakes)
        return
    session.info[_PENDING] = list(wakes)

    @event.listens_for(session, "after_commit")
    def _tell(committed: Session) -> None:
        if committed.in_nested_transaction():
            return  # a savepoint: nobody else sees it yet
        hub.tell(committed.info.pop(_PENDING, ()))

    @event.listens_for(session, "after_soft_rollback")
    def _forget(ended: Session, transaction: SessionTransaction) -> None:
        if not transaction.nested:
            ended.info.pop(_PENDING, None)


class Standing:
    """What there is for a phone that connects just now."""

    def __init__(self, database: Database, places: Sequence[Waiting]) -> None:
        self._database = database
        self._places = tuple(places)

    async def looks(self, device_id: str) -> tuple[Look, ...]:
        async with self._database.read() as session:
            found = [await place(session, device_id) for place in self._places]
        return tuple(look for look in found if look is not None)


async def policy_waiting(session: AsyncSession, device_id: str) -> Look | None:
    """Say whether something else is wanted of a phone than it has told to have applied."""
    found = await session.execute(
        select(DeviceRow.desired_version, DeviceRow.applied_version, DeviceRow.desired_stale).where(
            DeviceRow.id == device_id
        )
    )
    row = found.one_or_none()
    if row is None or (row.desired_version == row.applied_version and not row.desired_stale):
        return None
    return Look(Place.POLICY, 0 if row.desired_stale else row.desired_version)
