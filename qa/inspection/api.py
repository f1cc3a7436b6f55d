"""HTTP endpoints of inspections and alerts."""

from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page, PageQuery
from core.web.schema import ApiModel, IdStr
from qa.alerts import AlertService
from qa.inspection.errors import AlertClosed, AlertTaken, AlertUnknown, InspectionUnknown
from qa.inspection.model import AlertState, Band, Closure, State
from qa.inspection.reading import InspectionFilter, InspectionReader
from qa.inspection.report import Report
from qa.lexicon.model import Severity
from qa.permissions import ALERT_HANDLE, ALERT_READ, INSPECTION_READ

CategoryName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,63}$")]


class InspectionItem(ApiModel):
    """One inspection in a list: of a call (`contact_id`), or of a day of a thread (`thread_day_id`)."""

    id: str
    contact_id: str | None
    thread_day_id: str | None
    thread_id: str | None
    day: date | None
    employee_id: str
    department_id: str | None
    channel: str
    direction: str
    purpose: str
    contact_started_at: datetime
    state: State
    reason: str | None
    retryable: bool
    nothing: str | None
    score: int | None
    band: Band | None
    fatal: bool
    finding_count: int
    severe_count: int
    suspected_count: int
    finished_at: datetime | None


class SentenceItem(ApiModel):
    """One sentence; times in milliseconds from the beginning of the recording or of the thread's day.

    `message_id` and `at` are of a message; `attachment_id` says that it stands in a file of it.
    """

    index: int
    role: str
    begin_ms: int
    end_ms: int
    confidence: float
    text: str
    message_id: str | None
    attachment_id: str | None
    at: datetime | None


class FindingItem(ApiModel):
    """One finding with its evidence; offsets are characters of the sentence."""

    id: str
    rule_id: str
    rule_version: str
    rule_title_zh: str
    rule_title_en: str
    term_id: str | None
    category: str
    severity: Severity
    role: str
    sentence_index: int | None
    begin_ms: int
    end_ms: int
    char_begin: int
    char_end: int
    matched_by: str
    confidence: float
    suspected: bool
    fatal: bool
    deduction: int
    text: str | None
    message_id: str | None
    attachment_id: str | None


class InspectionBody(ApiModel):
    """One inspection with transcript, findings and report."""

    summary: InspectionItem
    erased: bool
    transcript: list[SentenceItem] | None
    findings: list[FindingItem]
    keywords: list[str]
    report: Report | None
    rules_version: str | None
    lexicon_version: str | None
    engine: str | None
    transcript_hash: str | None
    findings_hash: str | None
    ledger_seq: int | None


class RuleItem(ApiModel):
    """A rule by its name."""

    id: str
    zh: str
    en: str


class AlertItem(ApiModel):
    """One alert: about a finding of an inspection, or about a behaviour (`conduct` names its kind).

    An alert of a message names all `rules` that the message hit; `gathered`: it waits for the day's digest.
    """

    id: str
    inspection_id: str | None
    finding_id: str | None
    conduct_id: str | None
    conduct: str | None
    contact_id: str | None
    thread_id: str | None
    message_id: str | None
    device_id: str | None
    customer_id: str | None
    customer_name: str
    customer_phone: str
    employee_id: str | None
    department_id: str | None
    category: str
    category_zh: str
    category_en: str
    severity: Severity
    suspected: bool
    hits: int
    messages: int
    rules: list[RuleItem]
    gathered: bool
    digest_id: str | None
    state: AlertState
    created_at: datetime
    taken_by: str | None
    taken_at: datetime | None
    closed_by: str | None
    closed_at: datetime | None
    closed_because: Closure | None
    said_zh: str | None
    said_en: str | None
    advice_zh: str | None
    advice_en: str | None
    seen_since: datetime | None
    seen_until: datetime | None
    note: str | None


class ConductItem(ApiModel):
    """A sensitive behaviour that a channel showed."""

    id: str
    kind: str
    title_zh: str
    title_en: str
    advice_zh: str
    advice_en: str
    source: str
    severity: Severity
    employee_id: str | None
    customer_id: str | None
    thread_id: str | None
    message_id: str | None
    at: datetime


class ThreadFindingsBody(ApiModel):
    """What was found in a thread so far, by message."""

    by_message: dict[str, list[FindingItem]]
    conduct: list[ConductItem]
    erased: bool


