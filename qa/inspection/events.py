"""What inspection tells others, in the transaction in which it happened."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InspectionDone:
    """A contact was inspected; `score` is None if there was nothing to inspect."""

    inspection_id: str
    contact_id: str
    employee_id: str
    score: int | None
    band: str | None


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """Somebody must look at this now."""

    alert_id: str
    inspection_id: str
    contact_id: str
    employee_id: str
    category: str
    severity: str
    suspected: bool
