"""Tables of inspections, sentences, findings and alerts. Texts are sealed under the customer's key."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import SealedColumn
from core.db import Base, Id
from core.sealed import Sealed


class InspectionRow(Base):
    """One inspection: of a call (`contact_id`) or of one day of a thread (`thread_day_id`), never of both.

    `nothing` says why there was nothing to inspect.
    """

    __tablename__ = "qa_inspections"
    __table_args__ = (
        UniqueConstraint("contact_id"),
        UniqueConstraint("thread_day_id"),
        CheckConstraint("(contact_id IS NULL) <> (thread_day_id IS NULL)", name="one_subject"),
        CheckConstraint("state <> 'done' OR finished_at IS NOT NULL", name="finished"),
        Index("ix_qa_inspections_employee", "employee_id", "contact_started_at"),
        Index("ix_qa_inspections_department", "department_id", "contact_started_at"),
        Index("ix_qa_inspections_band", "band", "contact_started_at"),
        Index("ix_qa_inspections_newest_band", "band", "id"),
        Index("ix_qa_inspections_state", "state", "contact_started_at"),
        Index("ix_qa_inspections_started", "contact_started_at"),
        Index("ix_qa_inspections_thread", "thread_id", "day"),
        # The reviewers' queue and how much of it is done are read from here alone, without the rows.
        Index(
            "ix_qa_inspections_queue",
            "state",
            "nothing_because",
            "id",
            "finding_count",
            "suspected_count",
            "severe_count",
            "contact_started_at",
            "employee_id",
            "department_id",
            "channel",
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    contact_id: Mapped[str | None] = mapped_column(Id)
    thread_day_id: Mapped[str | None] = mapped_column(Id)
    thread_id: Mapped[str | None] = mapped_column(Id)
    day: Mapped[date | None] = mapped_column(Date)
    subject_id: Mapped[str | None] = mapped_column(Id)
    employee_id: Mapped[str] = mapped_column(Id)
    department_id: Mapped[str | None] = mapped_column(Id)
    channel: Mapped[str] = mapped_column(String(16))
    direction: Mapped[str] = mapped_column(String(16))
    purpose: Mapped[str] = mapped_column(String(16))
    contact_started_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64))
    retryable: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    nothing: Mapped[str | None] = mapped_column("nothing_because", String(32))
    score: Mapped[int | None]
    band: Mapped[str | None] = mapped_column(String(16))
    fatal: Mapped[bool] = mapped_column(default=False)
    finding_count: Mapped[int] = mapped_column(default=0)
    severe_count: Mapped[int] = mapped_column(default=0)
    suspected_count: Mapped[int] = mapped_column(default=0)
    rules_version: Mapped[str | None] = mapped_column(String(32))
    lexicon_version: Mapped[str | None] = mapped_column(String(400))
    engine: Mapped[str | None] = mapped_column(String(200))
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    keywords: Mapped[Sealed | None] = mapped_column(SealedColumn)
    transcript_hash: Mapped[str | None] = mapped_column(String(64))
    findings_hash: Mapped[str | None] = mapped_column(String(64))
    ledger_seq: Mapped[int | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class CoveredContactRow(Base):
    """The one inspection of a contact by message: its thread's day's. A call's stands in its inspection."""

    __tablename__ = "qa_covered_contacts"

    contact_id: Mapped[str] = mapped_column(Id, primary_key=True)
    inspection_id: Mapped[str] = mapped_column(
        ForeignKey("qa_inspections.id", ondelete="CASCADE"), index=True
    )


