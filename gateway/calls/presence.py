"""Ends the live calls of employees who are no longer active: a verdict stops only the next one."""

import asyncio

from sqlalchemy import select

from core.access.models import Employee, EmployeeState
from core.db import Database
from core.logging import get_logger
from gateway.calls import events as on
from gateway.calls.causes import EndedBy
from gateway.calls.live import LiveCalls
from gateway.calls.models import CallRow

EVERY_S = 1.0
_log = get_logger(__name__)


class Presence:
    """Looks every second, while there are calls, whether their employees still have their accounts."""

    def __init__(self, database: Database, live: LiveCalls, *, every_s: float = EVERY_S) -> None:
        self._database = database
        self._live = live
        self._every_s = every_s

    async def run(self) -> None:
        """Look for ever; a database that does not answer is told in the log and asked again."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the next look may succeed
                _log.warning("calls.presence_failed", error_type=type(error).__name__)

    async def look(self) -> int:
        """End what must end now; give how many calls that are."""
        if not self._live.ids:
            return 0
        query = (
            select(CallRow.id)
            .join(Employee, Employee.id == CallRow.employee_id)
            .where(CallRow.id.in_(self._live.ids), Employee.state != EmployeeState.ACTIVE)
        )
        orphaned = [call_id for (call_id,) in await self._database.run(query)]
        for call_id in orphaned:
            driver = self._live.get(call_id)
            if driver is not None and not driver.over:
                _log.warning("calls.employee_inactive", call_id=call_id)
                driver.post(on.KillRequested(EndedBy.RULE))
        return len(orphaned)
