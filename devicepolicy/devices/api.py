"""Phones over HTTP, for people."""

import base64

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page, PageQuery
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.devices.proof import holds
from devicepolicy.devices.queries import DeviceFilter, DeviceQueries
from devicepolicy.devices.schemas import (
    DeviceDetailOut,
    DeviceListQuery,
    DeviceOut,
    DevicePath,
    FiguresOut,
    HistoryOut,
    ProofLineOut,
    ProofOut,
    ProofPath,
    SettingOut,
)

_TAGS = ("phones",)


def endpoints(queries: DeviceQueries) -> list[Endpoint]:
    """Give the endpoints that show phones."""
    return [*_list_endpoints(queries), *_one_endpoints(queries)]


def _list_endpoints(queries: DeviceQueries) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/devices",
        permission=permissions.DEVICE_READ,
        summary_zh="手机列表",
        summary_en="List phones",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: DeviceListQuery) -> Page[DeviceOut]:
        wanted = DeviceFilter(
            query.trust, query.compliance, query.online, query.employee_id, query.department_id, query.text
        )
        views, following = await queries.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[DeviceOut.of(view) for view in views], next_cursor=following)

    @endpoint(
        "GET",
        "/device-figures",
        permission=permissions.DEVICE_READ,
        summary_zh="手机概览数字",
        summary_en="Phones by trust and compliance",
        tags=_TAGS,
    )
    async def figures(*, principal: Principal) -> FiguresOut:
        return FiguresOut.model_validate(await queries.figures(principal))

    return [listing, figures]


def _one_endpoints(queries: DeviceQueries) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/devices/{id}",
        permission=permissions.DEVICE_READ,
        summary_zh="一台手机：各项策略及凭据、经过",
        summary_en="One phone: settings with proof, history",
        errors=(DeviceNotFound,),
        tags=_TAGS,
    )
    async def detail(*, principal: Principal, path: DevicePath) -> DeviceDetailOut:
        found = await queries.detail(principal, path.id)
        return DeviceDetailOut(
            device=DeviceOut.of(found.view),
            settings=[SettingOut.model_validate(line) for line in found.settings],
            faults=list(found.faults),
            proofs=[ProofLineOut.of(line) for line in found.proofs],
            history=[HistoryOut.model_validate(line) for line in found.history],
        )

    @endpoint(
        "GET",
        "/devices/{id}/history",
        permission=permissions.DEVICE_READ,
        summary_zh="一台手机的经过",
        summary_en="What happened to a phone",
        errors=(DeviceNotFound,),
        tags=_TAGS,
    )
    async def history(*, principal: Principal, path: DevicePath, query: PageQuery) -> Page[HistoryOut]:
        lines, following = await queries.history(principal, path.id, cursor=query.cursor, limit=query.limit)
        return Page(items=[HistoryOut.model_validate(line) for line in lines], next_cursor=following)

    @endpoint(
        "GET",
        "/devices/{id}/reports/{report_id}",
        permission=permissions.DEVICE_READ,
        summary_zh="手机签名的报告原文（凭据）",
        summary_en="A report as the phone signed it: the proof",
        errors=(DeviceNotFound,),
        tags=_TAGS,
    )
    async def proof(*, principal: Principal, path: ProofPath) -> ProofOut:
        found = await queries.proof(principal, path.id, path.report_id)
        return ProofOut(
            holds=holds(found.public_key, found.signature_base, found.signature, found.body),
            report=ProofLineOut.of(found.line),
            public_key=base64.urlsafe_b64encode(found.public_key).rstrip(b"=").decode(),
            signature_base=found.signature_base,
            signature=base64.b64encode(found.signature).decode(),
            body=base64.b64encode(found.body).decode(),
        )

    return [detail, history, proof]
