"""Tables of calls: the call detail record, phone accounts, where a phone is registered now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import SealedColumn
from core.db import Base, Id
from core.sealed import Sealed

NAME_CHARACTERS = 32
HASH_CHARACTERS = 64
_NOT_OVER = text("ended_at IS NULL")


class CallRow(Base):
    """The call detail record: exactly one for each contact by telephone. It never holds a number.

    Written open in the transaction of the verdict, closed once in the transaction of the end. `*_packets`
    are the counters of each leg (`gateway.media.model.LegStats`).
    """

    __tablename__ = "gw_calls"
    __table_args__ = (
        UniqueConstraint("employee_id", "idempotency_key"),
        Index("ix_gw_calls_open", "node", "ended_at"),
        Index("ix_gw_calls_employee", "employee_id", "id"),
        Index("ix_gw_calls_cause", "cause", "id"),
        Index("ix_gw_calls_live", "id", sqlite_where=_NOT_OVER, postgresql_where=_NOT_OVER),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    contact_id: Mapped[str] = mapped_column(Id, unique=True)
    node: Mapped[str] = mapped_column(String(64))
    flow: Mapped[str] = mapped_column(String(NAME_CHARACTERS))
    direction: Mapped[str] = mapped_column(String(NAME_CHARACTERS))
    purpose: Mapped[str] = mapped_column(String(NAME_CHARACTERS))
    employee_id: Mapped[str] = mapped_column(Id)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    customer_id: Mapped[str] = mapped_column(Id, index=True)
    binding_id: Mapped[str] = mapped_column(Id)
    line_id: Mapped[str] = mapped_column(Id)
    idempotency_key: Mapped[str | None] = mapped_column(String(128))

    decision: Mapped[str] = mapped_column(String(NAME_CHARACTERS))
    rule_id: Mapped[str | None] = mapped_column(String(64))
    rule_version: Mapped[str | None] = mapped_column(String(64))
    reason_code: Mapped[str | None] = mapped_column(String(64))
    reason_zh: Mapped[str | None] = mapped_column(String(300))
    reason_en: Mapped[str | None] = mapped_column(String(300))
    next_allowed_at: Mapped[datetime | None]

    started_at: Mapped[datetime] = mapped_column(index=True)
    judged_at: Mapped[datetime | None]
    media_open_at: Mapped[datetime | None]
    staff_ringing_at: Mapped[datetime | None]
    staff_answered_at: Mapped[datetime | None]
    customer_dialled_at: Mapped[datetime | None]
    customer_ringing_at: Mapped[datetime | None]
    customer_answered_at: Mapped[datetime | None]
    notice_played_at: Mapped[datetime | None]
    bridged_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    ended_by: Mapped[str | None] = mapped_column(String(NAME_CHARACTERS))
    cause: Mapped[str | None] = mapped_column(String(NAME_CHARACTERS))
    sip_status: Mapped[int | None] = mapped_column(SmallInteger)
    notice_ms: Mapped[int | None]
    notice_sha256: Mapped[str | None] = mapped_column(String(HASH_CHARACTERS))
    staff_packets: Mapped[dict[str, int] | None] = mapped_column(JSON)
    customer_packets: Mapped[dict[str, int] | None] = mapped_column(JSON)
    recorded_packets: Mapped[int] = mapped_column(default=0)
    relayed_packets: Mapped[int] = mapped_column(default=0)
    duration_ms: Mapped[int] = mapped_column(default=0)
    media_failure: Mapped[str | None] = mapped_column(String(NAME_CHARACTERS))

    recording_id: Mapped[str | None] = mapped_column(String(64))
    recording_size: Mapped[int | None] = mapped_column(BigInteger)
    recording_sha256: Mapped[str | None] = mapped_column(String(HASH_CHARACTERS))
    wav_sha256: Mapped[str | None] = mapped_column(String(HASH_CHARACTERS))
    cdr_sha256: Mapped[str | None] = mapped_column(String(HASH_CHARACTERS))
    ledger_seq: Mapped[int | None] = mapped_column(BigInteger)


class SipAccountRow(Base):
    """The phone account of one employee. Only hashes of the password, sealed (RFC 7616 section 3.4.2)."""

    __tablename__ = "gw_sip_accounts"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    employee_id: Mapped[str] = mapped_column(Id, unique=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    realm: Mapped[str] = mapped_column(String(128))
    ha1_md5: Mapped[Sealed] = mapped_column(SealedColumn)
    ha1_sha256: Mapped[Sealed] = mapped_column(SealedColumn)
    created_at: Mapped[datetime]
    rotated_at: Mapped[datetime]


class RegistrationRow(Base):
    """Where the phone of an account can be reached until `expires_at`; the latest REGISTER wins."""

    __tablename__ = "gw_registrations"

    account_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_sip_accounts.id"), primary_key=True)
    employee_id: Mapped[str] = mapped_column(Id, unique=True)
    contact_user: Mapped[str] = mapped_column(String(64))
    host: Mapped[str] = mapped_column(String(255))
    port: Mapped[int]
    registered_at: Mapped[datetime]
    expires_at: Mapped[datetime]


TIMES = (
    "started_at",
    "judged_at",
    "media_open_at",
    "staff_ringing_at",
    "staff_answered_at",
    "customer_dialled_at",
    "customer_ringing_at",
    "customer_answered_at",
    "notice_played_at",
    "bridged_at",
    "ended_at",
)
_NOT_IN_DOCUMENT = frozenset({"cdr_sha256", "ledger_seq", "reason_zh", "reason_en", *TIMES})


def cdr_document(row: CallRow) -> dict[str, Any]:
    """Give what the hash in the ledger covers: every column but the sentences and the ledger's own answer."""
    return document_of({column.name: getattr(row, column.name) for column in CallRow.__table__.columns})


def document_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the same of a row's values by column.

    Times are written as UTC with microseconds, so that both databases give the same bytes.
    """
    document = {name: value for name, value in values.items() if name not in _NOT_IN_DOCUMENT}
    for name in (*TIMES, "next_allowed_at"):
        moment = values[name]
        document[name] = None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return document
