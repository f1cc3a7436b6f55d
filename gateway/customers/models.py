"""Tables of customers. What names or reaches a person is sealed under that person's own key."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import BlindIndexColumn, SealedColumn, words
from core.db import Base, Id
from core.sealed import BlindIndex, Sealed
from gateway.contact.model import Channel, Purpose
from gateway.customers.model import BlockReason, ConsentSource


class CustomerRow(Base):
    """A customer. Its id is also the subject of its key. After erasure only ids and times are left."""

    __tablename__ = "gw_customers"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    phone: Mapped[Sealed | None] = mapped_column(SealedColumn)
    phone_index: Mapped[BlindIndex | None] = mapped_column(BlindIndexColumn, unique=True)
    last_four_index: Mapped[BlindIndex | None] = mapped_column(BlindIndexColumn, index=True)
    name: Mapped[Sealed | None] = mapped_column(SealedColumn)
    name_index: Mapped[BlindIndex | None] = mapped_column(BlindIndexColumn, index=True)
    surname_index: Mapped[BlindIndex | None] = mapped_column(BlindIndexColumn, index=True)
    id_number: Mapped[Sealed | None] = mapped_column(SealedColumn)
    external_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    owner_id: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    time_zone: Mapped[str] = mapped_column(String(64))
    city: Mapped[str | None] = mapped_column(String(50))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Id)
    updated_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class HandoverRow(Base):
    """A customer went from one employee to another: the new one sees what the old one did with them.

    `act_id` is the unbinding or rebinding that did it.
    """

    __tablename__ = "gw_customer_handovers"
    __table_args__ = (Index("ix_gw_customer_handovers_customer", "customer_id", "to_id"),)

    act_id: Mapped[str] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_customers.id"), primary_key=True)
    from_id: Mapped[str] = mapped_column(Id)
    to_id: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class CustomerTagRow(Base):
    """One tag of one customer."""

    __tablename__ = "gw_customer_tags"

    customer_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_customers.id"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(40), primary_key=True, index=True)


class ConsentRow(Base):
    """A consent and its withdrawal. Never deleted: that it was there is the evidence."""

    __tablename__ = "gw_consents"
    __table_args__ = (Index("ix_gw_consents_customer", "customer_id", "purpose"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_customers.id"))
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    source: Mapped[ConsentSource] = mapped_column(words(ConsentSource))
    evidence: Mapped[Sealed | None] = mapped_column(SealedColumn)
    given_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(Id)
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[str | None] = mapped_column(Id)


class BlockRow(Base):
    """A do-not-contact entry. Lifting it leaves the row."""

    __tablename__ = "gw_do_not_contact"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_customers.id"), index=True)
    purpose: Mapped[Purpose | None] = mapped_column(words(Purpose))
    channel: Mapped[Channel | None] = mapped_column(words(Channel))
    reason: Mapped[BlockReason] = mapped_column(words(BlockReason))
    note: Mapped[Sealed | None] = mapped_column(SealedColumn)
    until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Id)
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(Id)
