"""Calls and phone accounts as the API shows them."""

from datetime import datetime

from pydantic import AwareDatetime, Field

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from gateway.calls.accounts import AccountView, FreshAccount
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.flow import Flow
from gateway.calls.models import CallRow
from gateway.calls.queries import CallState, CallView
from gateway.contact.model import Decision, Direction, Purpose


class CallPath(ApiModel):
    call_id: IdStr


class EmployeePath(ApiModel):
    employee_id: IdStr


class CallCreate(ApiModel):
    """Call me, then the customer of this binding. The same key gives the same call again."""

    binding_id: IdStr
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=128)


class CallPlaced(ApiModel):
    """The call is allowed and on its way; follow it at `/calls/{call_id}`."""

    call_id: str
    contact_id: str


class CallListQuery(PageQuery):
    """Filters of the list; `since` and `until` are about the start of the call."""

    employee_id: IdStr | None = None
    customer_id: IdStr | None = None
    flow: Flow | None = None
    direction: Direction | None = None
    purpose: Purpose | None = None
    decision: Decision | None = None
    cause: Cause | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    connected: bool | None = None


class CallOut(ApiModel):
    """A call. The customer is masked; no number of theirs is anywhere."""

    id: str
    contact_id: str
    state: CallState
    flow: Flow
    direction: Direction
    purpose: Purpose
    employee_id: str
    employee_name: str
    department_id: str | None
    customer_id: str
    customer_name: str
    customer_phone: str
    line_number: str
    decision: Decision
    rule_id: str | None
    started_at: datetime
    customer_answered_at: datetime | None
    ended_at: datetime | None
    duration_ms: int
    ended_by: EndedBy | None
    cause: Cause | None
    has_recording: bool


class VerdictOut(ApiModel):
    """Why the call was allowed or not."""

    decision: Decision
    rule_id: str | None
    rule_version: str | None
    reason_code: str | None
    reason_zh: str | None
    reason_en: str | None
    next_allowed_at: datetime | None


class TimesOut(ApiModel):
    """The moments of a call; null is what did not happen."""

    started_at: datetime
    judged_at: datetime | None
    media_open_at: datetime | None
    staff_ringing_at: datetime | None
    staff_answered_at: datetime | None
    customer_dialled_at: datetime | None
    customer_ringing_at: datetime | None
    customer_answered_at: datetime | None
    notice_played_at: datetime | None
    bridged_at: datetime | None
    ended_at: datetime | None


class MediaOut(ApiModel):
    """What was relayed and recorded; counters of each leg as in `LegStats`."""

    staff_packets: dict[str, int] | None
    customer_packets: dict[str, int] | None
    recorded_packets: int
    relayed_packets: int
    duration_ms: int
    media_failure: str | None
    notice_ms: int | None
    notice_sha256: str | None
    recording_size: int | None
    recording_sha256: str | None
    wav_sha256: str | None


class ProofOut(ApiModel):
    """Where the ledger proves it: entries by number, and the hash of this record in the second."""

    verdict_seq: int | None
    ended_seq: int | None
    cdr_sha256: str | None


class CallDetailOut(ApiModel):
    """A call with everything that is known of it."""

    call: CallOut
    verdict: VerdictOut
    times: TimesOut
    media: MediaOut
    proof: ProofOut
    sip_status: int | None
    node: str


class CallList(ApiModel):
    items: list[CallOut]


class PeaksQuery(ApiModel):
    buckets: int = Field(default=1000, ge=10, le=5000)


class PeaksOut(ApiModel):
    """The waveform, 0 to 1, one value for each of `buckets` equal parts."""

    duration_ms: int
    staff: list[float]
    customer: list[float]


class SipAccountOut(ApiModel):
    """A phone account and where its phone is registered until when."""

    employee_id: str
    username: str
    realm: str
    created_at: datetime
    rotated_at: datetime
    registered_at: datetime | None
    expires_at: datetime | None


class SipAccountSecret(ApiModel):
    """What the phone is set up with. The password is shown this once."""

    employee_id: str
    username: str
    realm: str
    server: str
    password: str = Field(repr=False)


def call_out(view: CallView) -> CallOut:
    row = view.row
    return CallOut(
        id=row.id,
        contact_id=row.contact_id,
        state=view.state,
        flow=Flow(row.flow),
        direction=Direction(row.direction),
        purpose=Purpose(row.purpose),
        employee_id=row.employee_id,
        employee_name=view.employee_name,
        department_id=row.department_id,
        customer_id=row.customer_id,
        customer_name=view.customer_name,
        customer_phone=view.customer_phone,
        line_number=view.line_number,
        decision=Decision(row.decision),
        rule_id=row.rule_id,
        started_at=row.started_at,
        customer_answered_at=row.customer_answered_at,
        ended_at=row.ended_at,
        duration_ms=row.duration_ms,
        ended_by=None if row.ended_by is None else EndedBy(row.ended_by),
        cause=None if row.cause is None else Cause(row.cause),
        has_recording=row.recording_sha256 is not None,
    )


def detail_out(view: CallView) -> CallDetailOut:
    row: CallRow = view.row
    return CallDetailOut(
        call=call_out(view),
        verdict=VerdictOut(**_fields(row, VerdictOut)),
        times=TimesOut(**_fields(row, TimesOut)),
        media=MediaOut(**_fields(row, MediaOut)),
        proof=ProofOut(verdict_seq=view.verdict_seq, ended_seq=row.ledger_seq, cdr_sha256=row.cdr_sha256),
        sip_status=row.sip_status,
        node=row.node,
    )


def _fields(row: CallRow, model: type[ApiModel]) -> dict[str, object]:
    return {name: getattr(row, name) for name in model.model_fields}


def account_out(view: AccountView) -> SipAccountOut:
    return SipAccountOut.model_validate(view)


def secret_out(account: FreshAccount, server: str) -> SipAccountSecret:
    return SipAccountSecret(
        employee_id=account.employee_id,
        username=account.username,
        realm=account.realm,
        server=server,
        password=account.password,
    )
