"""Tells somebody where what a phone says contradicts itself, or evidence is missing."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from devicepolicy.devices.models import DeviceRow
from devicepolicy.devices.register import Register
from devicepolicy.uploads.model import Finding
from devicepolicy.uploads.ports import ConductSink, DeviceConduct


class Findings:
    """Joins the caller's transaction. One finding for a subject, however often it is found."""

    def __init__(self, sink: ConductSink, register: Register) -> None:
        self._sink = sink
        self._register = register

    async def tell(
        self,
        session: AsyncSession,
        finding: Finding,
        device: DeviceRow,
        subject: str,
        at: datetime,
        *,
        employee_id: str | None = None,
        department_id: str | None = None,
        customer_id: str | None = None,
    ) -> str | None:
        """Tell, and write it into the phone's history. Without an employee it concerns the phone's of now."""
        of_now = employee_id is None
        conduct_id = await self._sink.seen(
            session,
            DeviceConduct(
                finding,
                subject,
                at,
                device.id,
                device.employee_id if of_now else employee_id,
                device.department_id if of_now else department_id,
                customer_id,
            ),
        )
        self._register.remember(session, device.id, "conduct", conduct=finding.value)
        await session.flush()
        return conduct_id
