"""What every contact does to its row: statements made once, and without the ORM."""

from typing import cast

from sqlalchemy import Table, bindparam, insert, select, update

from gateway.contact.model import Outcome
from gateway.contact.models import ContactRow
from gateway.customers.models import CustomerRow

_TABLE = cast("Table", ContactRow.__table__)
_ROW, _CUSTOMER = _TABLE.c, cast("Table", CustomerRow.__table__).c
_THIS = _ROW.id == bindparam("contact")
LOCK_CUSTOMER = (
    select(_CUSTOMER.id)
    .where(_CUSTOMER.id == select(_ROW.customer_id).where(_THIS).scalar_subquery())
    .with_for_update()
)
READ_OPEN = (
    select(
        _ROW.id, _ROW.binding_id, _ROW.employee_id, _ROW.customer_id, _ROW.channel, _ROW.direction,
        _ROW.purpose, _ROW.node, _ROW.decision, _ROW.outcome, _ROW.rechecked_at, _ROW.revealed_at,
    )
    .where(_THIS)
    .with_for_update()
)  # fmt: skip
READ_PHONE = select(_CUSTOMER.phone).where(_CUSTOMER.id == bindparam("customer"))
IS_KNOWN = select(_ROW.id).where(_THIS)
ADD_CONTACT = insert(_TABLE)
PUT_SEQ = update(_TABLE).where(_THIS).values(verdict_seq=bindparam("seq"))
PUT_RECHECK = (
    update(_TABLE)
    .where(_THIS)
    .values(
        rechecked_at=bindparam("rechecked"), outcome=bindparam("new_outcome"), closed_at=bindparam("closed")
    )
)
PUT_REVEAL = update(_TABLE).where(_THIS).values(revealed_at=bindparam("revealed"))
CLOSE_OPEN = (
    update(_TABLE)
    .where(_THIS, _ROW.outcome == Outcome.PENDING)
    .values(
        outcome=bindparam("new_outcome"), answered_at=bindparam("answered"), closed_at=bindparam("closed")
    )
)
