"""Writes who saw what, before it is shown: a short insert of its own that never waits for the ledger."""

from collections import OrderedDict
from datetime import datetime, timedelta

from sqlalchemy import insert

from core.access.model import Principal
from core.audit.model import Seen
from core.audit.models import AccessRow
from core.clock import Clock
from core.db import Database
from core.ids import new_id

SAME_READING = timedelta(minutes=10)
MAX_REMEMBERED = 10_000


class AccessLog:
    """The writing side (`AccessNotes`). Looking again at the same thing within ten minutes is one access."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._noted: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()

    async def note(
        self,
        principal: Principal,
        seen: Seen,
        target_id: str,
        *,
        contact_id: str | None = None,
        customer_id: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Write one access. Call it outside of any transaction: it opens its own."""
        now, reading = self._clock.now(), (principal.session_id, seen.value, target_id)
        last = self._noted.get(reading)
        if last is not None and now - last < SAME_READING:
            return
        async with self._database.begin() as session:
            await session.execute(
                insert(AccessRow).values(
                    id=new_id(),
                    at=now,
                    kind=seen.value,
                    actor_id=principal.employee_id,
                    session_id=principal.session_id,
                    target_id=target_id,
                    contact_id=contact_id,
                    customer_id=customer_id,
                    detail=detail,
                )
            )
        self._noted[reading] = now
        self._noted.move_to_end(reading)
        while len(self._noted) > MAX_REMEMBERED:
            self._noted.popitem(last=False)
