"""What readers of inspections and alerts get to see. Texts print masked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from qa.inspection.report import Report
from qa.inspection.rulebook import RuleTitle


@dataclass(frozen=True, slots=True)
class InspectionSummary:
    """One line of the list: a call (`contact_id`), or a day of a thread (`thread_day_id`)."""

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
    state: str
    reason: str | None
    retryable: bool
    nothing: str | None
    score: int | None
    band: str | None
    fatal: bool
    finding_count: int
    severe_count: int
    suspected_count: int
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SentenceView:
    """One sentence, or one message of a thread: then `message_id` and `at` are set."""

    index: int
    role: str
    begin_ms: int
    end_ms: int
    confidence: float
    text: str = field(repr=False)
    message_id: str | None = None
    attachment_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding. `text` is None where the reader may not see what was said."""

    id: str
    rule_id: str
    rule_version: str
    rule_title_zh: str
    rule_title_en: str
    term_id: str | None
    category: str
    severity: str
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
    text: str | None = field(repr=False)
    message_id: str | None = None
    attachment_id: str | None = None


@dataclass(frozen=True, slots=True)
class InspectionDetail:
    """One inspection. `transcript` is None for readers without the right to it; erased texts say so."""

    summary: InspectionSummary
    erased: bool
    transcript: tuple[SentenceView, ...] | None
    findings: tuple[FindingView, ...]
    keywords: tuple[str, ...]
    report: Report | None
    rules_version: str | None
    lexicon_version: str | None
    engine: str | None
    transcript_hash: str | None
    findings_hash: str | None
    ledger_seq: int | None


@dataclass(frozen=True, slots=True)
class ConductView:
    """A sensitive behaviour that a channel showed."""

    id: str
    kind: str
    title_zh: str
    title_en: str
    advice_zh: str
    advice_en: str
    source: str
    severity: str
    employee_id: str | None
    customer_id: str | None
    thread_id: str | None
    message_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ThreadFindings:
    """What was found in a thread: by message, and the behaviours, newest first."""

    by_message: Mapping[str, tuple[FindingView, ...]]
    conduct: tuple[ConductView, ...]
    erased: bool


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert: about a finding of an inspection, or (`conduct`) about a behaviour.

    `rules` are all that it hit; `gathered`: it waits for the day's digest.

    Of a message `thread_id` and, if it is about one, `message_id` are set. `customer_name` and
    `customer_phone` are masked; empty where nobody knows the customer or it was erased. Of unusual access
    `said_zh` and `said_en` say what was seen, the limit and the usual, from `seen_since` to `seen_until`.
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
    severity: str
    suspected: bool
    hits: int
    messages: int
    rules: tuple[RuleTitle, ...]
    gathered: bool
    digest_id: str | None
    state: str
    created_at: datetime
    taken_by: str | None
    taken_at: datetime | None
    closed_by: str | None
    closed_at: datetime | None
    closed_because: str | None
    said_zh: str | None
    said_en: str | None
    advice_zh: str | None
    advice_en: str | None
    seen_since: datetime | None
    seen_until: datetime | None
    note: str | None = field(repr=False)
