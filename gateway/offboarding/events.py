"""What unbinding tells others, in the transaction in which it happened."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EmployeeUnbound:
    """An employee is out of everything; what was theirs is the successor's (None: there was nothing)."""

    offboarding_id: str
    employee_id: str
    successor_id: str | None
    by: str


@dataclass(frozen=True, slots=True)
class UnbindingUndone:
    """The employee is back; what nobody touched since is theirs again."""

    offboarding_id: str
    employee_id: str
    by: str


@dataclass(frozen=True, slots=True)
class Rebound:
    """Somebody took over a phone or a line with a code."""

    rebinding_id: str
    employee_id: str
    device_id: str | None
    line_id: str | None
