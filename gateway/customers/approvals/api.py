"""Maker and checker over HTTP: ask, see, decide, withdraw, take the file."""

from collections.abc import AsyncIterator

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import CursorInvalid, Page
from core.web.replies import StreamReply
from gateway import permissions
from gateway.customers.approvals.build import Approvals
from gateway.customers.approvals.errors import (
    ExportEmpty,
    ExportTooLarge,
    FileGone,
    NothingChanged,
    OwnRequest,
    ReasonInvalid,
    RequestExpired,
    RequestNotWaiting,
    RequestPending,
    RequestStale,
    RequestUnknown,
)
from gateway.customers.approvals.exporting import TakenFile
from gateway.customers.approvals.reading import RequestFilter
from gateway.customers.approvals.schemas import (
    ChangeAsk,
    ErasureAsk,
    ExportAsk,
    RequestDecision,
    RequestOut,
    RequestPath,
    RequestQuery,
)
from gateway.customers.errors import CustomerExists, CustomerInvalid, CustomerUnknown, ExternalIdTaken
from gateway.customers.model import CustomerChange
from gateway.customers.schemas import CustomerPath
from gateway.offboarding.errors import HeldForEvidence

_TAGS = ("customer requests",)
_CHANGE = (CustomerInvalid, CustomerExists, ExternalIdTaken)


def endpoints(approvals: Approvals) -> list[Endpoint]:
    """Give the endpoints."""
    return [*_asking(approvals), *_reading(approvals), *_deciding(approvals)]


def _asking(approvals: Approvals) -> list[Endpoint]:
    desk, reader = approvals.desk, approvals.reader

    @endpoint(
        "POST",
        "/customers/{id}/change-requests",
        permission=permissions.CUSTOMER_WRITE,
        status=201,
        summary_zh="申请变更客户身份资料",
        summary_en="Ask for a change of who a customer is",
        errors=(CustomerUnknown, *_CHANGE, NothingChanged, ReasonInvalid, RequestPending),
        tags=_TAGS,
    )
    async def change(*, principal: Principal, path: CustomerPath, body: ChangeAsk) -> RequestOut:
        wanted = CustomerChange(
            phone=body.phone, name=body.name, id_number=body.id_number, external_id=body.external_id
        )
        request_id = await desk.change(principal, path.id, wanted, body.reason)
        return RequestOut.of(await reader.get(principal, request_id))

    @endpoint(
        "POST",
        "/customers/{id}/erasure-requests",
        permission=permissions.CUSTOMER_ERASE,
        status=201,
        step_up=True,
        summary_zh="申请永久删除客户数据",
        summary_en="Ask for the erasure of a customer",
        errors=(CustomerUnknown, HeldForEvidence, ReasonInvalid, RequestPending),
        tags=_TAGS,
    )
    async def erasure(*, principal: Principal, path: CustomerPath, body: ErasureAsk) -> RequestOut:
        request_id = await desk.erasure(principal, path.id, body.ground, body.reason)
        return RequestOut.of(await reader.get(principal, request_id))

    @endpoint(
        "POST",
        "/customer-exports",
        permission=permissions.CUSTOMER_EXPORT,
        status=201,
        step_up=True,
        timeout_s=120,
        summary_zh="申请导出客户清单（脱敏）",
        summary_en="Ask for an export of customers (masked)",
        errors=(CustomerInvalid, ExportEmpty, ExportTooLarge, ReasonInvalid, RequestPending),
        tags=_TAGS,
    )
    async def export(*, principal: Principal, body: ExportAsk) -> RequestOut:
        request_id = await desk.export(principal, body.wish(), body.reason)
        return RequestOut.of(await reader.get(principal, request_id))

    return [change, erasure, export]


def _reading(approvals: Approvals) -> list[Endpoint]:
    reader = approvals.reader

    @endpoint(
        "GET",
        "/customer-requests",
        permission=permissions.CUSTOMER_REQUEST_READ,
        summary_zh="客户资料申请列表",
        summary_en="List requests on customers",
        errors=(CursorInvalid,),
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: RequestQuery) -> Page[RequestOut]:
        wanted = RequestFilter(query.decidable, query.mine, query.state, query.kind, query.customer_id)
        found, following = await reader.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[RequestOut.of(view) for view in found], next_cursor=following)

    @endpoint(
        "GET",
        "/customer-requests/{request_id}",
        permission=permissions.CUSTOMER_REQUEST_READ,
        summary_zh="查看一项客户资料申请",
        summary_en="See a request on a customer",
        errors=(RequestUnknown,),
        tags=_TAGS,
    )
    async def get(*, principal: Principal, path: RequestPath) -> RequestOut:
        return RequestOut.of(await reader.get(principal, path.request_id))

    return [listing, get]


def _deciding(approvals: Approvals) -> list[Endpoint]:
    decider, reader = approvals.decider, approvals.reader

    @endpoint(
        "POST",
        "/customer-requests/{request_id}/decision",
        permission=permissions.CUSTOMER_APPROVE,
        step_up=True,
        timeout_s=120,
        summary_zh="批准或驳回客户资料申请",
        summary_en="Approve or reject a request on a customer",
        errors=(
            RequestUnknown,
            OwnRequest,
            RequestNotWaiting,
            RequestExpired,
            RequestStale,
            ReasonInvalid,
            HeldForEvidence,
            ExportEmpty,
            ExportTooLarge,
            *_CHANGE,
        ),
        tags=_TAGS,
    )
    async def decide(*, principal: Principal, path: RequestPath, body: RequestDecision) -> RequestOut:
        if body.approve:
            await decider.approve(principal, path.request_id, body.note)
        else:
            await decider.reject(principal, path.request_id, body.note)
        return RequestOut.of(await reader.get(principal, path.request_id))

    @endpoint(
        "POST",
        "/customer-requests/{request_id}/withdraw",
        permission=permissions.CUSTOMER_WRITE,
        summary_zh="撤回自己的申请",
        summary_en="Withdraw a request of one's own",
        errors=(RequestUnknown, RequestNotWaiting),
        tags=_TAGS,
    )
    async def withdraw(*, principal: Principal, path: RequestPath) -> RequestOut:
        await decider.withdraw(principal, path.request_id)
        return RequestOut.of(await reader.get(principal, path.request_id))

    @endpoint(
        "POST",
        "/customer-requests/{request_id}/file",
        permission=permissions.CUSTOMER_EXPORT,
        step_up=True,
        produces="application/octet-stream",
        summary_zh="下载已批准的客户清单（仅申请人，一次）",
        summary_en="Download an approved list of customers (who asked, once)",
        errors=(RequestUnknown, FileGone),
        tags=_TAGS,
    )
    async def take(*, principal: Principal, path: RequestPath) -> StreamReply:
        return reply_of(await approvals.exports.take(principal, path.request_id))

    return [decide, withdraw, take]


def reply_of(file: TakenFile) -> StreamReply:
    """Send a file as a download that nobody keeps."""
    return StreamReply(_once(file.content), file.media_type, file.name, {"Cache-Control": "no-store"})


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
