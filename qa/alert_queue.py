"""The queue of alerts: what must be looked at now, the most severe first, and who has it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Subquery, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.access.scope import departments_below
from core.db import Database
from core.web.paging import CursorInvalid, decode_cursor, encode_cursor
from qa.alerts import reach
from qa.inspection.model import AlertState
from qa.inspection.models import AlertDigestRow, AlertRow
from qa.inspection.reading import InspectionReader
from qa.inspection.views import AlertView
from qa.lexicon.model import Severity
from qa.permissions import ALERT_HANDLE, ALERT_READ

_urgency: ColumnElement[int] = case(
    {severity.value: -severity.rank for severity in Severity}, value=AlertRow.severity, else_=0
)


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts are wanted; None means any. `department_path` reaches all below it."""

    states: Collection[AlertState] = (AlertState.OPEN, AlertState.TAKEN)
    severity: Severity | None = None
    category: str | None = None
    employee_id: str | None = None
    department_path: str | None = None
    taken_by: str | None = None
    conduct_id: str | None = None
    conduct_ids: Collection[str] | None = None
    thread_id: str | None = None
    digest_id: str | None = None
    gathered: bool = False
    """Those that wait for the day's digest, instead of those that are told."""

    @property
    def by_thread(self) -> bool:
        """Whether the alerts of one day of a thread stand in one line; a thread's own list shows each."""
        return self.thread_id is None and set(self.states) != {AlertState.CLOSED}


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert with the names that people know; `may_handle`: the reader may take or close it.

    `others`: how many more of the same day of the thread this line stands for.
    """

    alert: AlertView
    employee_name: str
    taken_by_name: str
    closed_by_name: str
    may_handle: bool
    others: int = 0


@dataclass(frozen=True, slots=True)
class DigestLine:
    """A day's digest, as far as the reader's alerts are in it."""

    id: str
    day: date
    alerts: int
    unclosed: int


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """How many alerts are in each state."""

    open: int
    taken: int
    closed: int


class AlertQueue:
    """Queries. It changes nothing."""

    def __init__(self, database: Database, reader: InspectionReader) -> None:
        self._database = database
        self._reader = reader

    async def find(
        self, principal: Principal, wanted: AlertFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[tuple[AlertLine, ...], str | None]:
        """List alerts, the most severe first and of these the oldest; closed ones the newest first."""
        is_done = set(wanted.states) == {AlertState.CLOSED}
        lines_of = _lines_of(principal, wanted)
        query = (
            select(AlertRow, _urgency, lines_of.c.many)
            .join(lines_of, lines_of.c.id == AlertRow.id)
            .where(lines_of.c.place == 1)
        )
        if cursor is not None:
            rank, last = _place(cursor)
            query = query.where(
                AlertRow.id < last
                if is_done
                else or_(rank < _urgency, and_(_urgency.in_([rank]), AlertRow.id > last))
            )
        order = (AlertRow.id.desc(),) if is_done else (_urgency, AlertRow.id)
        async with self._database.read() as session:
            rows = (await session.execute(query.order_by(*order).limit(limit + 1))).all()
            shown = [row[0] for row in rows[:limit]]
            views = await self._reader.alert_views(session, shown)
            people = {who for row in shown for who in (row.employee_id, row.taken_by, row.closed_by) if who}
            named = await session.execute(
                select(Employee.id, Employee.display_name).where(Employee.id.in_(people))
            )
            names: dict[str, str] = dict(named.all())
            mine = await _handled(session, principal, [row.id for row in shown])
        following = encode_cursor(str(rows[limit - 1][1]), shown[-1].id) if len(rows) > limit else None
        lines = [
            AlertLine(
                view,
                names.get(view.employee_id or "", ""),
                names.get(view.taken_by or "", ""),
                names.get(view.closed_by or "", ""),
                view.id in mine,
                row[2] - 1,
            )
            for view, row in zip(views, rows, strict=False)
        ]
        return tuple(lines), following

    async def digests(self, principal: Principal, *, limit: int = 3) -> tuple[DigestLine, ...]:
        """Give the last digests that hold something for the reader, the newest first."""
        digest = AlertDigestRow
        unclosed = func.count().filter(AlertRow.state != AlertState.CLOSED)
        query = (
            select(digest.id, digest.day, func.count(), unclosed)
            .join(AlertRow, AlertRow.digest_id == digest.id)
            .where(reach(principal, ALERT_READ))
            .group_by(digest.id, digest.day)
            .order_by(digest.day.desc())
            .limit(limit)
        )
        async with self._database.read() as session:
            return tuple(DigestLine(*row) for row in (await session.execute(query)).all())

    async def count(self, principal: Principal, wanted: AlertFilter) -> AlertCounts:
        """Count by state, within the other filters."""
        query = (
            select(*(func.count().filter(AlertRow.state == state) for state in AlertState))
            .select_from(AlertRow)
            .where(reach(principal, ALERT_READ), *_conditions(wanted)[1:])
        )
        async with self._database.read() as session:
            counted: tuple[int, ...] = tuple((await session.execute(query)).one())
        return AlertCounts(*counted)


def _lines_of(principal: Principal, wanted: AlertFilter) -> Subquery:
    """Give what is wanted with its place in its line, and how many stand there; the gravest is the first."""
    row = AlertRow
    line: ColumnElement[str] = row.id.expression
    if wanted.by_thread:
        line = case(
            (row.thread_id.is_not(None) & row.inspection_id.is_not(None), row.inspection_id), else_=row.id
        )
    place = func.row_number().over(partition_by=line, order_by=(_urgency, row.id))
    many = func.count().over(partition_by=line)
    found = select(row.id, place.label("place"), many.label("many"))
    return found.where(reach(principal, ALERT_READ), *_conditions(wanted)).subquery()


def _conditions(wanted: AlertFilter) -> list[ColumnElement[bool]]:
    row = AlertRow
    found: list[ColumnElement[bool]] = [row.state.in_(wanted.states)]
    found.append(row.gathered.is_(wanted.gathered))
    if wanted.thread_id is not None:
        found.append(row.thread_id == wanted.thread_id)
    if wanted.digest_id is not None:
        found.append(row.digest_id == wanted.digest_id)
    if wanted.severity is not None:
        found.append(row.severity == wanted.severity)
    if wanted.category is not None:
        found.append(row.category == wanted.category)
    if wanted.employee_id is not None:
        found.append(row.employee_id == wanted.employee_id)
    if wanted.department_path is not None:
        found.append(row.department_id.in_(departments_below(wanted.department_path)))
    if wanted.taken_by is not None:
        found.append(row.taken_by == wanted.taken_by)
    if wanted.conduct_ids is not None:
        found.append(row.conduct_id.in_(wanted.conduct_ids))
    if wanted.conduct_id is not None:
        found.append(row.conduct_id == wanted.conduct_id)
    return found


async def _handled(session: AsyncSession, principal: Principal, ids: Collection[str]) -> set[str]:
    """Give those that the principal may handle: nobody handles alerts about themselves."""
    if not principal.allows(ALERT_HANDLE):
        return set()
    query = select(AlertRow.id).where(AlertRow.id.in_(ids), reach(principal, ALERT_HANDLE))
    return set(await session.scalars(query))


def _place(cursor: str) -> tuple[int, str]:
    rank, alert_id = decode_cursor(cursor, 2)
    if rank not in {"-3", "-2", "-1", "0"}:
        raise CursorInvalid
    return int(rank), alert_id
