"""Requests on customers: what waits for my decision and what would it change? What became of mine?"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import DoneQuery, address
from dashboard.pages.kit import Kit
from dashboard.pages.preferences import Seen
from gateway.customers.approvals.errors import RequestUnknown
from gateway.customers.approvals.model import RequestKind, RequestState, RequestView
from gateway.customers.approvals.reading import RequestFilter
from gateway.permissions import CUSTOMER_REQUEST_READ

PATH = "/approvals"
WAITING, MINE, PAST = 50, 10, 20


class ListQuery(DoneQuery):
    """The address: `cursor` pages what is over."""

    cursor: Annotated[str, Field(max_length=512)] | None = None


class RequestPath(ApiModel):
    request_id: IdStr


@dataclass(frozen=True, slots=True)
class Shelf:
    """The three lists of the page; `older` is the address of what came before."""

    waiting: tuple[RequestView, ...]
    mine: tuple[RequestView, ...]
    past: tuple[RequestView, ...]
    older: str | None


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the list and the page of one request."""
    reader = kit.parts.approvals.reader

    async def owner(principal: Principal, views: tuple[RequestView, ...]) -> dict[str, str]:
        """Name the owners that exports are limited to."""
        if not any(view.wish and view.wish.owner_id for view in views):
            return {}
        people = (await kit.parts.people.directory(principal)).employees
        return {person.id: person.display_name for person in people}

    async def shelf(principal: Principal, cursor: str | None) -> Shelf:
        waiting, _ = await reader.find(principal, RequestFilter(decidable=True), limit=WAITING)
        mine, _ = await reader.find(principal, RequestFilter(mine=True), limit=MINE)
        past, following = await reader.find(principal, RequestFilter(), cursor=cursor, limit=PAST)
        shown = {view.id for view in (*waiting, *mine)}
        return Shelf(
            waiting=tuple(reversed(waiting)),  # the one that waits longest first
            mine=tuple(mine),
            past=tuple(view for view in past if view.id not in shown),
            older=address(PATH, cursor=following) + "#past" if following else None,
        )

    @endpoint(
        "GET",
        PATH,
        permission=CUSTOMER_REQUEST_READ,
        summary_zh="审批页",
        summary_en="Page of requests on customers",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: ListQuery, context: RequestContext, headers: Seen
    ) -> Html:
        found = await shelf(principal, query.cursor)
        return kit.show(
            "requests.html",
            Asked(principal, context, headers),
            query=query,
            shelf=found,
            one=None,
            owner_of=await owner(principal, (*found.waiting, *found.mine)),
        )

    @endpoint(
        "GET",
        PATH + "/{request_id}",
        permission=CUSTOMER_REQUEST_READ,
        summary_zh="一项客户资料申请页",
        summary_en="Page of one request on a customer",
        errors=(RequestUnknown,),
        kind="page",
    )
    async def show(
        *, principal: Principal, path: RequestPath, query: DoneQuery, context: RequestContext, headers: Seen
    ) -> Html:
        view = await reader.get(principal, path.request_id)
        return kit.show(
            "requests.html",
            Asked(principal, context, headers),
            query=query,
            shelf=None,
            one=view,
            owner_of=await owner(principal, (view,)),
        )

    return [listing, show]


def waiting_for(views: list[RequestView]) -> dict[RequestKind, RequestView]:
    """Give what waits of a customer's requests, by kind: there is at most one of each."""
    return {view.kind: view for view in views if view.state is RequestState.WAITING}
