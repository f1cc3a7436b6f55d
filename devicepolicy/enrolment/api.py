"""Enrolment over HTTP, for administrators."""

import base64
from dataclasses import asdict

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceNotFound, DeviceStateWrong, HolderInvalid
from devicepolicy.enrolment.errors import TokenInvalid, TokenUnknown
from devicepolicy.enrolment.provisioning import qr_png, qr_svg
from devicepolicy.enrolment.schemas import (
    DevicePath,
    HolderChange,
    TokenCreate,
    TokenIssued,
    TokenListQuery,
    TokenOut,
    TokenPath,
)
from devicepolicy.enrolment.service import EnrolmentService
from devicepolicy.enrolment.tokens import EnrolmentTokens

_TAGS = ("phones",)
_CHANGES = (DeviceNotFound, DeviceStateWrong)


def endpoints(tokens: EnrolmentTokens, service: EnrolmentService) -> list[Endpoint]:
    """Give the endpoints by which phones are let in and out."""
    return [*_token_endpoints(tokens), *_trust_endpoints(service)]


def _token_endpoints(tokens: EnrolmentTokens) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/enrolment-tokens",
        permission=permissions.DEVICE_ENROL,
        status=201,
        summary_zh="发放登记令牌（含二维码）",
        summary_en="Issue an enrolment token with its QR code",
        errors=(HolderInvalid, TokenInvalid),
        tags=_TAGS,
    )
    async def issue(*, principal: Principal, body: TokenCreate) -> TokenIssued:
        issued = await tokens.issue(principal, body.wish())
        return TokenIssued(
            **asdict(issued.view),
            token=issued.token,
            qr_text=issued.text,
            qr_svg=qr_svg(issued.text),
            qr_png=base64.b64encode(qr_png(issued.text)).decode(),
        )

    @endpoint(
        "GET",
        "/enrolment-tokens",
        permission=permissions.DEVICE_ENROL,
        summary_zh="登记令牌列表",
        summary_en="List enrolment tokens",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: TokenListQuery) -> Page[TokenOut]:
        views, following = await tokens.find(principal, cursor=query.cursor, limit=query.limit)
        return Page(items=[TokenOut.model_validate(view) for view in views], next_cursor=following)

    @endpoint(
        "DELETE",
        "/enrolment-tokens/{id}",
        permission=permissions.DEVICE_ENROL,
        summary_zh="作废登记令牌",
        summary_en="Revoke an enrolment token",
        errors=(TokenUnknown,),
        tags=_TAGS,
    )
    async def revoke(*, principal: Principal, path: TokenPath) -> None:
        await tokens.revoke(principal, path.id)

    return [issue, listing, revoke]


def _trust_endpoints(service: EnrolmentService) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/devices/{id}/approve",
        permission=permissions.DEVICE_WRITE,
        summary_zh="批准手机",
        summary_en="Approve a phone",
        errors=(*_CHANGES, HolderInvalid),
        tags=_TAGS,
    )
    async def approve(*, principal: Principal, path: DevicePath) -> None:
        await service.approve(principal, path.id)

    @endpoint(
        "POST",
        "/devices/{id}/reject",
        permission=permissions.DEVICE_WRITE,
        summary_zh="驳回手机",
        summary_en="Reject a phone",
        errors=_CHANGES,
        tags=_TAGS,
    )
    async def reject(*, principal: Principal, path: DevicePath) -> None:
        await service.reject(principal, path.id)

    @endpoint(
        "POST",
        "/devices/{id}/release",
        permission=permissions.DEVICE_WRITE,
        step_up=True,
        summary_zh="解除手机（其密钥立即失效）",
        summary_en="Release a phone: its key is dead at once",
        errors=_CHANGES,
        tags=_TAGS,
    )
    async def release(*, principal: Principal, path: DevicePath) -> None:
        await service.release(principal, path.id)

    @endpoint(
        "PUT",
        "/devices/{id}/holder",
        permission=permissions.DEVICE_WRITE,
        summary_zh="分配手机给员工或部门",
        summary_en="Give a phone to an employee or a department",
        errors=(*_CHANGES, HolderInvalid),
        tags=_TAGS,
    )
    async def assign(*, principal: Principal, path: DevicePath, body: HolderChange) -> None:
        await service.assign(
            principal, path.id, employee_id=body.employee_id, department_id=body.department_id
        )

    return [approve, reject, release, assign]
