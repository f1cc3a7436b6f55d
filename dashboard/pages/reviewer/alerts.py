"""Alerts: what must be looked at now. The most severe first; take, close with a note, go to the second."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from core.access.model import Principal
from core.audit.permissions import AUDIT_READ
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.filters import FilterQuery
from dashboard.forms import DoneQuery, FormModel, act, failure
from dashboard.pages.phones.alerted import told_by_phones
from dashboard.pages.preferences import Seen, local_path
from dashboard.parts import DashboardParts
from dashboard.people import Directory
from dashboard.render import Renderer, translate
from qa.alert_queue import AlertFilter, AlertLine, AlertQueue
from qa.inspection.model import AlertState
from qa.lexicon.model import Severity
from qa.permissions import ALERT_HANDLE, ALERT_READ

LIMIT = 50


class AlertPile(StrEnum):
    """Which alerts: `now` are those that nobody has closed, `mine` those that the reader took.

    `waiting` are those that are told with the day's digest.
    """

    NOW = "now"
    OPEN = "open"
    TAKEN = "taken"
    MINE = "mine"
    WAITING = "waiting"
    CLOSED = "closed"


_STATES = {
    AlertPile.NOW: (AlertState.OPEN, AlertState.TAKEN),
    AlertPile.OPEN: (AlertState.OPEN,),
    AlertPile.TAKEN: (AlertState.TAKEN,),
    AlertPile.MINE: (AlertState.TAKEN,),
    AlertPile.WAITING: (AlertState.OPEN, AlertState.TAKEN),
    AlertPile.CLOSED: (AlertState.CLOSED,),
}


class AlertsQuery(DoneQuery, FilterQuery):
    """The address of the list."""

    page_path: ClassVar[str] = "/alerts"
    unsaid: ClassVar[Mapping[str, str]] = {"state": AlertPile.NOW}

    state: AlertPile = AlertPile.NOW
    severity: Severity | None = None
    employee: IdStr | None = None
    department: IdStr | None = None
    thread: IdStr | None = None
    digest: IdStr | None = None


class AlertPath(ApiModel):
    alert_id: IdStr


class TakeForm(FormModel):
    back: str = Field(default="/alerts", max_length=2000)


class CloseForm(TakeForm):
    note: str = Field(min_length=1, max_length=2000, pattern=r"\S", repr=False)
    whole: bool = False
    """With all others of the day of that thread."""


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """One alert as a row: how old it is in words, and where its second is (None for a lone behaviour)."""

    line: AlertLine
    department: str
    age: str
    address: str | None


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the page and what its forms do."""
    queue = AlertQueue(parts.database, parts.inspections)

    @endpoint("GET", "/alerts", permission=ALERT_READ, kind="page",
              summary_zh="预警页", summary_en="Page of alerts")  # fmt: skip
    async def show(
        *, principal: Principal, query: AlertsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        directory = await parts.people.directory(principal)
        wanted = _filter(query, principal, directory)
        lines, following = await queue.find(principal, wanted, cursor=query.cursor, limit=LIMIT)
        now = parts.clock.now()
        phones = await told_by_phones(parts.uploads, principal, lines)
        return Html(
            renderer.page(
                "alerts.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=query.address(),
                query=query,
                given=query.given(),
                piles=tuple(AlertPile),
                severities=tuple(Severity),
                digests=await queue.digests(principal),
                directory=directory,
                counts=await queue.count(principal, wanted),
                shown=[_shown(line, principal, directory, now, context.language, phones) for line in lines],
                next_address=query.address(cursor=following) if following else None,
                may_handle=principal.allows(ALERT_HANDLE),
                failed=failure(query.failed, context.language),
            )
        )

    return [show, *_acts(parts)]


def _acts(parts: DashboardParts) -> list[Endpoint]:
    @endpoint("POST", "/alerts/{alert_id}/take", permission=ALERT_HANDLE, kind="page",
              summary_zh="受理预警", summary_en="Take an alert")  # fmt: skip
    async def take(
        *, principal: Principal, path: AlertPath, body: TakeForm, context: RequestContext
    ) -> Html | Redirect:
        work = parts.alerts.take(principal, path.alert_id)
        return await act(work, to=local_path(body.back), done="alert-take", language=context.language)

    @endpoint("POST", "/alerts/{alert_id}/close", permission=ALERT_HANDLE, kind="page",
              summary_zh="关闭预警", summary_en="Close an alert")  # fmt: skip
    async def close(
        *, principal: Principal, path: AlertPath, body: CloseForm, context: RequestContext
    ) -> Html | Redirect:
        close_it = parts.alerts.close_all if body.whole else parts.alerts.close
        work = close_it(principal, path.alert_id, body.note.strip())
        return await act(work, to=local_path(body.back), done="alert-close", language=context.language)

    return [take, close]


def _filter(query: AlertsQuery, principal: Principal, directory: Directory) -> AlertFilter:
    path = None
    if query.department is not None:
        path = directory.path_of(query.department) or "/unknown/"
    return AlertFilter(
        states=_STATES[query.state],
        severity=query.severity,
        employee_id=query.employee,
        department_path=path,
        taken_by=principal.employee_id if query.state is AlertPile.MINE else None,
        thread_id=query.thread,
        digest_id=query.digest,
        gathered=query.state is AlertPile.WAITING,
    )


def _shown(
    line: AlertLine,
    principal: Principal,
    directory: Directory,
    now: datetime,
    language: str,
    phones: Mapping[str, str],
) -> ShownAlert:
    alert = line.alert
    address = None
    if alert.conduct_id is not None and alert.conduct_id in phones:
        address = phones[alert.conduct_id]
    elif alert.inspection_id is not None:
        address = f"/inspections/{alert.inspection_id}#finding-{alert.finding_id}"
    elif alert.thread_id is not None:
        address = f"/threads/{alert.thread_id}"
    elif alert.device_id is not None:
        address = f"/phones/{alert.device_id}"
    elif alert.said_zh is not None and principal.allows(AUDIT_READ):
        address = f"/access-log?found={alert.conduct_id}"
    return ShownAlert(
        line,
        directory.department(alert.department_id),
        age(int((now - alert.created_at).total_seconds()), language),
        address,
    )


def age(seconds: int, language: str) -> str:
    """Say how long ago, in the two largest units that a person would say."""
    minutes = max(0, seconds) // 60
    hours, minutes_left = divmod(minutes, 60)
    days, hours_left = divmod(hours, 24)
    if days:
        return translate(language, "age.days", days=days, hours=hours_left)
    if hours:
        return translate(language, "age.hours", hours=hours, minutes=minutes_left)
    return translate(language, "age.minutes", minutes=minutes) if minutes else translate(language, "age.now")
