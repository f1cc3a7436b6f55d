"""Uploads over HTTP, for people."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page, PageQuery
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.uploads.lines import Line
from devicepolicy.uploads.queries import UploadQueries
from devicepolicy.uploads.schemas import (
    DevicePath,
    GapOut,
    GapsOut,
    LineOut,
    RecordingLineOut,
    RecordLineOut,
    RecordListQuery,
)

_TAGS = ("phones",)


def endpoints(queries: UploadQueries) -> list[Endpoint]:
    """Give the endpoints for people."""

    @endpoint(
        "GET",
        "/devices/{id}/records",
        permission=permissions.UPLOAD_READ,
        summary_zh="一台手机上传的通话记录、短信和聊天记录",
        summary_en="Call log, text messages and chats that a phone handed in",
        errors=(DeviceNotFound,),
        tags=_TAGS,
    )
    async def records(
        *, principal: Principal, path: DevicePath, query: RecordListQuery
    ) -> Page[RecordLineOut]:
        lines, following = await queries.records(
            principal,
            path.id,
            kind=query.kind,
            customer_id=query.customer_id,
            deleted=query.deleted,
            cursor=query.cursor,
            limit=query.limit,
        )
        items = [record_of(line) for line in lines]
        return Page(items=items, next_cursor=following)

    @endpoint(
        "GET",
        "/devices/{id}/recordings",
        permission=permissions.UPLOAD_READ,
        summary_zh="一台手机上传的 SIM 卡通话录音",
        summary_en="Recordings of SIM calls that a phone handed in",
        errors=(DeviceNotFound,),
        tags=_TAGS,
    )
    async def recordings(
        *, principal: Principal, path: DevicePath, query: PageQuery
    ) -> Page[RecordingLineOut]:
        lines, following = await queries.recordings(
            principal, path.id, cursor=query.cursor, limit=query.limit
        )
        items = [
            RecordingLineOut.model_validate(
                {**columns(RecordingLineOut, line), "counterpart": line.counterpart}
            )
            for line in lines
        ]
        return Page(items=items, next_cursor=following)

    @endpoint(
        "GET",
        "/devices/{id}/upload-gaps",
        permission=permissions.UPLOAD_READ,
        summary_zh="一台手机上传序号中缺少的部分",
        summary_en="Numbers that are missing of what a phone handed in",
        errors=(DeviceNotFound,),
        tags=_TAGS,
    )
    async def gaps(*, principal: Principal, path: DevicePath) -> GapsOut:
        found = await queries.gaps(principal, path.id)
        return GapsOut(items=[GapOut.model_validate(row, from_attributes=True) for row in found])

    return [records, recordings, gaps]


def record_of(line: Line) -> RecordLineOut:
    """Show a record."""
    return RecordLineOut.model_validate({**columns(RecordLineOut, line), "counterpart": line.counterpart})


def columns(model: type[LineOut], line: Line) -> dict[str, object]:
    """Give the columns that a model shows as they stand."""
    return {
        name: getattr(line.row, name) for name in model.model_fields if name in line.row.__table__.columns
    }
