"""Red packets and transfers: how many and how much, by person, team and day; each leads to its events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import IdStr
from dashboard.asked import Asked
from dashboard.filters import PeriodQuery
from dashboard.forms import DoneQuery, failure_of
from dashboard.pages.phones.conduct import ConductQuery, Pile
from dashboard.pages.phones.kit import PhoneKit, names_of
from dashboard.pages.preferences import Seen
from devicepolicy.permissions import UPLOAD_READ
from devicepolicy.uploads.model import EventKind, MoneyDirection
from devicepolicy.uploads.money import MONEY, MoneyBy, MoneyLine, MoneySpanInvalid

HOME = "/money"
USUAL_DAYS = 30
Column = tuple[EventKind, MoneyDirection]


class MoneyPageQuery(PeriodQuery, DoneQuery):
    """The address: the span and the department. Without a span, the last thirty days."""

    page_path: ClassVar[str] = HOME

    department: IdStr | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """How many, of how many the amount is known, how much; `address` lists exactly these (None: no list)."""

    count: int
    stated: int
    amount_fen: int
    address: str | None

    @property
    def yuan(self) -> str:
        return f"{self.amount_fen // 100:,}.{self.amount_fen % 100:02d}"


@dataclass(frozen=True, slots=True)
class Row:
    """A person, team or day with a figure for each column that it has."""

    name: str
    figures: dict[Column, Figure]

    @property
    def weight(self) -> tuple[int, int]:
        """Order by how much, then how many."""
        cells = self.figures.values()
        return -sum(one.amount_fen for one in cells), -sum(one.count for one in cells)


def row_of(name: str, lines: Iterable[MoneyLine], base: ConductQuery | None) -> Row:
    """Add lines up to one row; `base` is the list that the row's figures are taken from."""
    sums: dict[Column, list[int]] = {}
    for line in lines:
        told = sums.setdefault((line.kind, line.direction), [0, 0, 0])
        for place, value in enumerate((line.count, line.stated, line.amount_fen)):
            told[place] += value
    figures = {
        column: Figure(count, stated, amount, _address(base, column))
        for column, (count, stated, amount) in sums.items()
    }
    return Row(name, figures)


def _address(base: ConductQuery | None, column: Column) -> str | None:
    if base is None:
        return None
    kind, direction = column
    return base.model_copy(update={"kind": kind, "direction": direction}).address()


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """Give both ways of both kinds, and what phones said nothing of only where there is some."""
    usual = [(kind, way) for kind in MONEY for way in (MoneyDirection.SENT, MoneyDirection.RECEIVED)]
    found = {column for row in rows for column in row.figures}
    return usual + [
        (kind, MoneyDirection.UNSTATED) for kind in MONEY if (kind, MoneyDirection.UNSTATED) in found
    ]


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        HOME,
        permission=UPLOAD_READ,
        summary_zh="红包转账统计页",
        summary_en="Page of red packets and transfers",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: MoneyPageQuery, context: RequestContext, headers: Seen
    ) -> Html:
        parts, told = kit.parts, None
        directory = await parts.people.directory(principal)
        names, calendar = names_of(directory), parts.calendar
        until = query.until or calendar.today(parts.clock.now())
        since = query.since or until - timedelta(days=USUAL_DAYS - 1)
        base = ConductQuery(state=Pile.ALL, since=since, until=until, department=query.department, once=True)
        path = directory.path_of(query.department) if query.department else None
        below = [place.id for place in directory.departments if path and place.path.startswith(path)]
        lines: dict[MoneyBy, list[MoneyLine]] = {by: [] for by in MoneyBy}
        try:
            lines = await parts.uploads.money.count(
                principal,
                calendar.begin(since),
                calendar.end(until),
                department_ids=below if query.department else None,
            )
        except MoneySpanInvalid as error:
            told = failure_of(error, context.language)
        people = [
            row_of(
                names.get(key or "", ""),
                [line for line in lines[MoneyBy.EMPLOYEE] if line.key == key],
                base.model_copy(update={"employee": key}) if key else None,
            )
            for key in {line.key for line in lines[MoneyBy.EMPLOYEE]}
        ]
        teams = []
        for place in directory.departments:
            within = {one.id for one in directory.departments if one.path.startswith(place.path)}
            own = [line for line in lines[MoneyBy.DEPARTMENT] if line.key in within]
            if own and (not query.department or place.id in below):
                teams.append(row_of(place.name, own, base.model_copy(update={"department": place.id})))
        days = [
            row_of(
                key,
                [line for line in lines[MoneyBy.DAY] if line.key == key],
                base.model_copy(update={"since": date.fromisoformat(key), "until": date.fromisoformat(key)}),
            )
            for key in sorted({line.key or "" for line in lines[MoneyBy.DAY]}, reverse=True)
        ]
        total = row_of("", lines[MoneyBy.DAY], base)
        return kit.show(
            "money.html",
            Asked(principal, context, headers),
            query=query,
            told=told,
            directory=directory,
            since=since,
            until=until,
            total=total,
            columns=columns_of([total]),
            tables=[
                ("people", sorted(people, key=lambda row: (row.weight, row.name))),
                ("teams", teams),
                ("days", days),
            ],
        )

    return [show]
