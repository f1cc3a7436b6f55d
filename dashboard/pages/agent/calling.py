"""One click to call: the own phone rings, then the customer's; how far it is stands on the page."""

from dataclasses import dataclass

from pydantic import Field

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import IdStr
from dashboard.forms import FormModel, act
from dashboard.pages.preferences import Seen, local_path
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from gateway.calls.errors import CallNotFound
from gateway.calls.models import CallRow
from gateway.calls.permissions import CALL_HANGUP, CALL_PLACE, CALL_READ
from gateway.calls.queries import CallFilter, CallState, CallView

STAGES = ("refused", "ended", "talking", "notice", "ringing", "dialling", "own-phone")


class CallPath(FormModel):
    call_id: IdStr


class DialForm(FormModel):
    """A wish to call. `key` makes a double click one call."""

    binding_id: IdStr
    key: IdStr
    back: str = Field(default="/today", max_length=2000)


class HangupForm(FormModel):
    call_id: IdStr
    back: str = Field(default="/today", max_length=2000)


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call of one's own and where it is; one of `STAGES`."""

    view: CallView
    stage: str

    @property
    def over(self) -> bool:
        return self.stage in {"refused", "ended"}


def stage_of(row: CallRow, state: CallState) -> str:
    """Say where a callback is, as the one who placed it needs to know."""
    if state in {CallState.REFUSED, CallState.ENDED, CallState.TALKING, CallState.NOTICE}:
        return state.value
    if row.customer_ringing_at is not None:
        return "ringing"
    return "dialling" if row.staff_answered_at is not None else "own-phone"


async def live_call(parts: DashboardParts, principal: Principal, call_id: str | None) -> LiveCall | None:
    """Give a call of one's own: the one asked for, or one that is going on; None if there is none."""
    if not principal.allows(CALL_READ):
        return None
    if call_id is None:
        wanted = CallFilter(employee_id=principal.employee_id, live=True)
        found, _ = await parts.calls.find(principal, wanted, limit=1)
        view = found[0] if found else None
    else:
        try:
            view = await parts.calls.get(principal, call_id)
        except CallNotFound:
            view = None
    return LiveCall(view, stage_of(view.row, view.state)) if view is not None else None


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give what the buttons do."""

    @endpoint(
        "POST",
        "/today/call",
        permission=CALL_PLACE,
        summary_zh="一键外呼",
        summary_en="Call with one click",
        kind="page",
    )
    async def dial(*, principal: Principal, body: DialForm, context: RequestContext) -> Html | Redirect:
        return await act(
            parts.desk.place(principal, body.binding_id, body.key),
            to=local_path(body.back),
            done=None,
            language=context.language,
            more=lambda placed: {"call": placed.call_id},
        )

    @endpoint(
        "POST",
        "/today/hangup",
        permission=CALL_HANGUP,
        summary_zh="挂断本人的通话",
        summary_en="Hang up one's own call",
        kind="page",
    )
    async def hangup(*, principal: Principal, body: HangupForm, context: RequestContext) -> Html | Redirect:
        return await act(
            parts.desk.hangup(principal, body.call_id),
            to=local_path(body.back),
            done="agent-hung-up",
            language=context.language,
            more=lambda _: {"call": body.call_id},
        )

    @endpoint(
        "GET",
        "/today/call/{call_id}",
        permission=CALL_READ,
        summary_zh="外呼进展（页面局部）",
        summary_en="How far a call is (part of a page)",
        kind="page",
    )
    async def progress(
        *, principal: Principal, path: CallPath, context: RequestContext, headers: Seen
    ) -> Html:
        live = await live_call(parts, principal, path.call_id)
        if live is None:
            raise CallNotFound
        return Html(
            renderer.page(
                "agent/_live.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                live=live,
                back="/today",
            )
        )

    return [dial, hangup, progress]
