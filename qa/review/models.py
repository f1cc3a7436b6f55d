"""Tables of reviews, decisions and appeals. Comments and reasons are sealed under the customer's key."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import SealedColumn
from core.db import Base, Id
from core.sealed import Sealed


class ReviewRow(Base):
    """The review of one inspection: who has it, and what the score is by the findings that stand.

    The inspection's own score is never changed: the ledger proves it as it was. `number` counts the clean
    inspections of one employee, for the sample; it is None for one with findings.
    """

    __tablename__ = "qa_reviews"
    __table_args__ = (
        Index("ix_qa_reviews_state", "state", "sampled"),
        Index("ix_qa_reviews_employee", "employee_id", "number"),
        Index("ix_qa_reviews_queue", "inspection_id", "state", "open_appeals", "sampled"),
    )

    inspection_id: Mapped[str] = mapped_column(
        ForeignKey("qa_inspections.id", ondelete="CASCADE"), primary_key=True
    )
    employee_id: Mapped[str] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(16))
    number: Mapped[int | None]
    sampled: Mapped[bool] = mapped_column(default=False)
    policy_version: Mapped[str] = mapped_column(String(32))
    reviewer_id: Mapped[str | None] = mapped_column(Id)
    claimed_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None] = mapped_column(Id)
    reviewed_at: Mapped[datetime | None]
    score: Mapped[int | None]
    band: Mapped[str | None] = mapped_column(String(16))
    fatal: Mapped[bool] = mapped_column(default=False)
    confirmed_count: Mapped[int] = mapped_column(default=0)
    overturned_count: Mapped[int] = mapped_column(default=0)
    open_appeals: Mapped[int] = mapped_column(default=0)


class RulingRow(Base):
    """The decision in force on one finding. `revision` counts the entries of its history."""

    __tablename__ = "qa_rulings"

    finding_id: Mapped[str] = mapped_column(
        ForeignKey("qa_findings.id", ondelete="CASCADE"), primary_key=True
    )
    inspection_id: Mapped[str] = mapped_column(
        ForeignKey("qa_inspections.id", ondelete="CASCADE"), index=True
    )
    revision: Mapped[int] = mapped_column(default=0)
    ruling: Mapped[str | None] = mapped_column(String(16))
    decision_id: Mapped[str | None] = mapped_column(Id)


class DecisionRow(Base):
    """One entry of a finding's history: a ruling, or that one was taken back (`undoes`). Never changed."""

    __tablename__ = "qa_decisions"
    __table_args__ = (UniqueConstraint("finding_id", "revision"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    finding_id: Mapped[str] = mapped_column(ForeignKey("qa_findings.id", ondelete="CASCADE"))
    inspection_id: Mapped[str] = mapped_column(
        ForeignKey("qa_inspections.id", ondelete="CASCADE"), index=True
    )
    revision: Mapped[int]
    step: Mapped[str] = mapped_column(String(16))
    undoes: Mapped[str | None] = mapped_column(Id)
    appeal_id: Mapped[str | None] = mapped_column(Id)
    decided_by: Mapped[str] = mapped_column(Id)
    decided_at: Mapped[datetime]
    score_before: Mapped[int | None]
    score_after: Mapped[int | None]
    ledger_seq: Mapped[int | None]
    comment: Mapped[Sealed | None] = mapped_column(SealedColumn)


class AppealRow(Base):
    """An objection to one finding; `after` is the history's length when it was raised."""

    __tablename__ = "qa_appeals"
    __table_args__ = (UniqueConstraint("finding_id"), Index("ix_qa_appeals_state", "state", "raised_at"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    finding_id: Mapped[str] = mapped_column(ForeignKey("qa_findings.id", ondelete="CASCADE"))
    inspection_id: Mapped[str] = mapped_column(
        ForeignKey("qa_inspections.id", ondelete="CASCADE"), index=True
    )
    employee_id: Mapped[str] = mapped_column(Id)
    state: Mapped[str] = mapped_column(String(16))
    after: Mapped[int]
    raised_at: Mapped[datetime]
    settled_by: Mapped[str | None] = mapped_column(Id)
    settled_at: Mapped[datetime | None]
    reason: Mapped[Sealed | None] = mapped_column(SealedColumn)
