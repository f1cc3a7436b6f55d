"""Tables of commands: what was ordered, who agreed, how it went, and how far each phone is."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import SealedColumn, words
from core.db import Base, Id
from core.sealed import Sealed
from devicepolicy.commands.kinds import CommandKind, ErrorCode
from devicepolicy.commands.machine import Approval, Cause, CommandState


class CommandRow(Base):
    """One order to one phone. `seq` is its number among the phone's, given when it is released.

    `employee_id` and `department_id` are those of the phone when it was ordered. `parameters` are sealed
    under the institution's key; of a password they are erased as soon as the phone has acknowledged it.
    `parameters_mac` is keyed: it proves the parameters to who has the key, and tells nothing to others.
    """

    __tablename__ = "dp_commands"
    __table_args__ = (
        UniqueConstraint("device_id", "seq"),
        UniqueConstraint("issued_by", "idempotency_key"),
        Index("ix_dp_commands_open", "state", "ask_at"),
        Index("ix_dp_commands_device", "device_id", "id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"))
    seq: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[CommandKind] = mapped_column(words(CommandKind))
    parameters: Mapped[Sealed | None] = mapped_column(SealedColumn)
    parameters_mac: Mapped[str | None] = mapped_column(String(64))
    reason: Mapped[Sealed | None] = mapped_column(SealedColumn)
    employee_id: Mapped[str | None] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    issued_by: Mapped[str | None] = mapped_column(Id)
    """None: the system itself, by policy."""
    issued_at: Mapped[datetime]
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    validity_s: Mapped[int]

    state: Mapped[CommandState] = mapped_column(words(CommandState))
    approval: Mapped[Approval] = mapped_column(words(Approval))
    approve_by: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    deliveries: Mapped[int] = mapped_column(default=0)
    delivered_at: Mapped[datetime | None]
    acked_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    asked: Mapped[int] = mapped_column(default=0)
    ask_at: Mapped[datetime | None]
    cause: Mapped[Cause | None] = mapped_column(words(Cause))
    error: Mapped[ErrorCode | None] = mapped_column(words(ErrorCode))
    status: Mapped[Sealed | None] = mapped_column(SealedColumn)
    """What the phone told beside success or failure: AMAPI's `…Status` of the command."""


class CommandApprovalRow(Base):
    """The second person's word on a command. Never changed, never deleted."""

    __tablename__ = "dp_command_approvals"

    command_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_commands.id"), primary_key=True)
    decided_by: Mapped[str] = mapped_column(Id)
    decided_at: Mapped[datetime]
    approved: Mapped[bool]
    reason: Mapped[Sealed | None] = mapped_column(SealedColumn)


class CommandEventRow(Base):
    """What happened to a command, in order: never changed, never deleted."""

    __tablename__ = "dp_command_events"
    __table_args__ = (Index("ix_dp_command_events_command", "command_id", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    command_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_commands.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(24))
    state: Mapped[CommandState] = mapped_column(words(CommandState))
    code: Mapped[str | None] = mapped_column(String(32))
    by: Mapped[str | None] = mapped_column(Id)


class CommandCursorRow(Base):
    """How far a phone's numbers are: given, delivered at least once, acknowledged."""

    __tablename__ = "dp_command_cursors"

    device_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_devices.id"), primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    delivered_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    acked_seq: Mapped[int] = mapped_column(BigInteger, default=0)


class WipeTurnRow(Base):
    """One row a person, locked while their wipes of the last hour are counted: no two counts at once."""

    __tablename__ = "dp_wipe_turns"

    employee_id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[datetime]
