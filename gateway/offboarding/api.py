"""Unbinding and rebinding over HTTP."""

from collections.abc import AsyncIterator

from core.access.errors import EmployeeUnknown, LastAdministrator, SelfChange
from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page
from core.web.replies import StreamReply
from gateway import permissions
from gateway.offboarding import errors
from gateway.offboarding.build import Offboardings
from gateway.offboarding.reading import OffboardingFilter
from gateway.offboarding.rebinding import RebindingService, RebindRequest
from gateway.offboarding.schemas import (
    CodeOut,
    OffboardingListQuery,
    OffboardingOut,
    OffboardingPath,
    PreviewOut,
    PreviewWish,
    RebindingPath,
    RebindWish,
    RedeemWish,
    TakenOut,
    UnbindWish,
    UndoneOut,
    code_out,
    offboarding_out,
    preview_out,
    taken_out,
    undone_out,
)

_TAGS = ("offboarding",)
_REFUSALS = (
    EmployeeUnknown,
    SelfChange,
    errors.RankTooHigh,
    errors.SuccessorInvalid,
    errors.SuccessorRequired,
    errors.SuccessorFull,
    errors.AlreadyUnbound,
)


def endpoints(parts: Offboardings) -> list[Endpoint]:
    """Give the endpoints of unbinding and rebinding."""
    return [*_acts(parts), *_afterwards(parts), *_views(parts), *_rebinding(parts.rebinding)]


def _acts(parts: Offboardings) -> list[Endpoint]:
    service = parts.service

    @endpoint(
        "POST",
        "/offboardings/preview",
        permission=permissions.OFFBOARDING_ACT,
        status=201,
        summary_zh="预览一键解绑",
        summary_en="Preview an unbinding",
        errors=_REFUSALS,
        tags=_TAGS,
    )
    async def preview(*, principal: Principal, body: PreviewWish) -> PreviewOut:
        """Counts and names what would happen; nothing is done."""
        shown = await service.preview(principal, body.employee_id, body.successor_id, wipe=body.wipe)
        return preview_out(shown)

    @endpoint(
        "POST",
        "/offboardings",
        permission=permissions.OFFBOARDING_ACT,
        status=201,
        step_up=True,
        summary_zh="一键解绑",
        summary_en="Unbind an employee",
        errors=(errors.PreviewUnknown, errors.PreviewStale, LastAdministrator, *_REFUSALS),
        tags=_TAGS,
    )
    async def unbind(*, principal: Principal, body: UnbindWish) -> OffboardingOut:
        """Does what the preview showed, all or nothing. Refused calls begin with this answer."""
        return offboarding_out(await service.unbind(principal, body.preview_id, body.digest))

    @endpoint(
        "POST",
        "/offboardings/{offboarding_id}/undo",
        permission=permissions.OFFBOARDING_UNDO,
        step_up=True,
        summary_zh="撤销解绑",
        summary_en="Undo an unbinding",
        errors=(errors.OffboardingUnknown, errors.UndoTooLate, SelfChange),
        tags=_TAGS,
    )
    async def undo(*, principal: Principal, path: OffboardingPath) -> UndoneOut:
        return undone_out(await service.undo(principal, path.offboarding_id))

    return [preview, unbind, undo]


def _afterwards(parts: Offboardings) -> list[Endpoint]:
    service = parts.service

    @endpoint(
        "POST",
        "/offboardings/{offboarding_id}/retry",
        permission=permissions.OFFBOARDING_ACT,
        summary_zh="立即重试未完成的步骤",
        summary_en="Try the open steps now",
        errors=(errors.OffboardingUnknown,),
        tags=_TAGS,
    )
    async def retry(*, principal: Principal, path: OffboardingPath) -> OffboardingOut:
        return offboarding_out(await service.retry(principal, path.offboarding_id))

    @endpoint(
        "POST",
        "/offboardings/{offboarding_id}/lift-hold",
        permission=permissions.OFFBOARDING_UNDO,
        step_up=True,
        summary_zh="解除取证保留",
        summary_en="Lift the hold of evidence",
        errors=(errors.OffboardingUnknown, errors.HoldAbsent),
        tags=_TAGS,
    )
    async def lift(*, principal: Principal, path: OffboardingPath) -> OffboardingOut:
        return offboarding_out(await service.lift_hold(principal, path.offboarding_id))

    return [retry, lift]


def _views(parts: Offboardings) -> list[Endpoint]:
    reader, bundles = parts.service.reader, parts.bundles

    @endpoint(
        "GET",
        "/offboardings",
        permission=permissions.OFFBOARDING_READ,
        summary_zh="解绑记录",
        summary_en="List unbindings",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: OffboardingListQuery) -> Page[OffboardingOut]:
        wanted = OffboardingFilter(query.employee_id, query.open_only)
        views, following = await reader.page(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[offboarding_out(view) for view in views], next_cursor=following)

    @endpoint(
        "GET",
        "/offboardings/{offboarding_id}",
        permission=permissions.OFFBOARDING_READ,
        summary_zh="一次解绑：每一步的状态",
        summary_en="One unbinding with the state of each step",
        errors=(errors.OffboardingUnknown,),
        tags=_TAGS,
    )
    async def get(*, principal: Principal, path: OffboardingPath) -> OffboardingOut:
        return offboarding_out(await reader.get(principal, path.offboarding_id))

    @endpoint(
        "GET",
        "/offboardings/{offboarding_id}/bundle",
        permission=permissions.OFFBOARDING_READ,
        summary_zh="审计包：计划、账本条目与证明",
        summary_en="The audit bundle: plan, ledger entries, proofs",
        produces="application/zip",
        errors=(errors.OffboardingUnknown,),
        tags=_TAGS,
    )
    async def bundle(*, principal: Principal, path: OffboardingPath) -> StreamReply:
        """Checked offline with the verifier. Who took it is in the ledger."""
        content = await bundles.make(principal, path.offboarding_id)
        return StreamReply(_once(content), "application/zip", f"offboarding-{path.offboarding_id}.zip")

    return [listing, get, bundle]


def _rebinding(service: RebindingService) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/rebindings",
        permission=permissions.REBINDING_WRITE,
        status=201,
        step_up=True,
        summary_zh="生成换绑码",
        summary_en="Make a rebinding code",
        errors=(EmployeeUnknown, errors.RebindingInvalid, errors.SuccessorInvalid, errors.PhoneUnknown),
        tags=_TAGS,
    )
    async def create(*, principal: Principal, body: RebindWish) -> CodeOut:
        """The code works once, for the named employee only, and is shown once."""
        request = RebindRequest(body.employee_id, body.device_id, body.line_id, body.holder_id)
        return code_out(await service.create(principal, request))

    @endpoint(
        "POST",
        "/rebindings/redeem",
        permission=permissions.REBINDING_REDEEM,
        summary_zh="扫码换绑",
        summary_en="Take over with a code",
        errors=(errors.CodeRefused, errors.PhoneUnknown, errors.SuccessorFull),
        tags=_TAGS,
    )
    async def redeem(*, principal: Principal, body: RedeemWish) -> TakenOut:
        return taken_out(await service.redeem(principal, body.code.get_secret_value()))

    @endpoint(
        "DELETE",
        "/rebindings/{rebinding_id}",
        permission=permissions.REBINDING_WRITE,
        summary_zh="作废换绑码",
        summary_en="Revoke a rebinding code",
        errors=(errors.RebindingUnknown,),
        tags=_TAGS,
    )
    async def revoke(*, principal: Principal, path: RebindingPath) -> None:
        await service.revoke(principal, path.rebinding_id)

    return [create, redeem, revoke]


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
