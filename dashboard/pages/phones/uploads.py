"""What a phone handed in: call log, text messages, chats, recordings as far as they have come, conduct."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from dashboard.asked import Asked
from dashboard.filters import FilterQuery
from dashboard.forms import DoneQuery
from dashboard.pages.phones.conduct import threads_of
from dashboard.pages.phones.gaps import shown_gaps
from dashboard.pages.phones.kit import PhoneKit, PhonePath
from dashboard.pages.preferences import Seen
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.permissions import UPLOAD_READ
from devicepolicy.uploads.catalogue import EventEntry, catalogue
from devicepolicy.uploads.conduct_desk import EventFilter
from devicepolicy.uploads.lines import Line
from devicepolicy.uploads.model import EventKind, RecordKind
from devicepolicy.uploads.queries import MissingFilter

FEW, SHOWN = 6, 50
KINDS = (RecordKind.CALL, RecordKind.SMS, RecordKind.CHAT, RecordKind.FILE)


class UploadsQuery(FilterQuery, DoneQuery):
    """The address of the list."""

    kind: RecordKind | None = None
    deleted: bool | None = None
    page_path: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """The newest of what a phone handed in; `threads`: where its messages are, by message."""

    records: Sequence[Line]
    recordings: Sequence[Line]
    events: Sequence[Line]
    kinds: Mapping[EventKind, EventEntry]
    threads: Mapping[str, str]


async def newest(kit: PhoneKit, principal: Principal, device_id: str) -> HandedIn | None:
    """Give a few of each; None for who may not see them."""
    if not principal.allows(UPLOAD_READ):
        return None
    uploads = kit.parts.uploads
    records, _ = await uploads.queries.records(principal, device_id, limit=FEW)
    recordings, _ = await uploads.queries.recordings(principal, device_id, limit=FEW)
    events, _ = await uploads.desk.find(principal, EventFilter(device_id=device_id), limit=FEW)
    threads = await threads_of(kit, principal, [*records, *recordings])
    return HandedIn(records, recordings, events, catalogue().events, threads)


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/phones/{device_id}/uploads",
        permission=UPLOAD_READ,
        summary_zh="一台手机上传的记录页",
        summary_en="Page of what a phone handed in",
        errors=(DeviceNotFound,),
        kind="page",
    )
    async def listing(
        *, principal: Principal, path: PhonePath, query: UploadsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        queries = kit.parts.uploads.queries
        picture = await kit.picture(principal)
        records, following = await queries.records(
            principal,
            path.device_id,
            kind=query.kind,
            deleted=query.deleted,
            cursor=query.cursor,
            limit=SHOWN,
        )
        recordings, _ = await queries.recordings(principal, path.device_id, limit=SHOWN)
        names = await kit.parts.fleet.queries.names(principal, [path.device_id])
        missing, more_missing = await queries.missing(
            principal, MissingFilter(device_id=path.device_id), limit=SHOWN
        )
        directory = await kit.parts.people.directory(principal)
        here = f"/phones/{path.device_id}/uploads"
        return kit.show(
            "uploads.html",
            Asked(principal, context, headers),
            picture=picture,
            query=query,
            here=here,
            name=names.get(path.device_id, ""),
            records=records,
            recordings=recordings,
            threads=await threads_of(kit, principal, [*records, *recordings]),
            kinds=KINDS,
            missing=await shown_gaps(kit, principal, directory, missing),
            more_missing=more_missing,
            given=query.given(),
            next_address=f"{here}{query.address(cursor=following)}" if following else None,
        )

    return [listing]
