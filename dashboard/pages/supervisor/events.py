"""The live feed over HTTP: server-sent events for open pages."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import StreamReply
from dashboard.live.feed import FeedFull, LiveFeed
from gateway.calls.permissions import CALL_READ

EVENT_STREAM = "text/event-stream"


def endpoints(feed: LiveFeed) -> list[Endpoint]:
    """Give the stream."""

    @endpoint(
        "GET",
        "/live/events",
        permission=CALL_READ,
        summary_zh="实时事件流",
        summary_en="Stream of live events",
        produces=EVENT_STREAM,
        errors=(FeedFull,),
        timeout_s=None,
        kind="page",
    )
    async def events(*, principal: Principal) -> StreamReply:
        """Each stream begins with the whole picture, so `Last-Event-ID` is not needed and not read."""
        feed.check_room()
        return StreamReply(
            feed.stream(principal),
            EVENT_STREAM,
            headers={"X-Accel-Buffering": "no"},
            write_timeout_s=feed.limits.write_timeout_s,
        )

    return [events]
