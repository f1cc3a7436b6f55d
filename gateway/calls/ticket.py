"""What a call is asked for: flow, who, whom by which word. The numbers in it print masked."""

from dataclasses import dataclass, field

from gateway.calls.flow import Flow
from gateway.contact.model import Direction
from gateway.customers.phone import PhoneNumber


@dataclass(frozen=True, slots=True)
class CallTicket:
    """One wish for a call.

    STAFF: `employee_id` dialled `target`. CALLBACK: `employee_id` asks for `binding_id`. INBOUND: `caller`
    dialled the line `target`. `leg` and `offer` belong to the leg that called us.
    """

    call_id: str
    flow: Flow
    employee_id: str | None = None
    binding_id: str | None = None
    target: str = field(default="", repr=False)
    caller: PhoneNumber | None = None
    leg: str | None = None
    offer: str | None = field(default=None, repr=False)
    idempotency_key: str | None = None

    @property
    def direction(self) -> Direction:
        return Direction.INBOUND if self.flow is Flow.INBOUND else Direction.OUTBOUND


@dataclass(frozen=True, slots=True)
class OpenedCall:
    """A call whose verdict is in the books. `token` is what the staff phone shows instead of a number."""

    call_id: str
    contact_id: str
    employee_id: str
    customer_id: str
    token: str
    line_number: str
