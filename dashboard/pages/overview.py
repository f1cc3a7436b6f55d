"""The first page: what happened today, and what must be looked at."""

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from dashboard.pages.preferences import Seen
from dashboard.render import Renderer
from gateway.calls.permissions import CALL_READ


def endpoints(renderer: Renderer) -> list[Endpoint]:
    """Give the page."""

    @endpoint("GET", "/", permission=CALL_READ, summary_zh="概览", summary_en="Overview", kind="page")
    async def show(*, principal: Principal, context: RequestContext, headers: Seen) -> Html:
        text = renderer.page("overview.html", context=context, principal=principal, theme=headers.theme)
        return Html(text)

    return [show]
