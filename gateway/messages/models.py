"""Tables of messages. What was written is sealed under the customer's own key; no number is in the clear."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import BlindIndexColumn, SealedColumn, words
from core.db import Base, Id
from core.sealed import BlindIndex, Sealed
from gateway.contact.model import Direction, Purpose
from gateway.messages.events import ConductKind
from gateway.messages.machine import Cause
from gateway.messages.model import BodyKind, ChannelKind, MessageRole, MessageState, ReceiptState
from gateway.messages.screening.model import Action

REFERENCE_CHARACTERS = 128


class ThreadRow(Base):
    """What one employee and one customer write each other over one line by one channel."""

    __tablename__ = "gw_threads"
    __table_args__ = (
        UniqueConstraint("binding_id", "channel"),
        Index("ix_gw_threads_customer", "customer_id", "id"),
        Index("ix_gw_threads_last", "employee_id", "last_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    binding_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_bindings.id"))
    line_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_lines.id"))
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    customer_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_customers.id"))
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    channel: Mapped[ChannelKind] = mapped_column(words(ChannelKind))
    created_at: Mapped[datetime]
    last_at: Mapped[datetime]
    messages: Mapped[int] = mapped_column(default=0)
    unread: Mapped[int] = mapped_column(default=0)


class ThreadDayRow(Base):
    """One local day of a thread that has messages: what is inspected. Closed once, after its midnight.

    On the day on which a thread changes hands there are two: nobody answers for what another wrote.
    """

    __tablename__ = "gw_thread_days"
    __table_args__ = (
        UniqueConstraint("thread_id", "day", "employee_id"),
        Index("ix_gw_thread_days_open", "closed_at", "day"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    thread_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_threads.id"))
    employee_id: Mapped[str] = mapped_column(Id)
    department_id: Mapped[str | None] = mapped_column(Id)
    day: Mapped[date] = mapped_column(Date)
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    messages: Mapped[int] = mapped_column(default=0)
    ledger_seq: Mapped[int | None] = mapped_column(BigInteger)


class MessageRow(Base):
    """One message. `body` is what was written, `sent_body` what left after masking (None: the same).

    `body_mac` is an HMAC under a key of the customer's: it proves the text and dies with the customer.
    `reference` is ours and goes to the provider; `provider_reference` is the provider's (inbound: unique).
    """

    __tablename__ = "gw_messages"
    __table_args__ = (
        UniqueConstraint("author_id", "idempotency_key"),
        UniqueConstraint("channel", "provider_reference"),
        Index("ix_gw_messages_thread", "thread_id", "id"),
        Index("ix_gw_messages_due", "state", "channel", "next_try_at"),
        Index("ix_gw_messages_contact", "contact_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    thread_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_threads.id"))
    thread_day_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_thread_days.id"), index=True)
    contact_id: Mapped[str | None] = mapped_column(Id)
    """None for what staff wrote in an archived chat: that happened elsewhere, and nobody was asked."""
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    customer_id: Mapped[str] = mapped_column(Id, index=True)
    channel: Mapped[ChannelKind] = mapped_column(words(ChannelKind))
    direction: Mapped[Direction] = mapped_column(words(Direction))
    role: Mapped[MessageRole] = mapped_column(words(MessageRole))
    kind: Mapped[BodyKind] = mapped_column(words(BodyKind))
    in_group: Mapped[bool] = mapped_column(default=False)
    """Written in a group chat, as the archive or the phone says."""
    author_id: Mapped[str | None] = mapped_column(Id)
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    request_mac: Mapped[str | None] = mapped_column(String(64))
    template_version_id: Mapped[str | None] = mapped_column(Id)

    body: Mapped[Sealed | None] = mapped_column(SealedColumn)
    sent_body: Mapped[Sealed | None] = mapped_column(SealedColumn)
    body_mac: Mapped[str] = mapped_column(String(64))

    action: Mapped[Action | None] = mapped_column(words(Action))
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    policy_version: Mapped[str | None] = mapped_column(String(64))
    reason_code: Mapped[str | None] = mapped_column(String(64))
    reason_zh: Mapped[str] = mapped_column(String(300), default="")
    reason_en: Mapped[str] = mapped_column(String(300), default="")
    rule_id: Mapped[str | None] = mapped_column(String(64))
    next_allowed_at: Mapped[datetime | None]

    state: Mapped[MessageState] = mapped_column(words(MessageState))
    cause: Mapped[Cause | None] = mapped_column(words(Cause))
    attempts: Mapped[int] = mapped_column(default=0)
    in_flight: Mapped[bool] = mapped_column(default=False)
    parts: Mapped[int] = mapped_column(default=0)
    arrived: Mapped[int] = mapped_column(default=0)
    first_try_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]
    outbox_id: Mapped[str | None] = mapped_column(Id)
    reference: Mapped[str] = mapped_column(Id, unique=True)
    provider_reference: Mapped[str | None] = mapped_column(String(REFERENCE_CHARACTERS))
    provider_code: Mapped[str | None] = mapped_column(String(64))

    reviewed_by: Mapped[str | None] = mapped_column(Id)
    reviewed_at: Mapped[datetime | None]
    review_note: Mapped[Sealed | None] = mapped_column(SealedColumn)
    created_at: Mapped[datetime] = mapped_column(index=True)
    written_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    recalled_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    ledger_seq: Mapped[int | None] = mapped_column(BigInteger)


class MessagePartRow(Base):
    """One part that the provider took. What is here is never submitted again."""

    __tablename__ = "gw_message_parts"
    __table_args__ = (UniqueConstraint("channel", "provider_reference"),)

    message_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_messages.id"), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[ChannelKind] = mapped_column(words(ChannelKind))
    provider_reference: Mapped[str] = mapped_column(String(REFERENCE_CHARACTERS))
    taken_at: Mapped[datetime]
    receipt: Mapped[ReceiptState | None] = mapped_column(words(ReceiptState))
    receipt_at: Mapped[datetime | None]


class EarlyReceiptRow(Base):
    """A receipt that came before we knew what it is for; used when the submission is written down."""

    __tablename__ = "gw_early_receipts"

    channel: Mapped[ChannelKind] = mapped_column(words(ChannelKind), primary_key=True)
    provider_reference: Mapped[str] = mapped_column(String(REFERENCE_CHARACTERS), primary_key=True)
    state: Mapped[ReceiptState] = mapped_column(words(ReceiptState))
    code: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class FragmentRow(Base):
    """One part of an inbound message, sealed under the institution's key until all parts are here."""

    __tablename__ = "gw_message_fragments"

    channel: Mapped[ChannelKind] = mapped_column(words(ChannelKind), primary_key=True)
    group: Mapped[str] = mapped_column(String(64), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(Id, unique=True)
    total: Mapped[int]
    coding: Mapped[int]
    payload: Mapped[Sealed] = mapped_column(SealedColumn)
    sender: Mapped[Sealed | None] = mapped_column(SealedColumn)
    line_number: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(index=True)


class MessageEventRow(Base):
    """What happened to a message, in order: never changed, never deleted."""

    __tablename__ = "gw_message_events"
    __table_args__ = (Index("ix_gw_message_events_message", "message_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    message_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_messages.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[MessageState] = mapped_column(words(MessageState))
    code: Mapped[str | None] = mapped_column(String(64))
    by: Mapped[str | None] = mapped_column(Id)


class AttachmentRow(Base):
    """A file of a message, in an encrypted blob whose key dies with the customer's."""

    __tablename__ = "gw_attachments"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    message_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_messages.id"), index=True)
    customer_id: Mapped[str] = mapped_column(Id, index=True)
    kind: Mapped[BodyKind] = mapped_column(words(BodyKind))
    media_type: Mapped[str] = mapped_column(String(80))
    extension: Mapped[str] = mapped_column(String(8))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    blob_id: Mapped[str | None] = mapped_column(String(64))
    file_name: Mapped[Sealed | None] = mapped_column(SealedColumn)
    read_text: Mapped[Sealed | None] = mapped_column(SealedColumn)
    read_at: Mapped[datetime | None]
    read_result: Mapped[str | None] = mapped_column(String(16))
    """Of a voice message: read, silent or unreadable; None while no machine has tried."""
    read_confidence: Mapped[float | None]
    read_hidden: Mapped[list[list[int]] | None] = mapped_column(JSON)
    """Spans of the text in which the reader heard a number, also one that it misheard."""
    cleared_at: Mapped[datetime | None]
    cleared_by: Mapped[str | None] = mapped_column(Id)
    refused: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime]


class TemplateRow(Base):
    """A template by name; its texts are versions."""

    __tablename__ = "gw_templates"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Id)
    retired_at: Mapped[datetime | None]


class TemplateVersionRow(Base):
    """One text of a template. Approved by another person than the author; never changed after that."""

    __tablename__ = "gw_template_versions"
    __table_args__ = (UniqueConstraint("template_id", "version"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    template_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_templates.id"))
    version: Mapped[int]
    text: Mapped[str] = mapped_column(String(1000))
    variables: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    wording_version: Mapped[str] = mapped_column(String(64))
    author_id: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    approved_by: Mapped[str | None] = mapped_column(Id)
    approved_at: Mapped[datetime | None]
    rejected_by: Mapped[str | None] = mapped_column(Id)
    rejected_at: Mapped[datetime | None]
    comment: Mapped[str] = mapped_column(String(300), default="")


class OptOutRow(Base):
    """A customer's refusal by message: which word of which list, and what followed."""

    __tablename__ = "gw_opt_outs"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(Id, index=True)
    message_id: Mapped[str | None] = mapped_column(Id, unique=True)
    stray_id: Mapped[str | None] = mapped_column(Id, unique=True)
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    channel: Mapped[ChannelKind] = mapped_column(words(ChannelKind))
    purpose: Mapped[Purpose | None] = mapped_column(words(Purpose))
    word: Mapped[str] = mapped_column(String(40))
    rules_version: Mapped[str] = mapped_column(String(64))
    block_id: Mapped[str] = mapped_column(Id)
    confirmation_id: Mapped[str | None] = mapped_column(Id)
    at: Mapped[datetime]


class StrayRow(Base):
    """A message that belongs to no thread: kept, sealed under the institution's key, never lost."""

    __tablename__ = "gw_stray_messages"
    __table_args__ = (UniqueConstraint("channel", "provider_reference"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    channel: Mapped[ChannelKind] = mapped_column(words(ChannelKind))
    provider_reference: Mapped[str] = mapped_column(String(REFERENCE_CHARACTERS))
    line_number: Mapped[str] = mapped_column(String(20))
    customer_id: Mapped[str | None] = mapped_column(Id, index=True)
    sender: Mapped[Sealed | None] = mapped_column(SealedColumn)
    body: Mapped[Sealed] = mapped_column(SealedColumn)
    media: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime]


class ArchiveCursorRow(Base):
    """How far an archive has been read. Moved in the transaction that keeps the record."""

    __tablename__ = "gw_archive_cursors"

    source: Mapped[str] = mapped_column(String(40), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    read_at: Mapped[datetime]


class ArchiveMemberRow(Base):
    """Who an id of the archive is: an employee, or a customer. The id itself is kept as a blind index."""

    __tablename__ = "gw_archive_members"
    __table_args__ = (UniqueConstraint("source", "member_index"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    member_index: Mapped[BlindIndex] = mapped_column(BlindIndexColumn)
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    customer_id: Mapped[str | None] = mapped_column(Id, index=True)
    linked_at: Mapped[datetime]
    linked_by: Mapped[str] = mapped_column(Id)


class ArchiveRecordRow(Base):
    """One archived record as it came, whatever its kind: sealed, with the customer's key if known."""

    __tablename__ = "gw_archive_records"
    __table_args__ = (UniqueConstraint("source", "record_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    source: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[str] = mapped_column(String(128))
    seq: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(String(40), index=True)
    at: Mapped[datetime | None]
    customer_id: Mapped[str | None] = mapped_column(Id, index=True)
    message_id: Mapped[str | None] = mapped_column(Id)
    recalls: Mapped[str | None] = mapped_column(String(128), index=True)
    original: Mapped[Sealed] = mapped_column(SealedColumn)
    kept_at: Mapped[datetime]


class ConductRow(Base):
    """A sensitive behaviour, once. `subject` names what it was about, so that it is told once."""

    __tablename__ = "gw_conducts"
    __table_args__ = (UniqueConstraint("kind", "subject"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[ConductKind] = mapped_column(words(ConductKind))
    subject: Mapped[str] = mapped_column(String(160))
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    customer_id: Mapped[str | None] = mapped_column(Id, index=True)
    thread_id: Mapped[str | None] = mapped_column(Id)
    message_id: Mapped[str | None] = mapped_column(Id)
    at: Mapped[datetime]
    seen_at: Mapped[datetime]


class ChatTokenRow(Base):
    """The right of one customer to one web chat. Only a blind index of the token is kept."""

    __tablename__ = "gw_chat_tokens"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    thread_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_threads.id"), index=True)
    token_index: Mapped[BlindIndex] = mapped_column(BlindIndexColumn, unique=True)
    message_id: Mapped[str | None] = mapped_column(Id)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
