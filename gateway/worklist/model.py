"""One customer of the work list, with what an employee must know before the next contact."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.contact.model import Channel, Direction, Outcome, Purpose
from gateway.customers.model import CustomerView
from gateway.customers.notes.model import StepView
from gateway.numbers.model import BindingView


class Turn(StrEnum):
    """Why a customer stands where they stand: a step is due today or overdue; none is planned; later."""

    DUE = "due"
    IDLE = "idle"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class LastContact:
    """The latest contact that the customer noticed, whoever made it."""

    at: datetime
    channel: Channel
    direction: Direction
    purpose: Purpose
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A customer, masked. `step` is the first due one; `bindings` are the employee's live ones."""

    customer: CustomerView
    turn: Turn
    step: StepView | None
    open_steps: int
    last: LastContact | None
    bindings: tuple[BindingView, ...]
