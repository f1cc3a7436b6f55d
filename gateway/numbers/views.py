"""From a binding's row to what the rest of the house sees of it."""

from gateway.numbers.model import BindingView
from gateway.numbers.models import BindingRow


def binding_view(row: BindingRow, line_number: str) -> BindingView:
    """Give the view of a binding; `line_number` is E.164."""
    return BindingView(
        id=row.id,
        token=row.token,
        line_id=row.line_id,
        line_number=line_number,
        employee_id=row.employee_id,
        department_id=row.department_id,
        customer_id=row.customer_id,
        purpose=row.purpose,
        expires_at=row.expires_at,
        direct_dial=row.direct_dial,
        released_at=row.released_at,
        release_reason=row.release_reason,
    )
