"""Finds the binding that somebody had with a customer before it went to another."""

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.numbers.models import BindingRow
from gateway.offboarding.handover import BINDING
from gateway.offboarding.models import ItemRow, OffboardingRow, RebindingRow


async def former_binding(session: AsyncSession, employee_id: str, customer_id: str) -> BindingRow | None:
    """Give the last one that was handed over from this employee; None: there was none.

    What they wrote is known late sometimes: a phone that was off hands it in after the unbinding.
    """
    query = (
        select(BindingRow)
        .join(ItemRow, (ItemRow.kind == BINDING) & (ItemRow.item_id == BindingRow.id))
        .outerjoin(OffboardingRow, OffboardingRow.id == ItemRow.act_id)
        .outerjoin(RebindingRow, RebindingRow.id == ItemRow.act_id)
        .where(
            ItemRow.customer_id == customer_id,
            or_(OffboardingRow.employee_id == employee_id, RebindingRow.holder_id == employee_id),
        )
        .order_by(ItemRow.act_id.desc())
        .limit(1)
    )
    found: BindingRow | None = await session.scalar(query)
    return found
