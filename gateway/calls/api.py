"""Calls over HTTP: place, list, look, hang up, listen."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page
from core.web.replies import FileReply
from gateway.calls import permissions
from gateway.calls.desk import CallDesk
from gateway.calls.errors import (
    AlreadyPlaced,
    CallNotFound,
    CallNotPlaced,
    CallOver,
    CallRefused,
    CallsUnavailable,
    CallTargetUnknown,
    NoRecording,
    PhoneNotRegistered,
    SwitchNotConnected,
)
from gateway.calls.queries import CallFilter, CallQueries
from gateway.calls.recordings import Recordings
from gateway.calls.schemas import (
    CallCreate,
    CallDetailOut,
    CallList,
    CallListQuery,
    CallOut,
    CallPath,
    CallPlaced,
    PeaksOut,
    PeaksQuery,
    call_out,
    detail_out,
)

_TAGS = ("calls",)
MAX_LIVE = 200


def endpoints(desk: CallDesk, queries: CallQueries, recordings: Recordings) -> list[Endpoint]:
    """Give the endpoints of calls."""
    return [*_wishes(desk), *_views(queries), *_sound(recordings)]


def _wishes(desk: CallDesk) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/calls",
        permission=permissions.CALL_PLACE,
        status=201,
        summary_zh="发起通话：先呼本人话机，再呼客户",
        summary_en="Place a call: my phone first, then the customer",
        errors=(
            CallRefused,
            CallTargetUnknown,
            PhoneNotRegistered,
            AlreadyPlaced,
            SwitchNotConnected,
            CallNotPlaced,
            CallsUnavailable,
        ),
        tags=_TAGS,
    )
    async def place(*, principal: Principal, body: CallCreate) -> CallPlaced:
        """Answers when the verdict is in the books; a refusal names the rule and the next allowed time."""
        call = await desk.place(principal, body.binding_id, body.idempotency_key)
        return CallPlaced(call_id=call.call_id, contact_id=call.contact_id)

    @endpoint(
        "POST",
        "/calls/{call_id}/hangup",
        permission=permissions.CALL_HANGUP,
        summary_zh="挂断通话",
        summary_en="Hang up a call",
        errors=(CallNotFound, CallOver, CallsUnavailable),
        tags=_TAGS,
    )
    async def hangup(*, principal: Principal, path: CallPath) -> None:
        await desk.hangup(principal, path.call_id)

    return [place, hangup]


def _views(queries: CallQueries) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/calls",
        permission=permissions.CALL_READ,
        summary_zh="通话列表",
        summary_en="List calls",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: CallListQuery) -> Page[CallOut]:
        wanted = CallFilter(**query.model_dump(exclude={"cursor", "limit"}))
        views, following = await queries.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[call_out(view) for view in views], next_cursor=following)

    @endpoint(
        "GET",
        "/calls/live",
        permission=permissions.CALL_READ,
        summary_zh="进行中的通话",
        summary_en="Calls that go on now",
        tags=_TAGS,
    )
    async def live(*, principal: Principal) -> CallList:
        views, _ = await queries.find(principal, CallFilter(live=True), limit=MAX_LIVE)
        return CallList(items=[call_out(view) for view in views])

    @endpoint(
        "GET",
        "/calls/{call_id}",
        permission=permissions.CALL_READ,
        summary_zh="一次通话：话单、判定与账本凭证",
        summary_en="One call: record, verdict and proof",
        errors=(CallNotFound,),
        tags=_TAGS,
    )
    async def get(*, principal: Principal, path: CallPath) -> CallDetailOut:
        return detail_out(await queries.get(principal, path.call_id))

    return [listing, live, get]


def _sound(recordings: Recordings) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/calls/{call_id}/recording",
        permission=permissions.RECORDING_LISTEN,
        summary_zh="录音（WAV，立体声：左员工，右客户）",
        summary_en="The recording (WAV, stereo: left staff, right customer)",
        produces="audio/wav",
        errors=(CallNotFound, NoRecording),
        timeout_s=None,
        tags=_TAGS,
    )
    async def recording(*, principal: Principal, path: CallPath) -> FileReply:
        """Takes ranges. Who listened is written in the ledger."""
        source = await recordings.wav(principal, path.call_id)
        return FileReply(source, "audio/wav", f"{path.call_id}.wav", etag=source.etag)

    @endpoint(
        "GET",
        "/calls/{call_id}/peaks",
        permission=permissions.RECORDING_LISTEN,
        summary_zh="录音波形",
        summary_en="The recording's waveform",
        errors=(CallNotFound, NoRecording),
        tags=_TAGS,
    )
    async def peaks(*, principal: Principal, path: CallPath, query: PeaksQuery) -> PeaksOut:
        return PeaksOut.model_validate(await recordings.peaks(principal, path.call_id, query.buckets))

    return [recording, peaks]
