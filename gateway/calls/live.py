"""The calls that this process drives now: by id, and by the legs that the switch names."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from core.logging import get_logger
from core.tasks import cancel, spawn
from gateway.calls import events as on
from gateway.calls.causes import EndedBy
from gateway.calls.driver import CallDriver
from gateway.calls.gear import Gear
from gateway.calls.ticket import CallTicket

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LiveCounts:
    """How many calls go on, and how many are over and wait for the database to take their record."""

    live: int
    unfiled: int


class LiveCalls:
    """Starts drivers and forgets them when their record is written."""

    def __init__(self, gear: Gear) -> None:
        self._gear = gear
        self._drivers: dict[str, CallDriver] = {}
        self._drives: dict[str, asyncio.Task[None]] = {}
        self._legs: dict[str, CallDriver] = {}

    def start(self, ticket: CallTicket) -> CallDriver:
        """Begin a call."""
        driver = CallDriver(ticket, self._gear, claim=self._claim)
        self._drivers[ticket.call_id] = driver
        if ticket.leg is not None:
            self._legs[ticket.leg] = driver
        self._drives[ticket.call_id] = spawn(self._drive(driver), name=f"call {ticket.call_id}")
        return driver

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._drivers)

    def get(self, call_id: str) -> CallDriver | None:
        return self._drivers.get(call_id)

    def by_leg(self, leg: str) -> CallDriver | None:
        return self._legs.get(leg)

    def by_legs(self, legs: Iterable[str]) -> list[CallDriver]:
        """Give each call that has one of these legs, once."""
        found = {driver.ticket.call_id: driver for leg in legs if (driver := self._legs.get(leg))}
        return list(found.values())

    def counts(self) -> LiveCounts:
        over = sum(driver.over for driver in self._drivers.values())
        return LiveCounts(len(self._drivers) - over, over)

    async def finished(self, call_id: str) -> None:
        """Wait until the record of a call is written; at once if there is no such call."""
        drive = self._drives.get(call_id)
        if drive is not None:
            await asyncio.shield(drive)

    async def stop(self, grace_s: float) -> None:
        """End every call and wait until its record is written; what is not by then, recovery closes."""
        for driver in self._drivers.values():
            driver.post(on.KillRequested(EndedBy.SYSTEM))
        drives = list(self._drives.values())
        if drives:
            await asyncio.wait(drives, timeout=grace_s)
        await cancel(*drives)

    def _claim(self, leg: str, driver: CallDriver) -> None:
        self._legs[leg] = driver

    async def _drive(self, driver: CallDriver) -> None:
        call_id = driver.ticket.call_id
        try:
            await driver.run()
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave people talking unwatched
            _log.error("call.driver_failed", call_id=call_id, error_type=type(error).__name__)
            driver.drop()
        finally:
            await driver.abandon()
            del self._drivers[call_id], self._drives[call_id]
            self._legs = {leg: owner for leg, owner in self._legs.items() if owner is not driver}
