"""The words of unbinding: what is handed over how, what must be done, and how far it has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Move(StrEnum):
    """What becomes of a binding."""

    MOVE = "move"
    BY_TOKEN = "by_token"  # noqa: S105 - a word, not a secret
    """Moved; the successor dials this line to another customer already, so this one only by its token."""
    RELEASE = "release"
    """The successor has one with the same customer for the same purpose."""
    EXPIRE = "expire"


class StepKind(StrEnum):
    """What an unbinding does, in the order in which people read it."""

    ACCOUNT = "account"
    SESSIONS = "sessions"
    REGISTRATION = "registration"
    CALLS = "calls"
    CUSTOMERS = "customers"
    BINDINGS = "bindings"
    THREADS = "threads"
    MESSAGES = "messages"
    DUTIES = "duties"
    FREEZE = "freeze"
    WIPE = "wipe"
    HOLD = "hold"
    UNFREEZE = "unfreeze"
    """Of an undoing."""


class StepState(StrEnum):
    """Where a step is. `waiting`: on others (a phone, a second person); `retrying`: the last try failed."""

    WAITING = "waiting"
    RETRYING = "retrying"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        return self in {self.DONE, self.FAILED, self.CANCELLED}


class Phase(StrEnum):
    """How an unbinding stands as a whole."""

    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True)
class Held:
    """A live binding of somebody."""

    id: str
    customer_id: str
    line_id: str
    purpose: str
    direct_dial: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """An employee as far as an unbinding looks at them. `path` is that of their department."""

    id: str
    active: bool
    department_id: str | None
    path: str
    roles: frozenset[str]
    name: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Passing:
    """What goes on at this moment: shown, ended by the act, and no reason to call a preview stale."""

    sessions: int = 0
    registered: bool = False
    live_calls: int = 0
    queued_messages: int = 0
    next_steps: int = 0
    phones_connected: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that an unbinding would touch. `duties` by kind; all are ids, never names or numbers."""

    employee: Person
    successor: Person | None
    customers: frozenset[str] = frozenset()
    bindings: Mapping[str, Move] = field(default_factory=dict)
    threads: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()
    duties: Mapping[str, frozenset[str]] = field(default_factory=dict)
    phones: frozenset[str] = frozenset()
    passing: Passing = Passing()


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as the preview said. `part` is a key of the plan; counts of ids."""

    part: str
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Effect:
    """One line of the preview: what happens to how many. `undo` is yes, part or no."""

    kind: StepKind
    count: int
    zh: str
    en: str
    undo: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What an unbinding would do. `digest` is the SHA-256 of the plan that the act carries out."""

    id: str
    employee: Person
    successor: Person | None
    wipe: bool
    digest: str
    at: datetime
    expires_at: datetime
    effects: Sequence[Effect]


@dataclass(frozen=True, slots=True)
class StepView:
    """A step with its state. `reference` is a phone's id; `reason` the code of the last failure."""

    id: str
    kind: StepKind
    state: StepState
    count: int
    zh: str
    en: str
    undo: str
    reference: str | None
    attempts: int
    reason: str | None
    next_try_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Offboarding:
    """An unbinding as people see it."""

    id: str
    employee_id: str
    department_id: str | None
    successor_id: str | None
    by: str
    at: datetime
    phase: Phase
    digest: str
    undo_until: datetime
    can_undo: bool
    undone_at: datetime | None
    undone_by: str | None
    settled_at: datetime | None
    held_until: datetime
    hold_lifted_at: datetime | None
    ledger_seq: int
    steps: Sequence[StepView] = ()


@dataclass(frozen=True, slots=True)
class Undone:
    """What went back, and what could not: customers and bindings that somebody has touched since."""

    offboarding: Offboarding
    customers: int
    bindings: int
    threads: int
    kept_customers: int
    kept_bindings: int
