"""Tables of phones: what each is, how it stands, and what happened to it."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import BlindIndexColumn, SealedColumn, words
from core.db import Base, Id
from core.sealed import BlindIndex, Sealed
from devicepolicy.capabilities.facts import Mode
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust

_LIVE = text("trust = 'TRUSTED'")


class DeviceRow(Base):
    """A phone, from one enrolment to its end. The same hardware enrolled again is another row.

    `hardware` is a keyed hash: no serial number is kept. `department_id` is that of its employee, or of its
    token while it has none.
    """

    __tablename__ = "dp_devices"
    __table_args__ = (
        Index(
            "uq_dp_devices_hardware",
            "hardware",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
        Index("ix_dp_devices_compliance", "trust", "compliance"),
        Index("ix_dp_devices_hardware", "hardware"),
        Index(
            "ix_dp_devices_stale",
            "id",
            sqlite_where=text("desired_stale = 1"),
            postgresql_where=text("desired_stale"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    trust: Mapped[Trust] = mapped_column(words(Trust))
    public_key: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    hardware: Mapped[BlindIndex] = mapped_column(BlindIndexColumn())
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    token_id: Mapped[str] = mapped_column(Id)
    previous_id: Mapped[str | None] = mapped_column(Id)
    state: Mapped[DeviceState] = mapped_column(words(DeviceState))
    applied_state: Mapped[DeviceState | None] = mapped_column(words(DeviceState))
    manufacturer: Mapped[str] = mapped_column(String(60))
    model: Mapped[str] = mapped_column(String(60))
    os_version: Mapped[str] = mapped_column(String(40))
    security_patch: Mapped[str | None] = mapped_column(String(20))
    api_level: Mapped[int]
    mode: Mapped[Mode] = mapped_column(words(Mode))
    backends: Mapped[list[str]] = mapped_column(JSON)
    agent_version: Mapped[str] = mapped_column(String(40))
    status: Mapped[dict[str, Any]] = mapped_column(JSON)
    compliance: Mapped[ComplianceState] = mapped_column(words(ComplianceState))
    compliance_since: Mapped[datetime | None]
    left_compliance_at: Mapped[datetime | None]
    """When it was last compliant, or trusted; None while it is compliant."""
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    """How each setting stands, computed anew as a whole: nothing of an older report can stay."""
    desired_version: Mapped[int] = mapped_column(default=0)
    desired_stale: Mapped[bool] = mapped_column(default=False)
    """What is wanted may have changed and was not computed again yet."""
    contact_needs_compliance: Mapped[bool | None]
    max_silence_minutes: Mapped[int | None]
    """What its policy says of the employee's contacts; None: what the deployment's settings say."""
    applied_version: Mapped[int | None]
    report_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    report_hash: Mapped[str | None] = mapped_column(String(64))
    offline: Mapped[bool] = mapped_column(default=False)
    last_seen_at: Mapped[datetime | None]
    last_report_at: Mapped[datetime | None]
    terms_version: Mapped[str | None] = mapped_column(String(20))
    enrolled_at: Mapped[datetime]
    trusted_at: Mapped[datetime | None]
    trusted_by: Mapped[str | None] = mapped_column(Id)
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(24))


class ReportRow(Base):
    """What a phone said of its settings, as it signed it: the proof, kept when it says something new.

    `signature_base` is what was signed (RFC 9421 §2.5): with `body` and the phone's key anybody can check it.
    """

    __tablename__ = "dp_reports"
    __table_args__ = (Index("ix_dp_reports_device", "device_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    seq: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[datetime]
    content_hash: Mapped[str] = mapped_column(String(64))
    """Of what it says of policy; reports that say the same are not kept twice."""
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What it says of policy, in order, without free text."""
    applied_version: Mapped[int | None]
    compliance: Mapped[ComplianceState] = mapped_column(words(ComplianceState))
    signature_base: Mapped[str]
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))
    body: Mapped[Sealed] = mapped_column(SealedColumn())


class HistoryRow(Base):
    """Something that happened to a phone: for its page. Ids, words and counts only."""

    __tablename__ = "dp_history"
    __table_args__ = (Index("ix_dp_history_device", "device_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(40))
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    by: Mapped[str | None] = mapped_column(Id)
