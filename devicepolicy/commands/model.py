"""Commands as the rest of the house sees them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from core.ledger.record import JSON
from devicepolicy.commands.kinds import CommandKind, ErrorCode, Order
from devicepolicy.commands.machine import Approval, Cause, CommandState


@dataclass(frozen=True, slots=True)
class NewCommand:
    """What is ordered. `validity_s` None: the kind's default. `reason` is for the one who approves."""

    device_id: str
    order: Order
    validity_s: int | None = None
    reason: str = field(default="", repr=False)
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class CommandView:
    """A command as its readers see it. A password is never in it."""

    id: str
    device_id: str
    seq: int | None
    kind: CommandKind
    state: CommandState
    approval: Approval
    approve_by: datetime | None
    employee_id: str | None
    department_id: str | None
    issued_by: str | None
    issued_at: datetime
    validity_s: int
    released_at: datetime | None
    expires_at: datetime | None
    deliveries: int
    delivered_at: datetime | None
    acked_at: datetime | None
    finished_at: datetime | None
    asked: int
    cause: Cause | None
    error: ErrorCode | None


@dataclass(frozen=True, slots=True)
class CommandHappened:
    """One line of a command's history."""

    at: datetime
    kind: str
    state: CommandState
    code: str | None
    by: str | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the second person said."""

    decided_by: str
    decided_at: datetime
    approved: bool
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CommandDetail:
    """One command with everything around it. `parameters` lack a password; `status` is the phone's."""

    command: CommandView
    parameters: Mapping[str, JSON] | None
    reason: str = field(repr=False)
    decision: Decision | None
    events: tuple[CommandHappened, ...]
    status: Mapping[str, JSON] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a phone gets: signed commands in order, whose results are missed, how far the numbers are."""

    tokens: tuple[str, ...]
    results_wanted: tuple[str, ...]
    last_seq: int
    more: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A phone's word on one command."""

    command_id: str
    state: CommandState
    error: ErrorCode | None = None
    status: Mapping[str, JSON] | None = field(default=None, repr=False)
