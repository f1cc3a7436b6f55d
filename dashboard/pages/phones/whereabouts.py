"""Where a work phone was on a day, as a sketch and a table, and the check-ins made on it."""

from datetime import date, timedelta
from typing import ClassVar

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import CursorInvalid
from core.web.replies import Html
from dashboard.asked import Asked
from dashboard.filters import FilterQuery
from dashboard.pages.phones.kit import PhoneKit, PhonePath
from dashboard.pages.preferences import Seen
from dashboard.sketch import HEIGHT, WIDTH, sketch
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.permissions import LOCATION_READ

SHOWN = 20


class DayQuery(FilterQuery):
    """Which day; today where none is named."""

    day: date | None = None
    page_path: ClassVar[str] = ""


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/phones/{device_id}/whereabouts",
        permission=LOCATION_READ,
        summary_zh="一台工作手机的轨迹和打卡页",
        summary_en="Page of a work phone's track and check-ins",
        errors=(DeviceNotFound, CursorInvalid),
        kind="page",
    )
    async def whereabouts(
        *, principal: Principal, path: PhonePath, query: DayQuery, context: RequestContext, headers: Seen
    ) -> Html:
        parts = kit.parts
        track = await parts.whereabouts.queries.track(principal, path.device_id, query.day)
        check_ins, following = await parts.whereabouts.queries.check_ins(
            principal, path.device_id, cursor=query.cursor, limit=SHOWN
        )
        names = await parts.fleet.queries.names(principal, [path.device_id])
        here = f"/phones/{path.device_id}/whereabouts"
        return kit.show(
            "whereabouts.html",
            Asked(principal, context, headers),
            here=here,
            device_id=path.device_id,
            name=names.get(path.device_id, ""),
            track=track,
            drawn=sketch(track.points),
            size=(WIDTH, HEIGHT),
            before=track.day - timedelta(days=1),
            after=track.day + timedelta(days=1) if track.day < parts.whereabouts.queries.today() else None,
            check_ins=check_ins,
            agreements=await parts.whereabouts.queries.agreements(principal, path.device_id),
            next_address=f"{here}{query.address(cursor=following)}" if following else None,
            terms=parts.whereabouts.consent.current(),
            keep=parts.settings.phones.whereabouts,
        )

    return [whereabouts]
