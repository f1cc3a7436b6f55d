"""One inspection: a call opens on its own page; a day of messages is shown and reviewed here."""

from urllib.parse import urlencode

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.findings import worst_first
from dashboard.pages.preferences import Seen
from dashboard.pages.reviewer.desk import InspectionQuery, reviewing
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from dashboard.transcript import turns
from gateway.calls.permissions import CALL_READ
from gateway.calls.queries import CallFilter
from qa.inspection.model import State
from qa.inspection.views import InspectionSummary
from qa.permissions import INSPECTION_READ


class InspectionPath(ApiModel):
    inspection_id: IdStr


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/inspections/{inspection_id}",
        permission=INSPECTION_READ,
        summary_zh="质检详情页",
        summary_en="Page of one inspection",
        kind="page",
    )
    async def show(
        *,
        principal: Principal,
        path: InspectionPath,
        query: InspectionQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html | Redirect:
        detail = await parts.inspections.get(principal, path.inspection_id)
        call_id = await _call(parts, principal, detail.summary)
        if call_id is not None:
            told = query.model_dump(exclude_none=True)
            return Redirect(f"/calls/{call_id}?{urlencode(told)}" if told else f"/calls/{call_id}")
        directory = await parts.people.directory(principal)
        desk = await reviewing(parts, principal, query, detail, path=context.path, language=context.language)
        summary = detail.summary
        return Html(
            renderer.page(
                "inspection.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=desk.here,
                summary=summary,
                employee=next(
                    (
                        person.display_name
                        for person in directory.employees
                        if person.id == summary.employee_id
                    ),
                    "",
                ),
                department=directory.department(summary.department_id),
                inspection=detail,
                inspection_state=summary.nothing or summary.state
                if summary.state == State.DONE
                else summary.state,
                findings=worst_first(detail),
                turns=turns(detail.transcript, detail.findings) if detail.transcript is not None else None,
                recording="none",
                desk=desk,
            )
        )

    return [show]


async def _call(parts: DashboardParts, principal: Principal, summary: InspectionSummary) -> str | None:
    if summary.contact_id is None or not principal.allows(CALL_READ):
        return None
    found, _ = await parts.calls.find(principal, CallFilter(contacts=[summary.contact_id]), limit=1)
    return found[0].row.id if found else None
