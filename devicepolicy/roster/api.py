"""Lists of the institution's own phones over HTTP, for administrators and their readers."""

from core.access.model import Principal
from core.sheets.errors import REFUSALS
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page, PageQuery
from core.web.upload import Upload
from devicepolicy import permissions
from devicepolicy.roster.desk import RosterDesk
from devicepolicy.roster.errors import DeviceListEmpty, DeviceListTaken, DeviceListUnknown
from devicepolicy.roster.importer import RosterImporter
from devicepolicy.roster.model import RosterFilter
from devicepolicy.roster.schemas import (
    AdmissionIn,
    DecisionIn,
    DecisionOut,
    DeviceListOut,
    DeviceListPath,
    DeviceListQuery,
    ExpectedFiguresOut,
    ExpectedOut,
    ExpectedQuery,
)

_TAGS = ("phones",)


def endpoints(importer: RosterImporter, desk: RosterDesk) -> list[Endpoint]:
    """Give the endpoints of lists and of the phones on them."""
    return [*_list_endpoints(importer), *_one_list(importer), *_phone_endpoints(desk)]


def _list_endpoints(importer: RosterImporter) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/device-lists",
        permission=permissions.DEVICE_ENROL,
        status=201,
        summary_zh="上传手机清单并预览（CSV 或 XLSX）",
        summary_en="Bring a list of phones as CSV or XLSX and look at it",
        errors=REFUSALS,
        max_body_bytes=importer.layout.limits.max_bytes,
        timeout_s=120,
        tags=_TAGS,
    )
    async def bring(*, principal: Principal, query: DeviceListQuery, upload: Upload) -> DeviceListOut:
        content = await upload.read()
        seen = await importer.preview(principal, content, name=query.name, admits=query.admits)
        return DeviceListOut.model_validate(seen)

    @endpoint(
        "GET",
        "/device-lists",
        permission=permissions.DEVICE_ENROL,
        summary_zh="手机清单列表",
        summary_en="List the lists of phones",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: PageQuery) -> Page[DeviceListOut]:
        views, following = await importer.find(principal, cursor=query.cursor, limit=query.limit)
        return Page(items=[DeviceListOut.model_validate(view) for view in views], next_cursor=following)

    return [bring, listing]


def _one_list(importer: RosterImporter) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/device-lists/{id}/take",
        permission=permissions.DEVICE_ENROL,
        summary_zh="导入预览过的清单",
        summary_en="Take a list that was looked at",
        errors=(DeviceListUnknown, DeviceListTaken, DeviceListEmpty),
        tags=_TAGS,
    )
    async def take(*, principal: Principal, path: DeviceListPath) -> DeviceListOut:
        return DeviceListOut.model_validate(await importer.take(principal, path.id))

    @endpoint(
        "DELETE",
        "/device-lists/{id}",
        permission=permissions.DEVICE_ENROL,
        summary_zh="放弃预览中的清单",
        summary_en="Discard a list that was only looked at",
        errors=(DeviceListUnknown, DeviceListTaken),
        tags=_TAGS,
    )
    async def discard(*, principal: Principal, path: DeviceListPath) -> None:
        await importer.discard(principal, path.id)

    @endpoint(
        "PUT",
        "/device-lists/{id}/admission",
        permission=permissions.DEVICE_ENROL,
        summary_zh="清单上的手机登记时是否免审批",
        summary_en="Say whether a list's phones need no approval",
        errors=(DeviceListUnknown,),
        tags=_TAGS,
    )
    async def admit(*, principal: Principal, path: DeviceListPath, body: AdmissionIn) -> None:
        await importer.admit(principal, path.id, admits=body.admits)

    return [take, discard, admit]


def _phone_endpoints(desk: RosterDesk) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/expected-phones",
        permission=permissions.DEVICE_READ,
        summary_zh="应到手机：应到、待审批、已确认、已驳回",
        summary_en="The phones that are expected, and how they stand",
        tags=_TAGS,
    )
    async def expected(*, principal: Principal, query: ExpectedQuery) -> Page[ExpectedOut]:
        wanted = RosterFilter(query.standing, query.list_id, query.employee_id)
        views, following = await desk.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[ExpectedOut.model_validate(view) for view in views], next_cursor=following)

    @endpoint(
        "GET",
        "/expected-phone-figures",
        permission=permissions.DEVICE_READ,
        summary_zh="应到手机的数字",
        summary_en="How many listed phones stand how",
        tags=_TAGS,
    )
    async def figures(*, principal: Principal) -> ExpectedFiguresOut:
        return ExpectedFiguresOut(standing=await desk.counts(principal))

    @endpoint(
        "POST",
        "/expected-phones/decisions",
        permission=permissions.DEVICE_WRITE,
        summary_zh="批量确认、驳回、恢复或移除清单上的手机",
        summary_en="Confirm, reject, restore or remove many listed phones",
        tags=_TAGS,
    )
    async def decide(*, principal: Principal, body: DecisionIn) -> DecisionOut:
        return DecisionOut.model_validate(await desk.decide(principal, body.phones, body.decision))

    return [expected, figures, decide]
