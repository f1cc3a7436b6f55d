"""Conduct events over HTTP: lists, one with its history, handling one or many, taking it back."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.uploads.api import columns, record_of
from devicepolicy.uploads.catalogue import catalogue
from devicepolicy.uploads.conduct_desk import ConductDesk, EventDetail
from devicepolicy.uploads.conduct_schemas import (
    ActOut,
    AllEventsQuery,
    BatchDoneOut,
    BatchPath,
    EventDetailOut,
    EventLineOut,
    EventListQuery,
    EventPath,
    HandleIn,
    HandleManyIn,
    NoteIn,
    ReopenIn,
)
from devicepolicy.uploads.errors import EventHandled, EventOpen, OwnConduct, UploadNotFound
from devicepolicy.uploads.lines import Line
from devicepolicy.uploads.queries import UploadQueries
from devicepolicy.uploads.schemas import DevicePath

_TAGS = ("phones",)


def endpoints(queries: UploadQueries, desk: ConductDesk) -> list[Endpoint]:
    """Give the endpoints for people. Fixed addresses come before the one of an event."""
    return [*_reading(queries, desk), *_many(desk), *_one(desk)]


def _reading(queries: UploadQueries, desk: ConductDesk) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/devices/{id}/conduct",
        permission=permissions.UPLOAD_READ,
        summary_zh="一台手机的行为事件",
        summary_en="Conduct events of a phone",
        errors=(DeviceNotFound,),
        tags=_TAGS,
    )
    async def of_a_phone(
        *, principal: Principal, path: DevicePath, query: EventListQuery
    ) -> Page[EventLineOut]:
        await queries.require(principal, path.id)
        wanted = query.wanted(path.id)
        lines, following = await desk.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[_event(line) for line in lines], next_cursor=following)

    @endpoint(
        "GET",
        "/device-conduct",
        permission=permissions.UPLOAD_READ,
        summary_zh="各手机的行为事件",
        summary_en="Conduct events of all phones",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: AllEventsQuery) -> Page[EventLineOut]:
        wanted = query.wanted(query.device_id)
        lines, following = await desk.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[_event(line) for line in lines], next_cursor=following)

    return [of_a_phone, listing]


def _many(desk: ConductDesk) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/device-conduct/handle",
        permission=permissions.CONDUCT_HANDLE,
        summary_zh="批量处理行为事件，写同一条说明",
        summary_en="Handle conduct events in one go with one note",
        errors=(UploadNotFound, EventHandled, OwnConduct),
        tags=_TAGS,
    )
    async def handle_many(*, principal: Principal, body: HandleManyIn) -> BatchDoneOut:
        return BatchDoneOut.of(await desk.handle(principal, body.event_ids, body.note))

    @endpoint(
        "POST",
        "/device-conduct/batches/{batch_id}/undo",
        permission=permissions.CONDUCT_HANDLE,
        summary_zh="撤销一次处理",
        summary_en="Take back what was handled in one go",
        errors=(UploadNotFound, EventOpen, OwnConduct),
        tags=_TAGS,
    )
    async def undo(*, principal: Principal, path: BatchPath) -> BatchDoneOut:
        return BatchDoneOut.of(await desk.undo(principal, path.batch_id))

    return [handle_many, undo]


def _one(desk: ConductDesk) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/device-conduct/{upload_event_id}",
        permission=permissions.UPLOAD_READ,
        summary_zh="一条行为事件及其处理经过",
        summary_en="A conduct event and what was done about it",
        errors=(UploadNotFound,),
        tags=_TAGS,
    )
    async def one(*, principal: Principal, path: EventPath) -> EventDetailOut:
        return _detail(await desk.one(principal, path.upload_event_id))

    @endpoint(
        "POST",
        "/device-conduct/{upload_event_id}/handle",
        permission=permissions.CONDUCT_HANDLE,
        summary_zh="处理一条行为事件并写明说明",
        summary_en="Close a conduct event with a note",
        errors=(UploadNotFound, EventHandled, OwnConduct),
        tags=_TAGS,
    )
    async def handle(*, principal: Principal, path: EventPath, body: HandleIn) -> EventDetailOut:
        await desk.handle(principal, [path.upload_event_id], body.note)
        return _detail(await desk.one(principal, path.upload_event_id))

    @endpoint(
        "POST",
        "/device-conduct/{upload_event_id}/notes",
        permission=permissions.CONDUCT_HANDLE,
        summary_zh="给行为事件加备注，状态不变",
        summary_en="Write a note about a conduct event; its state stays",
        errors=(UploadNotFound, OwnConduct),
        tags=_TAGS,
    )
    async def note(*, principal: Principal, path: EventPath, body: NoteIn) -> EventDetailOut:
        await desk.note(principal, path.upload_event_id, body.note)
        return _detail(await desk.one(principal, path.upload_event_id))

    @endpoint(
        "POST",
        "/device-conduct/{upload_event_id}/reopen",
        permission=permissions.CONDUCT_HANDLE,
        summary_zh="把已处理的行为事件恢复为未处理",
        summary_en="Open a handled conduct event again",
        errors=(UploadNotFound, EventOpen, OwnConduct),
        tags=_TAGS,
    )
    async def reopen(*, principal: Principal, path: EventPath, body: ReopenIn) -> EventDetailOut:
        await desk.reopen(principal, path.upload_event_id, body.note)
        return _detail(await desk.one(principal, path.upload_event_id))

    return [one, handle, note, reopen]


def _event(line: Line) -> EventLineOut:
    return EventLineOut.model_validate(_shown(line))


def _detail(detail: EventDetail) -> EventDetailOut:
    acts = tuple(ActOut.model_validate(act) for act in detail.acts)
    records = tuple(record_of(line) for line in detail.records)
    return EventDetailOut.model_validate({**_shown(detail.line), "acts": acts, "records": records})


def _shown(line: Line) -> dict[str, object]:
    entry = catalogue().events[line.row.kind]
    return {
        **columns(EventLineOut, line),
        "counterpart": line.counterpart,
        "evidence": dict(line.evidence),
        "title_zh": entry.zh,
        "title_en": entry.en,
    }
