"""The words of unusual access: a line as a rule sees it, what was seen, a finding."""

from dataclasses import dataclass
from datetime import datetime

from core.audit.unusual.rulebook import Act


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the access log, as far as rules look at it."""

    id: str
    at: datetime
    kind: str
    actor_id: str | None
    target_id: str | None = None
    customer_id: str | None = None
    detail: str | None = None
    amount: int | None = None

    def is_of(self, acts: tuple[Act, ...]) -> bool:
        return (self.kind, None) in acts or (self.kind, self.detail) in acts


@dataclass(frozen=True, slots=True)
class Seen:
    """What goes beyond a limit: from the first line to the last, both included, and how many."""

    since: datetime
    until: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something unusual that one person did. `usual` is None where nothing is held against it."""

    id: str
    rule_id: str
    rules_version: str
    employee_id: str
    other_id: str | None
    since: datetime
    until: datetime
    seen: int
    limit: int
    window_s: int
    usual: int | None
