"""The list of messages: what was sent, refused or received, without the words; those stand in the thread."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import IdStr
from dashboard.call_filters import Slug
from dashboard.filters import PeriodQuery
from dashboard.pages.preferences import Seen
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from gateway.messages.listing import MessageFilter, MessageLine, MessageOutcome
from gateway.messages.machine import Cause
from gateway.messages.model import ChannelKind
from gateway.messages.permissions import MESSAGE_READ

LIMIT = 50
REFUSALS = (Cause.VERDICT, Cause.SCREENING, Cause.REJECTED)
CHOICES = {"outcome": tuple(MessageOutcome), "channel": tuple(ChannelKind), "cause": REFUSALS}


class MessagesQuery(PeriodQuery):
    """The address of the list: every filter has its name here. `until` is the last day that counts."""

    page_path: ClassVar[str] = "/messages"
    unsaid: ClassVar[Mapping[str, str]] = {}

    employee: IdStr | None = None
    department: IdStr | None = None
    outcome: MessageOutcome | None = None
    channel: ChannelKind | None = None
    cause: Literal[Cause.VERDICT, Cause.SCREENING, Cause.REJECTED] | None = None
    rule: Slug | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One row: the message, its department's name, what refused it in words."""

    message: MessageLine
    department: str
    refused_by: str | None


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/messages",
        permission=MESSAGE_READ,
        summary_zh="消息列表页",
        summary_en="Page of messages",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: MessagesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        directory = await parts.people.directory(principal)
        path = None
        if query.department is not None:
            path = directory.path_of(query.department) or "/unknown/"
        wanted = MessageFilter(
            employee_id=query.employee,
            department_path=path,
            channel=query.channel,
            outcome=query.outcome,
            cause=query.cause,
            rule_id=query.rule,
            since=parts.calendar.begin(query.since) if query.since else None,
            until=parts.calendar.end(query.until) if query.until else None,
        )
        found, following = await parts.message_listing.find(
            principal, wanted, cursor=query.cursor, limit=LIMIT
        )
        title = parts.verdicts.title
        return Html(
            renderer.page(
                "supervisor/messages.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=query.address(),
                query=query,
                given=query.given(),
                choices=CHOICES,
                directory=directory,
                rule_title=title(query.rule, context.language) if query.rule else None,
                lines=[
                    Line(
                        one,
                        directory.department(one.row.department_id),
                        title(one.row.rule_id, context.language) if one.row.rule_id else None,
                    )
                    for one in found
                ],
                next_address=query.address(cursor=following) if following else None,
            )
        )

    return [show]
