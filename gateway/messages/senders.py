"""Finds whose message it is: by thread, or by the line that was written to and the number that wrote."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.masking import mask_number
from gateway.customers.models import CustomerRow
from gateway.customers.sealing import CustomerSealing
from gateway.messages.model import Received
from gateway.messages.models import ThreadRow
from gateway.numbers.lines import normalise_line
from gateway.numbers.models import BindingRow, LineRow


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote. `binding` is None for a customer who was never tied to anybody, and for a stranger."""

    customer_id: str | None = None
    binding: BindingRow | None = None


class Senders:
    """Looks a sender up; a released binding still leads to its employee, so that nothing is lost."""

    def __init__(self, *, sealing: CustomerSealing, region: str) -> None:
        self._sealing = sealing
        self._region = region

    async def find(self, session: AsyncSession, received: Received) -> Sender:
        if received.thread_id is not None:
            return await self._by_thread(session, received.thread_id)
        if received.sender is None:
            return Sender()
        index = self._sealing.phone_index(received.sender)
        customer_id = await session.scalar(select(CustomerRow.id).where(CustomerRow.phone_index == index))
        if customer_id is None:
            return Sender()
        return Sender(customer_id, await self._binding(session, customer_id, received.line_number))

    async def line(self, session: AsyncSession, written: str) -> str:
        """Give the line that was written to as the books may hold it: masked unless it is one of ours."""
        number = normalise_line(written, self._region)
        known = select(LineRow.number).where(LineRow.number == number)
        return await session.scalar(known) or (mask_number(written) if written else "")

    async def _by_thread(self, session: AsyncSession, thread_id: str) -> Sender:
        thread = await session.get(ThreadRow, thread_id)
        if thread is None:
            return Sender()
        return Sender(thread.customer_id, await session.get(BindingRow, thread.binding_id))

    async def _binding(self, session: AsyncSession, customer_id: str, line_number: str) -> BindingRow | None:
        """Prefer a live binding of that line, then the last one of it, then the last one at all."""
        query = (
            select(BindingRow, LineRow.number)
            .join(LineRow, LineRow.id == BindingRow.line_id)
            .where(BindingRow.customer_id == customer_id)
            .order_by(BindingRow.id.desc())
        )
        number = normalise_line(line_number, self._region)
        rows = [(binding, line == number) for binding, line in await session.execute(query)]
        rows.sort(key=lambda found: (not found[1], found[0].released_at is not None))
        return rows[0][0] if rows else None