class InspectionQuery(PageQuery):
    """Filters of the list; times are of the contact."""

    contact_id: IdStr | None = None
    thread_id: IdStr | None = None
    channel: Annotated[str, Field(pattern=r"^(call|message)$")] | None = None
    employee_id: IdStr | None = None
    state: State | None = None
    band: Band | None = None
    category: CategoryName | None = None
    severity: Severity | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class AlertQuery(PageQuery):
    state: AlertState | None = None


class InspectionPath(ApiModel):
    inspection_id: IdStr


class ContactPath(ApiModel):
    contact_id: IdStr


class ThreadPath(ApiModel):
    thread_id: IdStr


class AlertPath(ApiModel):
    alert_id: IdStr


class CloseBody(ApiModel):
    """What was found out and done."""

    note: Annotated[str, Field(min_length=1, max_length=2000)]


def endpoints(reader: InspectionReader, alerts: AlertService) -> list[Endpoint]:
    """Give the endpoints of this slice."""
    return [*_inspections(reader), *_alerts(reader, alerts)]


def _inspections(reader: InspectionReader) -> list[Endpoint]:
    tags = ("inspections",)

    @endpoint("GET", "/inspections", permission=INSPECTION_READ, tags=tags,
              summary_zh="质检列表", summary_en="List inspections")  # fmt: skip
    async def listing(*, principal: Principal, query: InspectionQuery) -> Page[InspectionItem]:
        wanted = InspectionFilter(**query.model_dump(exclude={"cursor", "limit"}))
        items, following = await reader.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page[InspectionItem](
            items=[InspectionItem.model_validate(item) for item in items], next_cursor=following
        )

    @endpoint("GET", "/inspections/{inspection_id}", permission=INSPECTION_READ, tags=tags,
              errors=(InspectionUnknown,),
              summary_zh="质检详情", summary_en="Show an inspection")  # fmt: skip
    async def one(*, principal: Principal, path: InspectionPath) -> InspectionBody:
        return _body(await reader.get(principal, path.inspection_id))

    @endpoint("GET", "/contacts/{contact_id}/inspection", permission=INSPECTION_READ, tags=tags,
              errors=(InspectionUnknown,), summary_zh="某次触达的质检",
              summary_en="Show the inspection of a contact")  # fmt: skip
    async def of_contact(*, principal: Principal, path: ContactPath) -> InspectionBody:
        return _body(await reader.of_contact(principal, path.contact_id))

    @endpoint("GET", "/threads/{thread_id}/findings", permission=INSPECTION_READ, tags=tags,
              summary_zh="会话中的命中与敏感行为",
              summary_en="Show findings and behaviours of a thread")  # fmt: skip
    async def of_thread(*, principal: Principal, path: ThreadPath) -> ThreadFindingsBody:
        return ThreadFindingsBody.model_validate(await reader.thread_findings(principal, path.thread_id))

    return [listing, one, of_contact, of_thread]


def _alerts(reader: InspectionReader, alerts: AlertService) -> list[Endpoint]:
    tags = ("alerts",)

    @endpoint("GET", "/alerts", permission=ALERT_READ, tags=tags,
              summary_zh="预警列表", summary_en="List alerts")  # fmt: skip
    async def listing(*, principal: Principal, query: AlertQuery) -> Page[AlertItem]:
        items, following = await reader.alerts(
            principal, state=query.state, cursor=query.cursor, limit=query.limit
        )
        return Page[AlertItem](
            items=[AlertItem.model_validate(item) for item in items], next_cursor=following
        )

    @endpoint("POST", "/alerts/{alert_id}/take", permission=ALERT_HANDLE, tags=tags,
              errors=(AlertUnknown, AlertTaken, AlertClosed),
              summary_zh="受理预警", summary_en="Take an alert")  # fmt: skip
    async def take(*, principal: Principal, path: AlertPath) -> AlertItem:
        await alerts.take(principal, path.alert_id)
        return AlertItem.model_validate(await reader.alert(principal, path.alert_id))

    @endpoint("POST", "/alerts/{alert_id}/close", permission=ALERT_HANDLE, tags=tags,
              errors=(AlertUnknown, AlertTaken, AlertClosed),
              summary_zh="关闭预警", summary_en="Close an alert")  # fmt: skip
    async def close(*, principal: Principal, path: AlertPath, body: CloseBody) -> AlertItem:
        await alerts.close(principal, path.alert_id, body.note)
        return AlertItem.model_validate(await reader.alert(principal, path.alert_id))

    return [listing, take, close]


def _body(detail: object) -> InspectionBody:
    return InspectionBody.model_validate(detail)
