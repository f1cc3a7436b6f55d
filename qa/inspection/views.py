"""What readers of inspections and alerts get to see. Texts print masked."""

from dataclasses import dataclass, field
from datetime import datetime

from qa.inspection.report import Report


@dataclass(frozen=True, slots=True)
class InspectionSummary:
    """One line of the list."""

    id: str
    contact_id: str
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
    index: int
    role: str
    begin_ms: int
    end_ms: int
    confidence: float
    text: str = field(repr=False)


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
class AlertView:
    id: str
    inspection_id: str
    finding_id: str
    contact_id: str
    employee_id: str
    department_id: str | None
    category: str
    category_zh: str
    category_en: str
    severity: str
    suspected: bool
    hits: int
    state: str
    created_at: datetime
    taken_by: str | None
    taken_at: datetime | None
    closed_by: str | None
    closed_at: datetime | None
    note: str | None = field(repr=False)
