"""Moves customers, bindings and threads from one employee to another, and back what nobody touched since.

Everything joins the caller's transaction, whose rows are locked already; each kind is a few statements,
however many there are.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from gateway.contact.models import ContactRow
from gateway.customers.models import CustomerRow, HandoverRow
from gateway.customers.notes.models import NextStepRow, NoteRow
from gateway.messages.models import ThreadRow
from gateway.numbers.models import BindingRow
from gateway.offboarding.model import Move
from gateway.offboarding.models import ItemRow

CUSTOMER, BINDING, THREAD = "customer", "binding", "thread"
HANDED_OVER, EXPIRED = "handed-over", "expired"
BATCH = 500
_COLUMNS = (
    "act_id",
    "kind",
    "item_id",
    "customer_id",
    "former_department_id",
    "former_direct_dial",
    "move",
    "mark",
    "back",
)


@dataclass(frozen=True, slots=True)
class Act:
    """Who hands over to whom, when, and under which record."""

    id: str
    from_id: str
    to_id: str
    department_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class WentBack:
    """What an undoing gave back, and what stays because somebody touched it."""

    customers: int
    bindings: int
    threads: int
    kept_customers: int
    kept_bindings: int


async def hand_over(
    session: AsyncSession,
    act: Act,
    *,
    customers: ColumnElement[bool],
    threads: ColumnElement[bool],
    bindings: Mapping[str, Move],
) -> None:
    """Move what the conditions choose, and write down how it was."""
    await _note_bindings(session, act, bindings)
    await _note(session, act, CUSTOMER, CustomerRow.id, CustomerRow.id, CustomerRow, customers, literal(0))
    await _note(
        session, act, THREAD, ThreadRow.id, ThreadRow.customer_id, ThreadRow, threads, ThreadRow.messages
    )
    of_customers = _items(act.id, CUSTOMER)
    there = {"department_id": act.department_id}
    await session.execute(
        update(CustomerRow)
        .where(CustomerRow.id.in_(of_customers))
        .values(owner_id=act.to_id, updated_at=act.at, **there)
    )
    fields = ["act_id", "customer_id", "from_id", "to_id", "at"]
    given = select(
        literal(act.id),
        ItemRow.item_id,
        literal(act.from_id),
        literal(act.to_id),
        literal(act.at, HandoverRow.at.type),
    ).where(ItemRow.act_id == act.id, ItemRow.kind == CUSTOMER)
    await session.execute(insert(HandoverRow).from_select(fields, given))
    await session.execute(
        update(ThreadRow)
        .where(ThreadRow.id.in_(_items(act.id, THREAD)))
        .values(employee_id=act.to_id, **there)
    )
    await _move_bindings(session, act)


async def go_back(session: AsyncSession, act: Act, now: datetime) -> WentBack:
    """Give back what nobody touched since `act.at`. `act` is the one that is undone."""
    mine = ItemRow.act_id == act.id
    await session.execute(update(ItemRow).where(mine, ~_touched(act)).values(back=True))
    pristine = select(BindingRow.id).where(_pristine(act))
    of_bindings = (mine, ItemRow.kind == BINDING)
    await session.execute(
        update(ItemRow).where(*of_bindings, ItemRow.item_id.not_in(pristine)).values(back=False)
    )
    await _customers_back(session, act, now)
    await _bindings_back(session, act)
    await session.execute(
        update(ThreadRow)
        .where(ThreadRow.id.in_(_items(act.id, THREAD, back=True)), ThreadRow.employee_id == act.to_id)
        .values(employee_id=act.from_id, department_id=_former(act, THREAD, ThreadRow.id))
    )
    query = select(ItemRow.kind, ItemRow.back, func.count()).where(mine).group_by(ItemRow.kind, ItemRow.back)
    counted = {(kind, back): count for kind, back, count in await session.execute(query)}
    return WentBack(
        customers=counted.get((CUSTOMER, True), 0),
        bindings=counted.get((BINDING, True), 0),
        threads=counted.get((THREAD, True), 0),
        kept_customers=counted.get((CUSTOMER, False), 0),
        kept_bindings=counted.get((BINDING, False), 0),
    )


async def _note(
    session: AsyncSession,
    act: Act,
    kind: str,
    item: Any,
    customer: Any,
    row: Any,
    chosen: ColumnElement[bool],
    mark: Any,
) -> None:
    found = select(
        literal(act.id),
        literal(kind),
        item,
        customer,
        row.department_id,
        false(),
        literal(Move.MOVE.value),
        mark,
        false(),
    ).where(chosen)
    await session.execute(insert(ItemRow).from_select(_COLUMNS, found))


async def _note_bindings(session: AsyncSession, act: Act, bindings: Mapping[str, Move]) -> None:
    for move in Move:
        chosen = sorted(binding_id for binding_id, given in bindings.items() if given is move)
        for start in range(0, len(chosen), BATCH):
            ids = chosen[start : start + BATCH]
            found = select(
                literal(act.id),
                literal(BINDING),
                BindingRow.id,
                BindingRow.customer_id,
                BindingRow.department_id,
                BindingRow.direct_dial,
                literal(move.value),
                literal(0),
                false(),
            ).where(BindingRow.id.in_(ids))
            await session.execute(insert(ItemRow).from_select(_COLUMNS, found))


async def _move_bindings(session: AsyncSession, act: Act) -> None:
    whose = {"employee_id": act.to_id, "department_id": act.department_id}
    values: dict[Move, dict[str, Any]] = {
        Move.BY_TOKEN: {**whose, "direct_dial": False},
        Move.MOVE: whose,
        Move.RELEASE: {"released_at": act.at, "release_reason": HANDED_OVER},
        Move.EXPIRE: {"released_at": act.at, "release_reason": EXPIRED},
    }
    for move, change in values.items():
        chosen = _items(act.id, BINDING, move=move)
        await session.execute(update(BindingRow).where(BindingRow.id.in_(chosen)).values(**change))


def _items(act_id: str, kind: str, *, move: Move | None = None, back: bool | None = None) -> Select[str]:
    query = select(ItemRow.item_id).where(ItemRow.act_id == act_id, ItemRow.kind == kind)
    if move is not None:
        query = query.where(ItemRow.move == move.value)
    return query if back is None else query.where(ItemRow.back.is_(back))


def _former(act: Act, kind: str, row_id: Any, column: Any = ItemRow.former_department_id) -> Any:
    """Give what an item's column was before it was handed over, for an UPDATE of `row_id`'s table."""
    return (
        select(column)
        .where(ItemRow.act_id == act.id, ItemRow.kind == kind, ItemRow.item_id == row_id)
        .scalar_subquery()
    )


def _touched(act: Act) -> ColumnElement[bool]:
    """Whether the customer of an item was changed, contacted or written about by the successor since."""
    customer, by = ItemRow.customer_id, act.to_id
    other = aliased(ItemRow)
    given = exists().where(other.act_id == act.id, other.kind == CUSTOMER, other.item_id == customer)
    changed = or_(
        CustomerRow.owner_id != by, CustomerRow.updated_at != act.at, CustomerRow.erased_at.is_not(None)
    )
    written = and_(ThreadRow.messages > other.mark, ThreadRow.id == other.item_id)
    return or_(
        and_(given, exists().where(CustomerRow.id == customer, changed)),
        exists().where(
            ContactRow.customer_id == customer,
            ContactRow.employee_id == by,
            ContactRow.requested_at >= act.at,
        ),
        exists().where(
            NoteRow.customer_id == customer, NoteRow.created_by == by, NoteRow.created_at >= act.at
        ),
        exists().where(
            NextStepRow.customer_id == customer,
            or_(
                and_(NextStepRow.created_by == by, NextStepRow.created_at >= act.at),
                and_(NextStepRow.done_by == by, NextStepRow.done_at >= act.at),
            ),
        ),
        exists().where(other.act_id == act.id, other.kind == THREAD, other.customer_id == customer, written),
    )


def _pristine(act: Act) -> ColumnElement[bool]:
    """The bindings that are as the handing over left them, and that can be as they were before."""
    other = aliased(BindingRow)
    taken = exists().where(
        other.line_id == BindingRow.line_id,
        other.customer_id == BindingRow.customer_id,
        other.released_at.is_(None),
    )
    theirs = and_(BindingRow.employee_id == act.to_id, BindingRow.released_at.is_(None))
    renewed = and_(BindingRow.renewed_at.is_not(None), BindingRow.renewed_at >= act.at)
    released = and_(BindingRow.employee_id == act.from_id, BindingRow.release_reason == HANDED_OVER, ~taken)
    return or_(and_(theirs, ~renewed), released)


async def _customers_back(session: AsyncSession, act: Act, now: datetime) -> None:
    back = _items(act.id, CUSTOMER, back=True)
    await session.execute(
        update(CustomerRow)
        .where(CustomerRow.id.in_(back))
        .values(owner_id=act.from_id, department_id=_former(act, CUSTOMER, CustomerRow.id), updated_at=now)
    )
    await session.execute(
        update(HandoverRow)
        .where(HandoverRow.act_id == act.id, HandoverRow.customer_id.in_(back))
        .values(undone_at=now)
    )


async def _bindings_back(session: AsyncSession, act: Act) -> None:
    for moves in ((Move.MOVE, Move.BY_TOKEN), (Move.RELEASE,)):
        chosen: Collection[str] = [move.value for move in moves]
        back = _items(act.id, BINDING, back=True).where(ItemRow.move.in_(chosen))
        await session.execute(
            update(BindingRow)
            .where(BindingRow.id.in_(back))
            .values(
                employee_id=act.from_id,
                department_id=_former(act, BINDING, BindingRow.id),
                direct_dial=_former(act, BINDING, BindingRow.id, ItemRow.former_direct_dial),
                released_at=None,
                release_reason=None,
            )
        )
