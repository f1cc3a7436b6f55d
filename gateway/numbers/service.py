"""Bindings: made, renewed, released, and looked up in both dialling directions."""

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.customers.phone import PhoneNumber
from gateway.numbers.model import BindingView


class BindingService:
    """Signatures first; the bodies follow."""

    async def resolve_dial(self, session: AsyncSession, employee_id: str, dialled: str) -> BindingView | None:
        """Find the binding that `dialled` (a token, or a line's number) means for this employee."""
        raise NotImplementedError

    async def resolve_inbound(
        self, session: AsyncSession, line_number: str, caller: PhoneNumber
    ) -> BindingView | None:
        """Find the binding of the customer who calls `line_number`."""
        raise NotImplementedError
