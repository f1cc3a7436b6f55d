"""The work list at the HTTP edge."""

from pydantic import AwareDatetime, Field

from core.web.paging import PageQuery
from core.web.schema import ApiModel
from gateway.contact.model import Channel, Direction, Outcome, Purpose
from gateway.customers.notes.schemas import StepOut
from gateway.customers.schemas import CustomerOut
from gateway.worklist.model import Turn


class WorkListQuery(PageQuery):
    limit: int = Field(default=10, ge=1, le=50)


class LastContactOut(ApiModel):
    at: AwareDatetime
    channel: Channel
    direction: Direction
    purpose: Purpose
    outcome: Outcome


class WorkBindingOut(ApiModel):
    """A live binding of the one who asks."""

    id: str
    token: str
    line_number: str
    purpose: Purpose
    expires_at: AwareDatetime


class WorkItemOut(ApiModel):
    """A customer of one's own, masked, and what is next."""

    customer: CustomerOut
    turn: Turn
    step: StepOut | None
    open_steps: int
    last: LastContactOut | None
    bindings: list[WorkBindingOut]
