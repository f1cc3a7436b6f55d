"""What goes on, as small facts that say whose they are: enough to tell whom a change concerns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that goes on: whose it is, and a mark that changes whenever it changes. No personal data.

    `count` is how many things it stands for. `employee_id` is None where nobody knows.
    """

    employee_id: str | None
    department_id: str | None
    mark: str
    count: int = 1
