"""Orders an employee's own customers: due steps first, then who was not contacted for longest."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, FromClause, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.vault import SubjectKeys
from core.web.paging import CursorInvalid, decode_cursor, encode_cursor
from gateway import permissions
from gateway.contact.model import Outcome
from gateway.contact.models import ContactRow
from gateway.customers import repository
from gateway.customers.models import CustomerRow
from gateway.customers.notes.models import NextStepRow
from gateway.customers.notes.service import open_first, step_view
from gateway.customers.sealing import CustomerSealing
from gateway.numbers.model import BindingView
from gateway.numbers.models import BindingRow, LineRow
from gateway.numbers.views import binding_view
from gateway.worklist.model import LastContact, Turn, WorkItem

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TURNS = (Turn.DUE, Turn.IDLE, Turn.LATER)
_NOTICED = (Outcome.PENDING, Outcome.CONNECTED, Outcome.UNANSWERED)
"""Of a refused or failed contact the customer noticed nothing: it does not count as the last one."""


@dataclass(frozen=True, slots=True)
class WorkCounts:
    """How many own customers there are, how many have a step due today, and of these overdue ones."""

    customers: int
    due: int
    overdue: int


class WorkList:
    """Reads only. The list holds the customers that the principal owns, nobody else's."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        subject_keys: SubjectKeys,
        sealing: CustomerSealing,
        time_zone: str,
    ) -> None:
        self._db = database
        self._clock = clock
        self._keys = subject_keys
        self._sealing = sealing
        self._zone = ZoneInfo(time_zone)

    async def page(
        self, principal: Principal, *, cursor: str | None = None, limit: int = 10
    ) -> tuple[list[WorkItem], str | None]:
        """Give one page of the list and the next cursor."""
        principal.require(permissions.CUSTOMER_READ)
        own = _own(principal, self._day_end())
        query = select(own.id, own.turn, own.moment)
        if cursor is not None:
            query = query.where(_after(own, cursor))
        query = query.order_by(own.turn, own.moment, own.id).limit(limit + 1)
        async with self._db.read() as session:
            rows = [(row[0], row[1], row[2]) for row in await session.execute(query)]
            shown = rows[:limit]
            items = await self._items(session, principal, shown)
        following = None
        if len(rows) > limit:
            last = shown[-1]
            following = encode_cursor(str(last[1]), last[2].isoformat(), last[0])
        return items, following

    async def counts(self, principal: Principal) -> WorkCounts:
        """Count what waits."""
        principal.require(permissions.CUSTOMER_READ)
        own = _own(principal, self._day_end())
        query = select(
            func.count(),
            func.count().filter(own.turn == 0),
            func.count().filter(own.turn == 0, own.moment <= self._clock.now()),
        ).select_from(own.table)
        async with self._db.read() as session:
            return WorkCounts(*(await session.execute(query)).one())

    def _day_end(self) -> datetime:
        local = self._clock.now().astimezone(self._zone)
        midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), self._zone)
        return midnight.astimezone(UTC)

    async def _items(
        self, session: AsyncSession, principal: Principal, rows: Sequence[tuple[str, int, datetime]]
    ) -> list[WorkItem]:
        ids = [row[0] for row in rows]
        ciphers = await self._keys.ciphers(session, ids)
        tags = await repository.tags_of(session, ids)
        found = await session.scalars(select(CustomerRow).where(CustomerRow.id.in_(ids)))
        customers = {row.id: row for row in found}
        steps = list(
            await session.scalars(
                select(NextStepRow)
                .where(NextStepRow.customer_id.in_(ids), NextStepRow.done_at.is_(None))
                .order_by(NextStepRow.due_at, NextStepRow.id)
            )
        )
        first = open_first(steps)
        lasts = await _last_contacts(session, ids)
        bindings = await self._bindings(session, principal, ids)
        items = []
        for customer_id, turn, _ in rows:
            cipher = ciphers.get(customer_id)
            step = first.get(customer_id)
            items.append(
                WorkItem(
                    customer=self._sealing.view(customers[customer_id], cipher, tags[customer_id]),
                    turn=_TURNS[turn],
                    step=step_view(step, cipher) if step is not None else None,
                    open_steps=sum(one.customer_id == customer_id for one in steps),
                    last=lasts.get(customer_id),
                    bindings=tuple(bindings.get(customer_id, ())),
                )
            )
        return items

    async def _bindings(
        self, session: AsyncSession, principal: Principal, ids: Collection[str]
    ) -> dict[str, list[BindingView]]:
        query = (
            select(BindingRow, LineRow.number)
            .join(LineRow, LineRow.id == BindingRow.line_id)
            .where(
                BindingRow.customer_id.in_(ids),
                BindingRow.employee_id == principal.employee_id,
                BindingRow.released_at.is_(None),
                BindingRow.expires_at > self._clock.now(),
            )
            .order_by(BindingRow.id.desc())
        )
        found: dict[str, list[BindingView]] = {}
        for row, number in await session.execute(query):
            found.setdefault(row.customer_id, []).append(binding_view(row, number))
        return found


@dataclass(frozen=True, slots=True)
class _Own:
    """The own customers as SQL: whose turn it is, and the moment that orders them within a turn."""

    table: FromClause
    id: ColumnElement[str]
    turn: ColumnElement[int]
    moment: ColumnElement[datetime]


def _own(principal: Principal, day_end: datetime) -> _Own:
    due = (
        select(func.min(NextStepRow.due_at))
        .where(NextStepRow.customer_id == CustomerRow.id, NextStepRow.done_at.is_(None))
        .correlate(CustomerRow)
        .scalar_subquery()
    )
    last = (
        select(func.max(ContactRow.requested_at))
        .where(ContactRow.customer_id == CustomerRow.id, ContactRow.outcome.in_(_NOTICED))
        .correlate(CustomerRow)
        .scalar_subquery()
    )
    inner = (
        select(CustomerRow.id.label("id"), due.label("due"), last.label("last"))
        .where(CustomerRow.owner_id == principal.employee_id, CustomerRow.erased_at.is_(None))
        .subquery()
    )
    turn = case((inner.c.due.is_(None), 1), (inner.c.due < day_end, 0), else_=2)
    return _Own(inner, inner.c.id, turn, func.coalesce(inner.c.due, inner.c.last, EPOCH))


def _after(own: _Own, cursor: str) -> ColumnElement[bool]:
    turn_text, moment_text, last_id = decode_cursor(cursor, 3)
    try:
        turn, moment = int(turn_text), datetime.fromisoformat(moment_text)
    except ValueError:
        raise CursorInvalid from None
    if moment.tzinfo is None or not 0 <= turn < len(_TURNS):
        raise CursorInvalid
    later = or_(own.moment > moment, and_(own.moment == moment, own.id > last_id))
    return or_(own.turn > turn, and_(own.turn == turn, later))


async def _last_contacts(session: AsyncSession, ids: Collection[str]) -> dict[str, LastContact]:
    """Give the latest contact that each customer noticed. Ids are in the order of birth."""
    latest = (
        select(func.max(ContactRow.id))
        .where(ContactRow.customer_id.in_(ids), ContactRow.outcome.in_(_NOTICED))
        .group_by(ContactRow.customer_id)
    )
    rows = await session.scalars(select(ContactRow).where(ContactRow.id.in_(latest)))
    return {
        row.customer_id: LastContact(row.requested_at, row.channel, row.direction, row.purpose, row.outcome)
        for row in rows
    }
