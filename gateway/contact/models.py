"""The table of contacts: one row for each attempt to reach a customer, refused ones too."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import words
from core.db import Base, Id
from gateway.contact.model import Channel, Decision, Direction, Outcome, Purpose


class ContactRow(Base):
    """A contact with the verdict it was given. `rules_digest` names the rule files that gave it."""

    __tablename__ = "gw_contacts"
    __table_args__ = (
        Index("ix_gw_contacts_customer", "customer_id", "requested_at"),
        Index("ix_gw_contacts_open", "outcome", "node"),
        Index("ix_gw_contacts_decided", "decision", "requested_at"),
        # The lists are in the order of the ids; without the id in the index all its rows would be sorted.
        Index("ix_gw_contacts_decision", "decision", "id"),
        Index("ix_gw_contacts_employee", "employee_id", "requested_at"),
        Index("ix_gw_contacts_own", "employee_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    binding_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_bindings.id"))
    line_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_lines.id"))
    employee_id: Mapped[str] = mapped_column(Id)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    customer_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_customers.id"))
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    channel: Mapped[Channel] = mapped_column(words(Channel))
    direction: Mapped[Direction] = mapped_column(words(Direction))
    outcome: Mapped[Outcome] = mapped_column(words(Outcome))
    node: Mapped[str | None] = mapped_column(String(64))
    requested_at: Mapped[datetime]
    time_zone: Mapped[str] = mapped_column(String(64))
    decision: Mapped[Decision] = mapped_column(words(Decision))
    rule_id: Mapped[str | None] = mapped_column(String(64))
    rule_version: Mapped[str | None] = mapped_column(String(24))
    reason_code: Mapped[str | None] = mapped_column(String(40))
    reason_zh: Mapped[str] = mapped_column(String(300))
    reason_en: Mapped[str] = mapped_column(String(300))
    next_allowed_at: Mapped[datetime | None]
    others: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    rules_digest: Mapped[str] = mapped_column(String(64))
    verdict_seq: Mapped[int | None]
    rechecked_at: Mapped[datetime | None]
    revealed_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
