"""What inspection tells others, in the transaction in which it happened."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class InspectionDone:
    """A call, or a day of a thread, was inspected; `score` is None if there was nothing to inspect."""

    inspection_id: str
    contact_id: str | None
    employee_id: str
    score: int | None
    band: str | None
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """Somebody must look at this now: a finding of an inspection, or a behaviour (no inspection).

    What waits for the day's digest is not told like this.
    """

    alert_id: str
    inspection_id: str | None
    contact_id: str | None
    employee_id: str | None
    category: str
    severity: str
    suspected: bool
    thread_id: str | None = None


@dataclass(frozen=True, slots=True)
class AlertsDigested:
    """What was gathered for a day's digest is told; `rules` are those that were hit."""

    digest_id: str
    day: date
    alerts: int
    rules: tuple[str, ...]
