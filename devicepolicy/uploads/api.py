"""Uploads over HTTP, for people."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page, PageQuery
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.uploads.catalogue import catalogue
from devicepolicy.uploads.errors import EventHandled, UploadNotFound
from devicepolicy.uploads.queries import Line, UploadQueries
from devicepolicy.uploads.schemas import (
    DevicePath,
    EventLineOut,
    EventListQuery,
    EventPath,
    HandleIn,
    RecordingLineOut,
    RecordLineOut,
    RecordListQuery,
)

_TAGS = ("phones",)


def endpoints(queries: UploadQueries) -> list[Endpoint]:
    """Give the endpoints for people."""
    return [*_of_a_phone(queries), *_conduct(queries)]


def _of_a_phone(queries: UploadQueries) -> list[Endpoint]:
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
        items = [
            RecordLineOut.model_validate({**_columns(RecordLineOut, line), "counterpart": line.counterpart})
            for line in lines
        ]
        return Page(items=items, next_cursor=following)

    @endpoint(
        "GET",
        "/devices/{id}/conduct",
        permission=permissions.UPLOAD_READ,
        summary_zh="一台手机的行为事件",
        summary_en="Conduct events of a phone",
        errors=(DeviceNotFound,),
        tags=_TAGS,
    )
    async def events(*, principal: Principal, path: DevicePath, query: EventListQuery) -> Page[EventLineOut]:
        lines, following = await queries.events(
            principal,
            path.id,
            kind=query.kind,
            handled=query.handled,
            cursor=query.cursor,
            limit=query.limit,
        )
        return Page(items=[_event(line) for line in lines], next_cursor=following)

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
                {**_columns(RecordingLineOut, line), "counterpart": line.counterpart}
            )
            for line in lines
        ]
        return Page(items=items, next_cursor=following)

    return [records, events, recordings]


def _conduct(queries: UploadQueries) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/device-conduct",
        permission=permissions.UPLOAD_READ,
        summary_zh="各手机的行为事件",
        summary_en="Conduct events of all phones",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: EventListQuery) -> Page[EventLineOut]:
        lines, following = await queries.all_events(
            principal, kind=query.kind, handled=query.handled, cursor=query.cursor, limit=query.limit
        )
        return Page(items=[_event(line) for line in lines], next_cursor=following)

    @endpoint(
        "POST",
        "/device-conduct/{upload_event_id}/handle",
        permission=permissions.CONDUCT_HANDLE,
        summary_zh="处理一条行为事件并写明说明",
        summary_en="Close a conduct event with a note",
        errors=(UploadNotFound, EventHandled),
        tags=_TAGS,
    )
    async def handle(*, principal: Principal, path: EventPath, body: HandleIn) -> EventLineOut:
        return _event(await queries.handle(principal, path.upload_event_id, body.note))

    return [listing, handle]


def _event(line: Line) -> EventLineOut:
    entry = catalogue().events[line.row.kind]
    more = {
        "counterpart": line.counterpart,
        "evidence": dict(line.evidence),
        "title_zh": entry.zh,
        "title_en": entry.en,
    }
    return EventLineOut.model_validate({**_columns(EventLineOut, line), **more})


def _columns(
    model: type[EventLineOut] | type[RecordLineOut] | type[RecordingLineOut], line: Line
) -> dict[str, object]:
    """Give the columns that a model shows as they stand."""
    return {
        name: getattr(line.row, name) for name in model.model_fields if name in line.row.__table__.columns
    }
