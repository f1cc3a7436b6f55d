"""Tables of unbinding and rebinding. Ids, times, counts and codes of fixed lists; no name and no number."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import words
from core.db import Base, Id
from gateway.offboarding.model import StepKind, StepState

_IN_FORCE = text("ended_at IS NULL")
_OPEN_STEP = text("state IN ('waiting', 'retrying')")
CODE_CHARACTERS = 64


class PreviewRow(Base):
    """What somebody was shown: the plan that their act will carry out, if nothing changes until then."""

    __tablename__ = "gw_offboarding_previews"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    employee_id: Mapped[str] = mapped_column(Id)
    successor_id: Mapped[str | None] = mapped_column(Id)
    wipe: Mapped[bool]
    asked_by: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    digest: Mapped[str] = mapped_column(String(64))
    plan: Mapped[bytes] = mapped_column(LargeBinary)


class OffboardingRow(Base):
    """One unbinding. In force until it is undone or the employee is reactivated: one at a time for each.

    `plan` is what the preview showed; its SHA-256 is `digest` and stands in the ledger. `first_seq` to
    `last_seq` are the ledger's entries of the one transaction that did it.
    """

    __tablename__ = "gw_offboardings"
    __table_args__ = (
        Index(
            "uq_gw_offboardings_in_force",
            "employee_id",
            unique=True,
            sqlite_where=_IN_FORCE,
            postgresql_where=_IN_FORCE,
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    successor_id: Mapped[str | None] = mapped_column(Id)
    by: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    was_active: Mapped[bool]
    wipe: Mapped[bool]
    digest: Mapped[str] = mapped_column(String(64))
    plan: Mapped[bytes] = mapped_column(LargeBinary)
    undo_until: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(Id)
    ended_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    first_seq: Mapped[int] = mapped_column(BigInteger)
    last_seq: Mapped[int] = mapped_column(BigInteger)
    undo_seq: Mapped[int | None] = mapped_column(BigInteger)


class StepRow(Base):
    """One step: those of the transaction are done when it ends, the others are tried until they are over."""

    __tablename__ = "gw_offboarding_steps"
    __table_args__ = (
        Index("ix_gw_offboarding_steps_act", "offboarding_id"),
        Index(
            "ix_gw_offboarding_steps_due",
            "next_try_at",
            sqlite_where=_OPEN_STEP,
            postgresql_where=_OPEN_STEP,
        ),
        Index("ix_gw_offboarding_steps_order", "order_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    offboarding_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_offboardings.id"))
    kind: Mapped[StepKind] = mapped_column(words(StepKind))
    reference: Mapped[str | None] = mapped_column(String(64))
    order_id: Mapped[str | None] = mapped_column(String(64))
    count: Mapped[int] = mapped_column(default=1)
    state: Mapped[StepState] = mapped_column(words(StepState))
    attempts: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None] = mapped_column(String(CODE_CHARACTERS))
    next_try_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    ledger_seq: Mapped[int | None] = mapped_column(BigInteger)


class ItemRow(Base):
    """What one thing was before it was handed over, so that it can go back. `act_id`: who moved it."""

    __tablename__ = "gw_offboarding_items"

    act_id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    item_id: Mapped[str] = mapped_column(Id, primary_key=True)
    customer_id: Mapped[str] = mapped_column(Id)
    former_department_id: Mapped[str | None] = mapped_column(Id)
    former_direct_dial: Mapped[bool] = mapped_column(default=False)
    move: Mapped[str] = mapped_column(String(16))
    mark: Mapped[int] = mapped_column(default=0)
    """Of a thread: how many messages it had. More of them later: somebody wrote."""
    back: Mapped[bool] = mapped_column(default=False)


class HoldRow(Base):
    """Data of an employee that must not be deleted until a moment, or until somebody lifts it."""

    __tablename__ = "gw_evidence_holds"

    offboarding_id: Mapped[str] = mapped_column(Id, ForeignKey("gw_offboardings.id"), primary_key=True)
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    since: Mapped[datetime]
    until: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None] = mapped_column(Id)


class RebindingRow(Base):
    """A one-time code that lets one named employee take over a phone or a line. Only its hash is kept."""

    __tablename__ = "gw_rebindings"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    employee_id: Mapped[str] = mapped_column(Id, index=True)
    department_id: Mapped[str | None] = mapped_column(Id, index=True)
    device_id: Mapped[str | None] = mapped_column(String(64))
    line_id: Mapped[str | None] = mapped_column(Id)
    holder_id: Mapped[str | None] = mapped_column(Id)
    by: Mapped[str] = mapped_column(Id)
    at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    customers: Mapped[int] = mapped_column(default=0)
    bindings: Mapped[int] = mapped_column(default=0)
