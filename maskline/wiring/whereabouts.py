"""Plugs the gateway's books into whereabouts: pictures, customers of bindings, holds."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from devicepolicy.whereabouts.build import LocationPorts
from gateway.messages.filetypes import FileRefused, identify
from gateway.numbers.models import BindingRow
from gateway.offboarding.holds import Holds
from maskline.ground import Ground

_TAKEN = frozenset({"image/jpeg", "image/png"})


class SafePictures:
    """`devicepolicy.whereabouts.ports.Pictures` over the checks that every uploaded file goes through."""

    def check(self, content: bytes) -> str | None:
        try:
            media_type = identify(content).media_type
        except FileRefused:
            return None
        return media_type if media_type in _TAKEN else None


class CustomersOfBindings:
    """`devicepolicy.whereabouts.ports.Bindings` over the gateway's bindings, released ones too."""

    async def customer(self, session: AsyncSession, employee_id: str, binding_id: str) -> str | None:
        query = select(BindingRow.customer_id).where(
            BindingRow.id == binding_id, BindingRow.employee_id == employee_id
        )
        found: str | None = await session.scalar(query)
        return found


def location_ports(ground: Ground) -> LocationPorts:
    """Give the ports; holds are those of unbinding, as for all that phones hand in."""
    return LocationPorts(Holds(ground.clock), SafePictures(), CustomersOfBindings())