class SentenceRow(Base):
    """One sentence of a transcript, or one message of a thread. `hidden`: what only few readers may see.

    Of a message `attachment_id` says that it stands in a file, and `at` is when it was sent.
    """

    __tablename__ = "qa_sentences"
    __table_args__ = (UniqueConstraint("inspection_id", "idx"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    inspection_id: Mapped[str] = mapped_column(ForeignKey("qa_inspections.id", ondelete="CASCADE"))
    idx: Mapped[int]
    role: Mapped[str] = mapped_column(String(16))
    begin_ms: Mapped[int]
    end_ms: Mapped[int]
    confidence: Mapped[float]
    text: Mapped[Sealed] = mapped_column(SealedColumn)
    message_id: Mapped[str | None] = mapped_column(Id)
    attachment_id: Mapped[str | None] = mapped_column(Id)
    at: Mapped[datetime | None]
    hidden: Mapped[list[list[int]] | None] = mapped_column(JSON)


class FindingRow(Base):
    """One rule hit. `idx` is its place in the inspection; the text is part of the sentence's.

    What is found in a message the moment it is sent has no `sentence_index` until its day is inspected.
    """

    __tablename__ = "qa_findings"
    __table_args__ = (
        UniqueConstraint("inspection_id", "idx"),
        Index("ix_qa_findings_category", "category", "severity"),
        Index("ix_qa_findings_message", "message_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    inspection_id: Mapped[str] = mapped_column(ForeignKey("qa_inspections.id", ondelete="CASCADE"))
    idx: Mapped[int]
    rule_id: Mapped[str] = mapped_column(String(64))
    rule_version: Mapped[str] = mapped_column(String(32))
    term_id: Mapped[str | None] = mapped_column(String(130))
    category: Mapped[str] = mapped_column(String(64))
    severity: Mapped[str] = mapped_column(String(16))
    role: Mapped[str] = mapped_column(String(16))
    sentence_index: Mapped[int | None]
    begin_ms: Mapped[int]
    end_ms: Mapped[int]
    char_begin: Mapped[int]
    char_end: Mapped[int]
    matched_by: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[float]
    suspected: Mapped[bool]
    fatal: Mapped[bool]
    deduction: Mapped[int]
    text: Mapped[Sealed | None] = mapped_column(SealedColumn)
    message_id: Mapped[str | None] = mapped_column(Id)
    attachment_id: Mapped[str | None] = mapped_column(Id)


_NOT_CLOSED = text("state <> 'closed'")
_GATHERED = text("gathered")


class AlertRow(Base):
    """Something that a person must see now: about a finding of an inspection, or about a conduct.

    A call has at most one that is not closed for each category, a message at most one at all. `employee_id`
    is None where nobody knows whose the conduct is.
    """

    __tablename__ = "qa_alerts"
    __table_args__ = (
        CheckConstraint("(finding_id IS NULL) <> (conduct_id IS NULL)", name="one_cause"),
        CheckConstraint("(finding_id IS NULL) = (inspection_id IS NULL)", name="finding_of_inspection"),
        Index(
            "uq_qa_alerts_unclosed",
            "inspection_id",
            "joins",
            unique=True,
            sqlite_where=_NOT_CLOSED,
            postgresql_where=_NOT_CLOSED,
        ),
        Index("ix_qa_alerts_state", "state", "created_at"),
        # Asked every half minute whether a digest is due; nearly always it is empty.
        Index("ix_qa_alerts_gathered", "created_at", sqlite_where=_GATHERED, postgresql_where=_GATHERED),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    inspection_id: Mapped[str | None] = mapped_column(ForeignKey("qa_inspections.id", ondelete="CASCADE"))
    finding_id: Mapped[str | None] = mapped_column(
        ForeignKey("qa_findings.id", ondelete="CASCADE"), index=True
    )
    conduct_id: Mapped[str | None] = mapped_column(
        ForeignKey("qa_conducts.id", ondelete="CASCADE"), unique=True
    )
    contact_id: Mapped[str | None] = mapped_column(Id, index=True)
    thread_id: Mapped[str | None] = mapped_column(Id, index=True)
    message_id: Mapped[str | None] = mapped_column(Id)
    device_id: Mapped[str | None] = mapped_column(Id, index=True)
    """The phone whose silence it tells; None for everything else."""
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    category: Mapped[str] = mapped_column(String(64))
    severity: Mapped[str] = mapped_column(String(16))
    suspected: Mapped[bool]
    hits: Mapped[int]
    joins: Mapped[str] = mapped_column(String(64), default="")
    """What joins it: of a call what is of this category, of a thread what is in this message."""
    messages: Mapped[int] = mapped_column(default=1)
    """More than one only where a day has more than are told one by one."""
    rules: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Every rule that it hit."""
    gathered: Mapped[bool] = mapped_column(default=False)
    """Waits for the day's digest: it is told then, and not before."""
    digest_id: Mapped[str | None] = mapped_column(ForeignKey("qa_alert_digests.id"), index=True)
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    taken_by: Mapped[str | None] = mapped_column(Id)
    taken_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(Id)
    closed_at: Mapped[datetime | None]
    closed_because: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[Sealed | None] = mapped_column(SealedColumn)


class AlertRuleRow(Base):
    """What an institution chose for a rule; a rule without a row is as the rulebook has it."""

    __tablename__ = "qa_alert_rules"

    rule_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    scope: Mapped[str] = mapped_column(String(16))
    timing: Mapped[str] = mapped_column(String(16))
    webhook: Mapped[bool]
    changed_by: Mapped[str] = mapped_column(Id)
    changed_at: Mapped[datetime]


class AlertDigestRow(Base):
    """One day's digest: what was gathered until `until` and told together."""

    __tablename__ = "qa_alert_digests"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    day: Mapped[date] = mapped_column(Date, unique=True)
    until: Mapped[datetime]
    made_at: Mapped[datetime]
    alerts: Mapped[int]
    rules: Mapped[dict[str, int]] = mapped_column(JSON)
    """How many alerts hit each rule."""


class ConductFindingRow(Base):
    """A sensitive behaviour, judged by the catalogue. `id` is the behaviour's own: one finding each.

    `employee_id` and `subject_id` (the customer) are None where nobody knows who is meant.
    """

    __tablename__ = "qa_conducts"
    __table_args__ = (Index("ix_qa_conducts_employee", "employee_id", "at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(24), index=True)
    severity: Mapped[str] = mapped_column(String(16))
    catalogue_version: Mapped[str] = mapped_column(String(32))
    employee_id: Mapped[str | None] = mapped_column(Id)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    subject_id: Mapped[str | None] = mapped_column(Id)
    thread_id: Mapped[str | None] = mapped_column(Id, index=True)
    message_id: Mapped[str | None] = mapped_column(Id, index=True)
    at: Mapped[datetime]
    found_at: Mapped[datetime]
    ledger_seq: Mapped[int | None]
