"""Tables of notes and next steps. What was written is sealed under the customer's own key."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import SealedColumn, words
from core.db import Base, Id
from core.sealed import Sealed
from gateway.customers.notes.model import StepKind


class NoteRow(Base):
    """A note. Withdrawing hides it; only the customer's erasure takes the text away."""

    __tablename__ = "gw_customer_notes"
    __table_args__ = (Index("ix_gw_customer_notes_customer", "customer_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_customers.id"))
    text: Mapped[Sealed | None] = mapped_column(SealedColumn)
    masked: Mapped[bool]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Id)
    withdrawn_at: Mapped[datetime | None]


class NextStepRow(Base):
    """What is to be done with a customer, and by when."""

    __tablename__ = "gw_next_steps"
    __table_args__ = (Index("ix_gw_next_steps_open", "customer_id", "done_at", "due_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_customers.id"))
    kind: Mapped[StepKind] = mapped_column(words(StepKind))
    due_at: Mapped[datetime]
    text: Mapped[Sealed | None] = mapped_column(SealedColumn)
    masked: Mapped[bool]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Id)
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None] = mapped_column(Id)
