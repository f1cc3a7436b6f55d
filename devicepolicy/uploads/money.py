"""Red packets and transfers in figures: how many, how much, by person, team and day, as phones stated."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.access.model import Principal
from core.db import Database
from core.errors import Invalid
from devicepolicy.uploads.model import EventKind, MoneyDirection
from devicepolicy.uploads.models import UploadEventRow
from devicepolicy.uploads.queries import uploads_within

MONEY = (EventKind.RED_PACKET, EventKind.TRANSFER)
LONGEST = timedelta(days=366)


class MoneySpanInvalid(Invalid):
    """A span of figures begins before it ends and is 366 days at most."""

    code = "money-span-invalid"
    zh = "统计区间须先起后止，至多 366 天。"


class MoneyBy(StrEnum):
    """What a line of figures is about."""

    EMPLOYEE = "employee"
    DEPARTMENT = "department"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """One line: `key` is an id or a day (ISO 8601), None for nobody's.

    `stated` of the `count` events gave an amount; `amount_fen` is the sum of those (CNY, hundredths).
    """

    key: str | None
    kind: EventKind
    direction: MoneyDirection
    count: int
    stated: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class _Event:
    at: datetime
    kind: EventKind
    outgoing: bool | None
    amount_fen: int | None
    employee_id: str | None
    department_id: str | None


class MoneyFigures:
    """Counts within a reader's reach; what contradicts an earlier event of the same id is not counted."""

    def __init__(self, database: Database, time_zone: str) -> None:
        self._db = database
        self._zone = ZoneInfo(time_zone)

    async def count(
        self,
        principal: Principal,
        since: datetime,
        until: datetime,
        *,
        department_ids: Collection[str] | None = None,
    ) -> dict[MoneyBy, list[MoneyLine]]:
        """Count the events from `since` to before `until`, every way at once; raise `MoneySpanInvalid`."""
        if not timedelta() < until - since <= LONGEST:
            raise MoneySpanInvalid
        row = UploadEventRow
        query = select(
            row.at, row.kind, row.outgoing, row.amount_fen, row.employee_id, row.department_id
        ).where(
            uploads_within(principal, row),
            row.kind.in_(MONEY),
            row.contradicts.is_(None),
            row.at >= since,
            row.at < until,
        )
        if department_ids is not None:
            query = query.where(row.department_id.in_(department_ids))
        async with self._db.read() as session:
            events = [_Event(*found) for found in (await session.execute(query)).all()]
        return {
            MoneyBy.EMPLOYEE: _lines(events, lambda one: one.employee_id),
            MoneyBy.DEPARTMENT: _lines(events, lambda one: one.department_id),
            MoneyBy.DAY: _lines(events, lambda one: self._day(one.at).isoformat()),
        }

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()


def direction_of(outgoing: bool | None) -> MoneyDirection:
    """Name which way it went."""
    if outgoing is None:
        return MoneyDirection.UNSTATED
    return MoneyDirection.SENT if outgoing else MoneyDirection.RECEIVED


def _lines(events: Collection[_Event], key_of: Callable[[_Event], str | None]) -> list[MoneyLine]:
    sums: dict[tuple[str | None, EventKind, MoneyDirection], list[int]] = {}
    for one in events:
        told = sums.setdefault((key_of(one), one.kind, direction_of(one.outgoing)), [0, 0, 0])
        told[0] += 1
        if one.amount_fen is not None:
            told[1] += 1
            told[2] += one.amount_fen
    order = sorted(sums, key=lambda key: (key[0] is None, key[0] or "", key[1].value, key[2].value))
    return [MoneyLine(*key, *sums[key]) for key in order]
