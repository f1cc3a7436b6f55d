"""What review tells others, in the transaction in which it happened."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FindingReviewed:
    """A finding's standing changed. `ruling` is None after a decision was taken back."""

    finding_id: str
    inspection_id: str
    employee_id: str
    ruling: str | None
    score: int | None
    band: str | None


@dataclass(frozen=True, slots=True)
class AppealRaised:
    """The inspected employee objects to a finding."""

    appeal_id: str
    finding_id: str
    inspection_id: str
    employee_id: str


@dataclass(frozen=True, slots=True)
class AppealSettled:
    """Another reviewer settled an objection."""

    appeal_id: str
    finding_id: str
    inspection_id: str
    employee_id: str
    state: str
