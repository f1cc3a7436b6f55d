"""What is missing of the phones' records: numbers that never came, between when and when, what was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import IdStr
from dashboard.asked import Asked
from dashboard.filters import FilterQuery
from dashboard.forms import DoneQuery
from dashboard.pages.phones.kit import PhoneKit, names_of
from dashboard.pages.preferences import Seen
from dashboard.people import Directory
from devicepolicy.permissions import UPLOAD_READ
from devicepolicy.uploads.queries import MissingFilter, MissingLine
from qa.alert_queue import AlertFilter, AlertLine, AlertQueue
from qa.inspection.model import AlertState
from qa.permissions import ALERT_READ

HOME = "/phones/gaps"
SHOWN = 50


class GapPile(StrEnum):
    """Which gaps: what is missing still, what came late, or both."""

    OPEN = "open"
    FILLED = "filled"
    ALL = "all"


_OPEN = {GapPile.OPEN: True, GapPile.FILLED: False, GapPile.ALL: None}


class GapsQuery(FilterQuery, DoneQuery):
    """The address of the list."""

    page_path: ClassVar[str] = HOME
    unsaid: ClassVar[dict[str, str]] = {"state": GapPile.OPEN}

    state: GapPile = GapPile.OPEN
    department: IdStr | None = None
    phone: IdStr | None = None


@dataclass(frozen=True, slots=True)
class ShownGap:
    """A gap with the names that people know, and the alert that it raised."""

    line: MissingLine
    phone: str
    holder: str
    department: str
    alert: AlertLine | None


async def shown_gaps(
    kit: PhoneKit, principal: Principal, directory: Directory, lines: Sequence[MissingLine]
) -> list[ShownGap]:
    """Put names and alerts to gaps."""
    names = names_of(directory)
    phones = await kit.parts.fleet.queries.names(principal, {line.row.device_id for line in lines})
    told = {line.row.conduct_id for line in lines if line.row.conduct_id is not None}
    alerts: dict[str | None, AlertLine] = {}
    if told and principal.allows(ALERT_READ):
        queue = AlertQueue(kit.parts.database, kit.parts.inspections)
        wanted = AlertFilter(states=tuple(AlertState), conduct_ids=told)
        found, _ = await queue.find(principal, wanted, limit=SHOWN)
        alerts = {one.alert.conduct_id: one for one in found}
    return [
        ShownGap(
            line,
            phones.get(line.row.device_id, ""),
            names.get(line.employee_id or "", ""),
            directory.department(line.department_id),
            alerts.get(line.row.conduct_id) if line.row.conduct_id else None,
        )
        for line in lines
    ]


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        HOME,
        permission=UPLOAD_READ,
        summary_zh="手机记录缺口页",
        summary_en="Page of what is missing of the phones' records",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: GapsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        queries = kit.parts.uploads.queries
        picture = await kit.picture(principal)
        directory = await kit.parts.people.directory(principal)
        below = None
        if query.department is not None:
            path = directory.path_of(query.department)
            below = [place.id for place in directory.departments if path and place.path.startswith(path)]
        wanted = MissingFilter(_OPEN[query.state], query.phone, below)
        lines, following = await queries.missing(principal, wanted, cursor=query.cursor, limit=SHOWN)
        return kit.show(
            "gaps.html",
            Asked(principal, context, headers),
            picture=picture,
            query=query,
            directory=directory,
            piles=tuple(GapPile),
            counts=[
                (
                    pile,
                    await queries.count_missing(principal, MissingFilter(_OPEN[pile])),
                    HOME if pile is GapPile.OPEN else f"{HOME}?state={pile}",
                )
                for pile in (GapPile.OPEN, GapPile.FILLED)
            ],
            shown=await shown_gaps(kit, principal, directory, lines),
            given=query.given(),
            next_address=query.address(cursor=following) if following else None,
        )

    return [listing]
