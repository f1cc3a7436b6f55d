"""The system: what runs, what waits, what is signed, how much room is left, and what to do about it."""

from core.access.model import Principal
from core.ledger import JSON
from core.outbox import revive
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.system import RETRY, STATUS_DETAIL
from dashboard.asked import Asked
from dashboard.health import health
from dashboard.pages.kit import DeskQuery, Kit
from dashboard.pages.preferences import Seen


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/system",
        permission=STATUS_DETAIL,
        summary_zh="系统状态页",
        summary_en="Page of the system's state",
        kind="page",
    )
    async def show(*, principal: Principal, query: DeskQuery, context: RequestContext, headers: Seen) -> Html:
        asked = Asked(principal, context, headers)
        return kit.show(
            "system.html",
            asked,
            back="/system",
            query=query,
            health=await health(kit.parts),
            may_retry=principal.allows(RETRY),
        )

    @endpoint(
        "POST",
        "/system/retry",
        permission=RETRY,
        summary_zh="重新投递已放弃的任务",
        summary_en="Hand out again what was given up",
        kind="page",
    )
    async def retry(*, principal: Principal) -> Redirect:
        parts = kit.parts
        async with parts.database.begin() as session:
            count = await revive(session, parts.clock.now())
            body: dict[str, JSON] = {"count": count, "by": principal.employee_id}
            await parts.ledger.append(session, "outbox.revived", body)
        return Redirect("/system?done=outbox-revived")

    return [show, retry]
