"""The words of inspection: findings, score, report, states."""

from dataclasses import dataclass, field
from enum import StrEnum

from qa.lexicon.model import Severity


class State(StrEnum):
    """Where an inspection stands. `failed` may be tried again if it says so."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Band(StrEnum):
    """What a score calls for."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    COACH = "coach"
    FLAG = "flag"


class AlertState(StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    CLOSED = "closed"


class Closure(StrEnum):
    """Why an alert is closed: a person handled it, a review overturned what called for it, or it is over."""

    HANDLED = "handled"
    OVERTURNED = "overturned"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule hit with its evidence; offsets count characters of the sentence, times are milliseconds.

    `sentence_index` is None for something that should have been said and was not. `begin_ms` and `end_ms`
    of a hit are estimated from its place in the sentence.
    """

    rule_id: str
    rule_version: str
    term_id: str | None
    category: str
    severity: Severity
    role: str
    sentence_index: int | None
    begin_ms: int
    end_ms: int
    char_begin: int
    char_end: int
    text: str = field(repr=False)
    matched_by: str
    confidence: float
    """0 to 1: how sure the match is, lowered where the recogniser was unsure of the sentence."""
    suspected: bool
    deducts: bool
    fatal: bool
    alerts: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """A finding and the points that it cost."""

    finding: Finding
    deduction: int


@dataclass(frozen=True, slots=True)
class Score:
    """The result of scoring: 0 to 100, and why."""

    value: int
    band: Band
    fatal: bool
    findings: tuple[Scored, ...]
