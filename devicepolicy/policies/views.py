"""Policies as their readers see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.ledger.record import JSON
from devicepolicy.capabilities.expected import Gap
from devicepolicy.policies.model import Effective, Layer, RolloutState, Source, TargetKind


@dataclass(frozen=True, slots=True)
class PolicyView:
    """A policy. `latest` is the newest published number, `revision` that of its draft."""

    id: str
    name: str
    about: str
    latest: int | None
    revision: int
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft, in normal form."""

    policy_id: str
    document: Mapping[str, JSON]
    revision: int
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class VersionView:
    """A published version, in normal form."""

    id: str
    policy_id: str
    number: int
    sha256: str
    document: Mapping[str, JSON]
    note: str
    published_at: datetime
    published_by: str


@dataclass(frozen=True, slots=True)
class AssignmentView:
    """A policy laid on somebody; `version` is None while only its roll-out's phones have it."""

    id: str
    layer: Layer
    target_kind: TargetKind
    target_id: str
    policy_id: str
    policy_name: str
    version: int | None
    rollout_id: str | None
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A roll-out with how its phones fare."""

    id: str
    assignment_id: str
    policy_id: str
    policy_name: str
    from_version: int | None
    to_version: int
    state: RolloutState
    percentage: int
    abort_percent: int
    abort_after: int
    reported: int
    failed: int
    started_at: datetime
    started_by: str
    halted_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class LayerView:
    """One layer by itself."""

    source: Source
    settings: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a device would be set to, from which layers, and what it cannot do."""

    effective: Effective
    layers: tuple[LayerView, ...]
    gaps: Mapping[str, Gap]
    hashes: Mapping[str, str]
