"""Threads: what customers wrote, the one in which something happened last first."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from core.access.model import Principal, Scope
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from dashboard.forms import DoneQuery, address, failure
from dashboard.pages.preferences import Seen
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from gateway.contact.model import Purpose
from gateway.messages.permissions import MESSAGE_READ
from gateway.messages.queries import MessageView, ThreadFilter, ThreadView

LIMIT = 30


class ThreadsQuery(DoneQuery):
    """The address of the list."""

    unread: Literal["yes"] | None = None
    purpose: Purpose | None = None
    cursor: Annotated[str, Field(max_length=512)] | None = None


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """A thread and its last message."""

    thread: ThreadView
    last: MessageView | None


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/threads",
        permission=MESSAGE_READ,
        summary_zh="会话列表页",
        summary_en="Page of threads",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: ThreadsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        queries = parts.messages.queries
        wanted = ThreadFilter(purpose=query.purpose, unread=True if query.unread else None)
        views, following = await queries.recent(principal, wanted, cursor=query.cursor, limit=LIMIT)
        last = await queries.latest(principal, [view.row.id for view in views])
        return Html(
            renderer.page(
                "agent/threads.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=address("/threads", unread=query.unread, purpose=query.purpose),
                query=query,
                told=failure(query.failed, context.language),
                lines=[ThreadLine(view, last.get(view.row.id)) for view in views],
                purposes=tuple(Purpose),
                shows_employee=principal.scope(MESSAGE_READ) is not Scope.OWN,
                filtered=bool(query.unread or query.purpose),
                next_address=address("/threads", unread=query.unread, purpose=query.purpose, cursor=following)
                if following
                else None,
            )
        )

    return [show]
