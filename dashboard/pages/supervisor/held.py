"""Held messages: what was written, why it waits, and the decision, with its consequences before the click."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.forms import DoneQuery, act, failure
from dashboard.live.feed import LiveFeed
from dashboard.marked import Cut, cuts
from dashboard.pages.preferences import Seen
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from gateway.messages.errors import MessageUnknown, NotHeld, OwnMessage
from gateway.messages.permissions import MESSAGE_REVIEW
from gateway.messages.queries import MessageView, ThreadView

SHOWN = 50
ERRORS = (MessageUnknown, NotHeld, OwnMessage)
Comment = Annotated[str, Field(max_length=300)]


class HeldQuery(DoneQuery):
    """The address: which message is chosen, and what is about to be done with it."""

    message: IdStr | None = None
    act: Literal["release", "reject"] | None = None


class MessagePath(ApiModel):
    message_id: IdStr


class ReleaseForm(ApiModel):
    comment: Comment = ""


class RejectForm(ApiModel):
    """Who is told no is told why."""

    comment: Annotated[str, Field(min_length=1, max_length=300, pattern=r"\S")]


@dataclass(frozen=True, slots=True)
class Held:
    """A message that waits. `thread` names the people; None where the reader may not see it."""

    message: MessageView
    thread: ThreadView | None
    department: str
    own: bool
    waited_ms: float
    pieces: tuple[Cut, ...]


def endpoints(renderer: Renderer, parts: DashboardParts, feed: LiveFeed) -> list[Endpoint]:
    """Give the pages."""
    return [_queue(renderer, parts, feed), *_decisions(parts)]


def _queue(renderer: Renderer, parts: DashboardParts, feed: LiveFeed) -> Endpoint:
    @endpoint(
        "GET",
        "/held",
        permission=MESSAGE_REVIEW,
        summary_zh="待审消息页",
        summary_en="Page of held messages",
        kind="page",
    )
    async def show(*, principal: Principal, query: HeldQuery, context: RequestContext, headers: Seen) -> Html:
        picture = await feed.picture(principal)
        now = parts.clock.now()
        return Html(
            renderer.page(
                "supervisor/held.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                now=now,
                picture=picture,
                items=await _held(parts, principal, now),
                query=query,
                done=query.done,
                told=failure(query.failed, context.language),
            )
        )

    return show


def _decisions(parts: DashboardParts) -> list[Endpoint]:
    review = parts.messages.review

    @endpoint(
        "POST",
        "/held/{message_id}/release",
        permission=MESSAGE_REVIEW,
        summary_zh="放行待审消息",
        summary_en="Release a held message",
        errors=ERRORS,
        kind="page",
    )
    async def release(
        *, principal: Principal, path: MessagePath, body: ReleaseForm, context: RequestContext
    ) -> Html | Redirect:
        releasing = review.release(principal, path.message_id, body.comment)
        return await act(releasing, to="/held", done="held.released", language=context.language)

    @endpoint(
        "POST",
        "/held/{message_id}/reject",
        permission=MESSAGE_REVIEW,
        summary_zh="驳回待审消息",
        summary_en="Reject a held message",
        errors=ERRORS,
        kind="page",
    )
    async def reject(
        *, principal: Principal, path: MessagePath, body: RejectForm, context: RequestContext
    ) -> Html | Redirect:
        rejecting = review.reject(principal, path.message_id, body.comment)
        return await act(rejecting, to="/held", done="held.rejected", language=context.language)

    return [release, reject]


async def _held(parts: DashboardParts, principal: Principal, now: datetime) -> tuple[Held, ...]:
    """Give the queue, the one that waits longest first."""
    queries = parts.messages.queries
    messages, _ = await queries.held(principal, limit=SHOWN, newest_first=False)
    threads = await queries.threads_by_id(principal, {message.row.thread_id for message in messages})
    directory = await parts.people.departments(principal)
    return tuple(
        Held(
            message=message,
            thread=threads.get(message.row.thread_id),
            department=directory.department(message.row.department_id),
            own=message.row.author_id == principal.employee_id,
            waited_ms=max(0.0, (now - message.row.created_at).total_seconds() * 1000),
            pieces=cuts(message.text, _spans(message)),
        )
        for message in messages
    )


def _spans(message: MessageView) -> list[tuple[int, int]]:
    """Give where the findings stand, if what is shown is what was written: masking moves the words."""
    if message.row.sent_body is not None:
        return []
    return [(finding["begin"], finding["end"]) for finding in message.row.findings]
