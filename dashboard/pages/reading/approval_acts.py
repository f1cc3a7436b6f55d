"""What the forms of requests do: ask for an export, decide, withdraw, take the file."""

from typing import Annotated, Literal

from pydantic import Field

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect, StreamReply
from core.web.schema import ApiModel, IdStr
from dashboard.forms import FormModel, act
from dashboard.pages.kit import Kit
from dashboard.pages.reading.approvals import PATH, RequestPath
from gateway import permissions
from gateway.customers.approvals.api import reply_of
from gateway.customers.approvals.errors import FileGone, OwnRequest, RequestNotWaiting, RequestUnknown
from gateway.customers.approvals.model import ExportWish, SheetFormat

Words = Annotated[str, Field(max_length=1000, repr=False)]


class ExportForm(FormModel):
    """Which customers, as what, and why."""

    sheet: SheetFormat = SheetFormat.XLSX
    tag: Annotated[str, Field(max_length=100)] | None = None
    owner: IdStr | None = None
    reason: Words = ""


class DecisionForm(FormModel):
    """The button that was pressed, and what to say with it."""

    act: Literal["approve", "reject"]
    note: Words = ""


class EmptyForm(ApiModel):
    """A form with a button alone."""


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give what the forms do."""
    return [_export(kit), *_decisions(kit), _file(kit)]


def _export(kit: Kit) -> Endpoint:
    @endpoint(
        "POST",
        PATH + "/export",
        permission=permissions.CUSTOMER_EXPORT,
        step_up=True,
        timeout_s=120,
        summary_zh="申请导出客户清单（页面）",
        summary_en="Ask for an export of customers (page)",
        kind="page",
    )
    async def export(*, principal: Principal, body: ExportForm, context: RequestContext) -> Html | Redirect:
        wish = ExportWish(body.sheet, body.tag, body.owner)
        asking = kit.parts.approvals.desk.export(principal, wish, body.reason)
        alone = not kit.parts.approvals.settings.export
        done = "approvals-done-alone" if alone else "approvals-asked"
        return await act(asking, to=PATH, done=done, language=context.language)

    return export


def _decisions(kit: Kit) -> list[Endpoint]:
    decider = kit.parts.approvals.decider

    @endpoint(
        "POST",
        PATH + "/{request_id}/decision",
        permission=permissions.CUSTOMER_APPROVE,
        step_up=True,
        timeout_s=120,
        summary_zh="批准或驳回申请（页面）",
        summary_en="Approve or reject a request (page)",
        errors=(RequestUnknown, OwnRequest, RequestNotWaiting),
        kind="page",
    )
    async def decide(
        *, principal: Principal, path: RequestPath, body: DecisionForm, context: RequestContext
    ) -> Html | Redirect:
        if body.act == "approve":
            deciding = decider.approve(principal, path.request_id, body.note)
        else:
            deciding = decider.reject(principal, path.request_id, body.note)
        done = "approvals-approved" if body.act == "approve" else "approvals-rejected"
        return await act(deciding, to=PATH, done=done, language=context.language)

    @endpoint(
        "POST",
        PATH + "/{request_id}/withdraw",
        permission=permissions.CUSTOMER_WRITE,
        summary_zh="撤回自己的申请（页面）",
        summary_en="Withdraw a request of one's own (page)",
        errors=(RequestUnknown, RequestNotWaiting),
        kind="page",
    )
    async def withdraw(
        *, principal: Principal, path: RequestPath, body: EmptyForm, context: RequestContext
    ) -> Html | Redirect:
        del body
        withdrawing = decider.withdraw(principal, path.request_id)
        return await act(withdrawing, to=PATH, done="approvals-withdrawn", language=context.language)

    return [decide, withdraw]


def _file(kit: Kit) -> Endpoint:
    @endpoint(
        "POST",
        PATH + "/{request_id}/file",
        permission=permissions.CUSTOMER_EXPORT,
        step_up=True,
        produces="application/octet-stream",
        summary_zh="下载客户清单（页面，一次）",
        summary_en="Download a list of customers (page, once)",
        errors=(RequestUnknown, FileGone),
        kind="page",
    )
    async def take(*, principal: Principal, path: RequestPath, body: EmptyForm) -> StreamReply:
        del body
        return reply_of(await kit.parts.approvals.exports.take(principal, path.request_id))

    return take
