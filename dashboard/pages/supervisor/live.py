"""The live page: who is on a call now, what was refused, what alarms; and the end of a call."""

from dataclasses import dataclass
from datetime import datetime

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.forms import DoneQuery, act, failure
from dashboard.live.feed import LiveFeed
from dashboard.live.pulse import REFUSED_FOR, Part, Picture
from dashboard.pages.preferences import Seen
from dashboard.parts import DashboardParts
from dashboard.people import Directory
from dashboard.render import Renderer
from gateway.calls.errors import CallNotFound, CallOver, CallsUnavailable
from gateway.calls.permissions import CALL_HANGUP, CALL_READ
from gateway.calls.queries import CallFilter, CallState, CallView
from gateway.contact.model import Decision
from gateway.contact.models import ContactRow
from gateway.contact.queries import ContactFilter
from gateway.messages.queries import ThreadView
from qa.inspection.model import AlertState
from qa.inspection.views import AlertView
from qa.lexicon.model import Severity

CALLS_SHOWN = 200
ALERTS_SHOWN = 12
REFUSED_SHOWN = 12


class CallPath(ApiModel):
    call_id: IdStr


class EndForm(ApiModel):
    """Nothing is asked: the address says which call."""


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call that goes on. `since` is when its present talk began, else when the call began."""

    view: CallView
    department: str
    since: datetime
    elapsed_ms: float


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused contact with what it was to be: a call or a message of a thread; both None if unseen."""

    row: ContactRow
    call: CallView | None
    thread: ThreadView | None

    @property
    def who(self) -> CallView | ThreadView | None:
        return self.call or self.thread


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert, the name of whom it is about, and its place; `address` is None if the reader has none."""

    alert: AlertView
    employee_name: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Board:
    """All that the page shows. `picture` was read first: what is shown is never older than it says."""

    now: datetime
    picture: Picture
    calls: tuple[LiveCall, ...]
    refused: tuple[Refused, ...]
    alerts: tuple[ShownAlert, ...]


def endpoints(renderer: Renderer, parts: DashboardParts, feed: LiveFeed) -> list[Endpoint]:
    """Give the pages."""
    return [_board(renderer, parts, feed), *_ending(renderer, parts)]


def _board(renderer: Renderer, parts: DashboardParts, feed: LiveFeed) -> Endpoint:
    @endpoint("GET", "/live", permission=CALL_READ, summary_zh="实时页", summary_en="Live page", kind="page")
    async def show(*, principal: Principal, query: DoneQuery, context: RequestContext, headers: Seen) -> Html:
        picture = await feed.picture(principal)
        return Html(
            renderer.page(
                "supervisor/live.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                scope=principal.scope(CALL_READ),
                board=await _gather(parts, principal, picture),
                may_end=principal.allows(CALL_HANGUP),
                done=query.done,
                told=failure(query.failed, context.language),
            )
        )

    return show


def _ending(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/live/calls/{call_id}/end",
        permission=CALL_HANGUP,
        summary_zh="挂断确认页",
        summary_en="Page that asks before a call is ended",
        errors=(CallNotFound,),
        kind="page",
    )
    async def ask(
        *, principal: Principal, path: CallPath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        view = await parts.calls.get(principal, path.call_id, permission=CALL_HANGUP)
        if view.row.ended_at is not None:
            return Redirect(f"/live?failed={CallOver.code}")
        directory = await parts.people.departments(principal)
        return Html(
            renderer.page(
                "supervisor/end.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                call=_live_call(view, directory, parts.clock.now()),
                now=parts.clock.now(),
                own=view.row.employee_id == principal.employee_id,
            )
        )

    @endpoint(
        "POST",
        "/live/calls/{call_id}/end",
        permission=CALL_HANGUP,
        summary_zh="挂断通话",
        summary_en="End a call",
        errors=(CallNotFound, CallOver, CallsUnavailable),
        kind="page",
    )
    async def end(
        *, principal: Principal, path: CallPath, body: EndForm, context: RequestContext
    ) -> Html | Redirect:
        del body
        hanging_up = parts.desk.hangup(principal, path.call_id)
        return await act(hanging_up, to="/live", done="live.ended", language=context.language)

    return [ask, end]


async def _gather(parts: DashboardParts, principal: Principal, picture: Picture) -> Board:
    now = parts.clock.now()
    directory = await parts.people.departments(principal)
    going_on = CallFilter(live=True, decision=Decision.ALLOW)
    views, _ = await parts.calls.find(principal, going_on, limit=CALLS_SHOWN)
    return Board(
        now=now,
        picture=picture,
        calls=tuple(_live_call(view, directory, now) for view in reversed(views)),
        refused=await _refused(parts, principal, now) if Part.REFUSED in picture else (),
        alerts=await _alerts(parts, principal) if Part.ALERTS in picture else (),
    )


def _live_call(view: CallView, directory: Directory, now: datetime) -> LiveCall:
    row = view.row
    since = row.bridged_at if view.state is CallState.TALKING and row.bridged_at else row.started_at
    elapsed_ms = max(0.0, (now - since).total_seconds() * 1000)
    return LiveCall(view, directory.department(row.department_id), since, elapsed_ms)


async def _refused(parts: DashboardParts, principal: Principal, now: datetime) -> tuple[Refused, ...]:
    rows, _ = await parts.contacts.find(principal, ContactFilter(decision=Decision.DENY), limit=REFUSED_SHOWN)
    rows = [row for row in rows if row.requested_at >= now - REFUSED_FOR]
    contacts = [row.id for row in rows]
    views, _ = await parts.calls.find(principal, CallFilter(contacts=contacts), limit=REFUSED_SHOWN)
    calls = {view.row.contact_id: view for view in views}
    threads = await parts.messages.queries.threads_of_contacts(
        principal, [contact for contact in contacts if contact not in calls]
    )
    return tuple(Refused(row, calls.get(row.id), threads.get(row.id)) for row in rows)


async def _alerts(parts: DashboardParts, principal: Principal) -> tuple[ShownAlert, ...]:
    """Give the newest alerts that nobody has closed."""
    found: list[AlertView] = []
    for state in (AlertState.OPEN, AlertState.TAKEN):
        alerts, _ = await parts.inspections.alerts(principal, state=state, limit=ALERTS_SHOWN)
        found += alerts
    found.sort(key=lambda alert: (alert.created_at, Severity(alert.severity).rank), reverse=True)
    shown = found[:ALERTS_SHOWN]
    contacts = [alert.contact_id for alert in shown if alert.contact_id]
    views, _ = await parts.calls.find(principal, CallFilter(contacts=contacts), limit=ALERTS_SHOWN)
    calls = {view.row.contact_id: view for view in views}
    threads = await parts.messages.queries.threads_by_id(
        principal, {alert.thread_id for alert in shown if alert.thread_id}
    )
    return tuple(_shown(alert, calls, threads) for alert in shown)


def _shown(alert: AlertView, calls: dict[str, CallView], threads: dict[str, ThreadView]) -> ShownAlert:
    call, thread = calls.get(alert.contact_id or ""), threads.get(alert.thread_id or "")
    if call is not None:
        return ShownAlert(alert, call.employee_name, f"/calls/{call.row.id}#finding-{alert.finding_id}")
    if thread is not None:
        return ShownAlert(alert, thread.employee_name, f"/threads/{thread.row.id}")
    return ShownAlert(alert, "", None)
