"""Tables of inspections, sentences, findings and alerts. Texts are sealed under the customer's key."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import SealedColumn
from core.db import Base, Id
from core.sealed import Sealed


class InspectionRow(Base):
    """One contact, one inspection. `nothing` says why there was nothing to inspect."""

    __tablename__ = "qa_inspections"
    __table_args__ = (
        UniqueConstraint("contact_id"),
        CheckConstraint("state <> 'done' OR finished_at IS NOT NULL", name="finished"),
        Index("ix_qa_inspections_employee", "employee_id", "contact_started_at"),
        Index("ix_qa_inspections_department", "department_id", "contact_started_at"),
        Index("ix_qa_inspections_band", "band", "contact_started_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    contact_id: Mapped[str] = mapped_column(Id)
    subject_id: Mapped[str | None] = mapped_column(Id)
    employee_id: Mapped[str] = mapped_column(Id)
    department_id: Mapped[str | None] = mapped_column(Id)
    channel: Mapped[str] = mapped_column(String(16))
    direction: Mapped[str] = mapped_column(String(16))
    purpose: Mapped[str] = mapped_column(String(16))
    contact_started_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16), index=True)
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


class SentenceRow(Base):
    """One sentence of a transcript."""

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


class FindingRow(Base):
    """One rule hit. `idx` is its place in the inspection; the text is part of the sentence's."""

    __tablename__ = "qa_findings"
    __table_args__ = (
        UniqueConstraint("inspection_id", "idx"),
        Index("ix_qa_findings_category", "category", "severity"),
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


class AlertRow(Base):
    """Something that a person must see now: at most one for each inspection and category."""

    __tablename__ = "qa_alerts"
    __table_args__ = (
        UniqueConstraint("inspection_id", "category"),
        Index("ix_qa_alerts_state", "state", "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    inspection_id: Mapped[str] = mapped_column(ForeignKey("qa_inspections.id", ondelete="CASCADE"))
    finding_id: Mapped[str] = mapped_column(ForeignKey("qa_findings.id", ondelete="CASCADE"), index=True)
    contact_id: Mapped[str] = mapped_column(Id, index=True)
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    category: Mapped[str] = mapped_column(String(64))
    severity: Mapped[str] = mapped_column(String(16))
    suspected: Mapped[bool]
    hits: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    taken_by: Mapped[str | None] = mapped_column(Id)
    taken_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(Id)
    closed_at: Mapped[datetime | None]
    note: Mapped[Sealed | None] = mapped_column(SealedColumn)
