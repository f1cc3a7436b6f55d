"""Today: whom do I contact now, and may I?"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from core.access.model import Principal
from core.ids import new_id
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import IdStr
from dashboard.forms import DoneQuery, address, failure
from dashboard.pages.agent.calling import LiveCall, live_call
from dashboard.pages.agent.may import May, judge
from dashboard.pages.preferences import Seen
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from gateway.calls.permissions import CALL_PLACE
from gateway.contact.model import Purpose
from gateway.permissions import CUSTOMER_READ
from gateway.worklist.model import Turn, WorkItem

LIMIT = 10
BINDING_DAYS = (7, 30, 90)


class TodayQuery(DoneQuery):
    """The address of the list. `call` is the call that was just placed, `undo` what was just done."""

    cursor: Annotated[str, Field(max_length=512)] | None = None
    call: IdStr | None = None
    undo: IdStr | None = None
    customer: IdStr | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One customer and what may be done; `may` is None without a binding. `days` since the last contact.

    `key` makes a second click on the offer of a binding the same wish.
    """

    item: WorkItem
    may: May | None
    others: int
    days: int | None
    key: str


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the page."""

    @endpoint("GET", "/today", permission=CALL_PLACE, summary_zh="今日", summary_en="Today", kind="page")
    async def show(
        *, principal: Principal, query: TodayQuery, context: RequestContext, headers: Seen
    ) -> Html:
        now = parts.clock.now()
        lines: list[Line] = []
        following = counts = None
        if principal.allows(CUSTOMER_READ):
            items, following = await parts.worklist.page(principal, cursor=query.cursor, limit=LIMIT)
            lines = await _lines(parts, principal, items)
            counts = await parts.worklist.counts(principal)
        live: LiveCall | None = await live_call(parts, principal, query.call)
        return Html(
            renderer.page(
                "agent/today.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=address("/today", cursor=query.cursor),
                query=query,
                told=failure(query.failed, context.language),
                now=now,
                groups=[
                    (turn, members)
                    for turn in Turn
                    if (members := [line for line in lines if line.item.turn is turn])
                ],
                counts=counts,
                live=live,
                purposes=tuple(Purpose),
                binding_days=BINDING_DAYS,
                next_address=address("/today", cursor=following) if following else None,
            )
        )

    return [show]


async def _lines(parts: DashboardParts, principal: Principal, items: list[WorkItem]) -> list[Line]:
    today = parts.calendar.today(parts.clock.now())
    judged = await judge(parts, principal, [item.bindings[0] for item in items if item.bindings])
    by_customer = {may.binding.customer_id: may for may in judged}
    return [
        Line(
            item,
            by_customer.get(item.customer.id),
            max(0, len(item.bindings) - 1),
            (today - parts.calendar.today(item.last.at)).days if item.last else None,
            new_id(),
        )
        for item in items
    ]
