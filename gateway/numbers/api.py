"""Lines and bindings over HTTP."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page
from gateway import permissions
from gateway.customers.errors import CustomerUnknown, OwnerInvalid
from gateway.numbers import errors
from gateway.numbers.lines import LineService
from gateway.numbers.model import BindingFilter, BindRequest, LineDraft
from gateway.numbers.schemas import (
    BindingCreate,
    BindingListQuery,
    BindingOut,
    BindingPath,
    BindingRenew,
    LineCreate,
    LineList,
    LineOut,
    LinePath,
    LineStatusChange,
)
from gateway.numbers.service import BindingService


def endpoints(lines: LineService, bindings: BindingService) -> list[Endpoint]:
    """Give the endpoints of lines and bindings."""
    return [*_line_endpoints(lines), *_binding_endpoints(bindings)]


def _line_endpoints(service: LineService) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/lines",
        permission=permissions.LINE_READ,
        summary_zh="号线列表",
        summary_en="List lines",
        tags=("lines",),
    )
    async def listing(*, principal: Principal) -> LineList:
        return LineList(items=[LineOut.model_validate(view) for view in await service.list(principal)])

    @endpoint(
        "POST",
        "/lines",
        permission=permissions.LINE_WRITE,
        status=201,
        summary_zh="登记号线",
        summary_en="Register a line",
        errors=(errors.LineInvalid, errors.LineExists),
        tags=("lines",),
    )
    async def add(*, principal: Principal, body: LineCreate) -> LineOut:
        draft = LineDraft(body.number, body.city, body.owner_name, body.registration)
        return LineOut.model_validate(await service.add(principal, draft))

    @endpoint(
        "PATCH",
        "/lines/{id}",
        permission=permissions.LINE_WRITE,
        summary_zh="停用、恢复或注销号线",
        summary_en="Suspend, resume or retire a line",
        errors=(errors.LineUnknown, errors.LineInvalid, errors.LineInUse),
        tags=("lines",),
    )
    async def status(*, principal: Principal, path: LinePath, body: LineStatusChange) -> LineOut:
        return LineOut.model_validate(await service.set_status(principal, path.id, body.status))

    return [listing, add, status]


def _binding_endpoints(service: BindingService) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/bindings",
        permission=permissions.BINDING_READ,
        summary_zh="绑定列表",
        summary_en="List bindings",
        tags=("bindings",),
    )
    async def listing(*, principal: Principal, query: BindingListQuery) -> Page[BindingOut]:
        wanted = BindingFilter(query.employee_id, query.customer_id, query.live_only)
        page = await service.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        items = [BindingOut.model_validate(view) for view in page.items]
        return Page(items=items, next_cursor=page.next_cursor)

    @endpoint(
        "POST",
        "/bindings",
        permission=permissions.BINDING_WRITE,
        status=201,
        summary_zh="新建绑定",
        summary_en="Make a binding",
        errors=(
            errors.BindingInvalid,
            errors.BindingExists,
            errors.NoLineFree,
            errors.TooManyBindings,
            errors.IdempotencyMismatch,
            CustomerUnknown,
            OwnerInvalid,
        ),
        tags=("bindings",),
    )
    async def bind(*, principal: Principal, body: BindingCreate) -> BindingOut:
        request = BindRequest(
            employee_id=body.employee_id,
            customer_id=body.customer_id,
            purpose=body.purpose,
            expires_at=body.expires_at,
            line_id=body.line_id,
            city=body.city,
            city_match=body.city_match,
            stickiness=body.stickiness,
            direct_dial=body.direct_dial,
            idempotency_key=body.idempotency_key,
        )
        return BindingOut.model_validate(await service.bind(principal, request))

    @endpoint(
        "POST",
        "/bindings/{id}/renew",
        permission=permissions.BINDING_WRITE,
        summary_zh="绑定续期",
        summary_en="Renew a binding",
        errors=(errors.BindingUnknown, errors.BindingInvalid),
        tags=("bindings",),
    )
    async def renew(*, principal: Principal, path: BindingPath, body: BindingRenew) -> BindingOut:
        return BindingOut.model_validate(await service.renew(principal, path.id, body.expires_at))

    @endpoint(
        "DELETE",
        "/bindings/{id}",
        permission=permissions.BINDING_WRITE,
        summary_zh="解除绑定",
        summary_en="Release a binding",
        errors=(errors.BindingUnknown,),
        tags=("bindings",),
    )
    async def release(*, principal: Principal, path: BindingPath) -> None:
        await service.release(principal, path.id)

    return [listing, bind, renew, release]
