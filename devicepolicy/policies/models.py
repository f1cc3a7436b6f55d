"""Tables of policies: drafts that change, versions that never do, where they are laid on, and roll-outs."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.columns import words
from core.db import Base, Id
from devicepolicy.policies.model import Layer, RolloutState, TargetKind

_OPEN = text("ended_at IS NULL")


class PolicyRow(Base):
    """A policy: a name under which versions are published. The name stays."""

    __tablename__ = "dp_policies"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    about: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Id)


class DraftRow(Base):
    """The one draft of a policy, checked but not in force. `revision` tells two editors from each other."""

    __tablename__ = "dp_policy_drafts"

    policy_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_policies.id"), primary_key=True)
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    revision: Mapped[int]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(Id)


class VersionRow(Base):
    """A published version. Rows are added and never changed: `document` is what `sha256` was made of."""

    __tablename__ = "dp_policy_versions"
    __table_args__ = (UniqueConstraint("policy_id", "number"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    policy_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_policies.id"))
    number: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    document: Mapped[bytes] = mapped_column(LargeBinary)
    note: Mapped[str] = mapped_column(String(300))
    published_at: Mapped[datetime]
    published_by: Mapped[str] = mapped_column(Id)


class AssignmentRow(Base):
    """A version laid on somebody. Without `version_id` only the open roll-out's phones have it."""

    __tablename__ = "dp_policy_assignments"
    __table_args__ = (
        Index(
            "uq_dp_policy_assignments_open",
            "policy_id",
            "layer",
            "target_kind",
            "target_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_dp_policy_assignments_target", "target_kind", "target_id"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    layer: Mapped[Layer] = mapped_column(words(Layer))
    target_kind: Mapped[TargetKind] = mapped_column(words(TargetKind))
    target_id: Mapped[str] = mapped_column(Id)
    policy_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_policies.id"))
    version_id: Mapped[str | None] = mapped_column(Id, ForeignKey("dp_policy_versions.id"))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Id)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(Id)


class RolloutRow(Base):
    """A version on its way to a share of an assignment's phones. At most one is open for an assignment."""

    __tablename__ = "dp_rollouts"
    __table_args__ = (
        Index(
            "uq_dp_rollouts_open",
            "assignment_id",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    assignment_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_policy_assignments.id"))
    from_version_id: Mapped[str | None] = mapped_column(Id, ForeignKey("dp_policy_versions.id"))
    to_version_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_policy_versions.id"))
    state: Mapped[RolloutState] = mapped_column(words(RolloutState))
    percentage: Mapped[int]
    abort_percent: Mapped[int]
    abort_after: Mapped[int]
    started_at: Mapped[datetime]
    started_by: Mapped[str] = mapped_column(Id)
    halted_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class RolloutDeviceRow(Base):
    """How a phone fared with a roll-out's version, at its last report."""

    __tablename__ = "dp_rollout_devices"

    rollout_id: Mapped[str] = mapped_column(Id, ForeignKey("dp_rollouts.id"), primary_key=True)
    device_id: Mapped[str] = mapped_column(Id, primary_key=True)
    failed: Mapped[bool]
    reported_at: Mapped[datetime]
