"""What every call is driven with: collaborators, limits, and what the outside may know of it."""

from dataclasses import dataclass, field
from typing import Protocol

from core.clock import Clock
from core.config import SipSettings
from gateway.calls.books import Books
from gateway.calls.metrics import CallMetrics
from gateway.calls.ports import MediaPlane, SwitchLink, Timers


@dataclass(frozen=True, slots=True)
class StepLimits:
    """How long a collaborator may take, in seconds; after that the call fails closed."""

    identify_s: float = 3.0
    judge_s: float = 5.0
    media_s: float = 5.0
    dial_s: float = 5.0
    notice_s: float = 60.0
    close_s: float = 60.0
    late_s: float = 30.0
    """How long the end of a call waits for a step that was given up on, before it cancels it."""
    file_pauses_s: tuple[float, ...] = (0.2, 1.0, 5.0, 15.0, 30.0)
    """Pauses between tries to write the record; the last one repeats."""


@dataclass(frozen=True, slots=True)
class PhoneAddress:
    """Where an employee's phone is registered."""

    user: str
    host: str
    port: int

    @property
    def uri(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"sip:{self.user}@{host}:{self.port}"


class Phones(Protocol):
    """Finds the registered phone of an employee."""

    async def locate(self, employee_id: str) -> PhoneAddress | None: ...


@dataclass(frozen=True, slots=True)
class Gear:
    """The collaborators of a call."""

    link: SwitchLink
    media: MediaPlane
    books: Books
    phones: Phones
    clock: Clock
    timers: Timers
    sip: SipSettings
    metrics: CallMetrics
    limits: StepLimits = field(default_factory=StepLimits)
