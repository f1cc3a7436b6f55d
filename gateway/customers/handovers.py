"""Who had a customer before: what the new owner may see of it."""

from typing import Any

from sqlalchemy import ColumnElement, exists

from core.access.model import Principal
from gateway.customers.models import CustomerRow, HandoverRow


def inherited(principal: Principal, *, customer: Any, employee: Any) -> ColumnElement[bool]:
    """Give the WHERE clause for what a predecessor did with a customer that is the principal's own now.

    `customer` and `employee` are columns of what is read: whose it is, and who did it.
    """
    return exists().where(
        HandoverRow.customer_id == customer,
        HandoverRow.from_id == employee,
        HandoverRow.to_id == principal.employee_id,
        HandoverRow.undone_at.is_(None),
        CustomerRow.id == HandoverRow.customer_id,
        CustomerRow.owner_id == principal.employee_id,
    )
