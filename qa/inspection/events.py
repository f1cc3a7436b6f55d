"""What inspection tells others, in the transaction in which it happened."""

from dataclasses import dataclass


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
    """Somebody must look at this now: a finding of an inspection, or a behaviour (no inspection)."""

    alert_id: str
    inspection_id: str | None
    contact_id: str | None
    employee_id: str | None
    category: str
    severity: str
    suspected: bool
    thread_id: str | None = None
