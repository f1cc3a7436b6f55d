"""Whereabouts over HTTP, for people."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import CursorInvalid, Page, PageQuery
from core.web.replies import FileReply
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.whereabouts.errors import CheckInUnknown, PhotoGone
from devicepolicy.whereabouts.queries import WhereaboutsQueries
from devicepolicy.whereabouts.schemas import CheckInOut, DayQuery, DevicePath, PhotoPath, TrackOut

_TAGS = ("devices",)
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png"}


def endpoints(queries: WhereaboutsQueries) -> list[Endpoint]:
    """Give the endpoints for people."""

    @endpoint(
        "GET",
        "/devices/{id}/track",
        permission=permissions.LOCATION_READ,
        summary_zh="一台工作手机一天的轨迹（WGS-84）",
        summary_en="A day's track of a work phone (WGS-84)",
        errors=(DeviceNotFound,),
        tags=_TAGS,
    )
    async def track(*, principal: Principal, path: DevicePath, query: DayQuery) -> TrackOut:
        return TrackOut.of(await queries.track(principal, path.id, query.day))

    @endpoint(
        "GET",
        "/devices/{id}/check-ins",
        permission=permissions.LOCATION_READ,
        summary_zh="一台工作手机的打卡记录",
        summary_en="Check-ins of a work phone",
        errors=(DeviceNotFound, CursorInvalid),
        tags=_TAGS,
    )
    async def check_ins(*, principal: Principal, path: DevicePath, query: PageQuery) -> Page[CheckInOut]:
        views, following = await queries.check_ins(principal, path.id, cursor=query.cursor, limit=query.limit)
        return Page(items=[CheckInOut.of(view) for view in views], next_cursor=following)

    @endpoint(
        "GET",
        "/devices/{id}/check-ins/{check_in_id}/photo",
        permission=permissions.LOCATION_READ,
        summary_zh="一次打卡的照片",
        summary_en="The picture of a check-in",
        errors=(CheckInUnknown, PhotoGone),
        produces="image/*",
        tags=_TAGS,
    )
    async def photo(*, principal: Principal, path: PhotoPath) -> FileReply:
        reader, media_type, sha256 = await queries.photo(principal, path.id, path.check_in_id)
        name = f"{path.check_in_id}.{_EXTENSIONS.get(media_type, 'bin')}"
        return FileReply(reader, media_type, name, sha256)

    return [track, check_ins, photo]
