"""What a phone fetches and reports, over HTTP."""

from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Reply
from core.web.wire import WireRequest
from devicepolicy.enrolment.errors import ConsentRequired
from devicepolicy.identity.gate import Admitted, DeviceGate, phone_endpoint
from devicepolicy.sync.desired import DesiredStates
from devicepolicy.sync.errors import NothingDesired, ReportOutOfOrder
from devicepolicy.sync.reports import Reports
from devicepolicy.sync.schemas import DesiredHeaders, DesiredOut, ReportIn, StandingOut


def endpoints(gate: DeviceGate, desired: DesiredStates, reports: Reports) -> list[Endpoint]:
    """Give the endpoints of desired state and reports."""

    @endpoint(
        "GET",
        "/agent/desired",
        **phone_endpoint(gate, NothingDesired),
        summary_zh="获取本机应处的状态（签名）",
        summary_en="What is wanted of this phone, signed",
    )
    async def fetch(*, caller: Admitted, headers: DesiredHeaders) -> Reply[DesiredOut] | Reply[None]:
        """Answers 304 to an `If-None-Match` that still holds. Ask without it once half of `exp` is over."""
        held = (headers.if_none_match or "").strip().strip('"')
        found = await desired.fetch(caller.phone, held or None)
        if found is None:
            return Reply(None, 304, {"ETag": f'"{held}"'})
        body = DesiredOut(version=found.version, sha256=found.sha256, signed=found.token)
        return Reply(body, headers={"ETag": f'"{found.etag}"'})

    @endpoint(
        "POST",
        "/agent/report",
        **phone_endpoint(gate, ConsentRequired, ReportOutOfOrder, NothingDesired),
        summary_zh="上报本机状态与各项策略是否生效",
        summary_en="Report the phone's state and whether each setting is in force",
    )
    async def report(*, caller: Admitted, body: ReportIn, wire: WireRequest) -> StandingOut:
        standing = await reports.take(caller, body.report(), wire.body)
        return StandingOut(
            compliance=standing.compliance,
            desired_version=standing.desired_version,
            desired_sha256=standing.desired_sha256,
            problems=list(standing.problems),
            next_report_s=standing.next_report_s,
            server_time=standing.server_time,
        )

    return [fetch, report]
