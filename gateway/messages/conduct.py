"""Writes sensitive behaviour down, once, and tells the quality wing at once."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.outbox import Outbox
from gateway.messages.events import CONDUCT_SEEN, ConductKind, ConductSeen
from gateway.messages.models import ConductRow


@dataclass(frozen=True, slots=True)
class Conduct:
    """What somebody did. `subject` is the same for the same deed however often it is reported."""

    kind: ConductKind
    subject: str
    at: datetime
    employee_id: str | None = None
    department_id: str | None = None
    customer_id: str | None = None
    thread_id: str | None = None
    message_id: str | None = None


class ConductBooks:
    """Joins the caller's transaction. Other sources (a phone's log) report here too."""

    def __init__(self, *, clock: Clock, ledger: Ledger, outbox: Outbox, bus: EventBus) -> None:
        self._clock = clock
        self._ledger = ledger
        self._outbox = outbox
        self._bus = bus

    async def write(self, session: AsyncSession, conduct: Conduct) -> str:
        """Write a behaviour down; give its id, the same for one that is known."""
        known = await session.scalar(
            select(ConductRow.id).where(
                ConductRow.kind == conduct.kind, ConductRow.subject == conduct.subject
            )
        )
        if known is not None:
            return known
        row = ConductRow(
            id=new_id(),
            kind=conduct.kind,
            subject=conduct.subject,
            employee_id=conduct.employee_id,
            department_id=conduct.department_id,
            customer_id=conduct.customer_id,
            thread_id=conduct.thread_id,
            message_id=conduct.message_id,
            at=conduct.at,
            seen_at=self._clock.now(),
        )
        session.add(row)
        await session.flush()
        payload = {"conduct_id": row.id, "kind": row.kind.value}
        await self._outbox.put(session, CONDUCT_SEEN, payload, key=row.id)
        await self._bus.publish(
            session,
            ConductSeen(
                row.id,
                row.kind,
                row.employee_id,
                row.department_id,
                row.customer_id,
                row.thread_id,
                row.message_id,
                row.at,
            ),
        )
        body = {**payload, "employee": row.employee_id, "message": row.message_id}
        await self._ledger.append(session, CONDUCT_SEEN, body)
        return row.id
