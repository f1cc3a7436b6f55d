"""What the forms of a customer's card send."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from core.web.schema import ApiModel, IdStr
from dashboard.forms import FormModel
from gateway.contact.model import Channel, Purpose
from gateway.customers.approvals.model import ErasureGround
from gateway.customers.model import BlockReason, ConsentSource
from gateway.customers.notes.model import MAX_TEXT, StepKind


class When(StrEnum):
    """Times that people mean, without a calendar."""

    HOUR = "hour"
    TODAY = "today"
    TOMORROW = "tomorrow"
    DAYS = "days"
    WEEK = "week"


class NotePath(ApiModel):
    customer_id: IdStr
    note_id: IdStr


class StepPath(ApiModel):
    customer_id: IdStr
    step_id: IdStr


class BlockPath(ApiModel):
    customer_id: IdStr
    block_id: IdStr


class BackForm(FormModel):
    """A form that only acts; `back` is the page that it stands on."""

    back: str | None = Field(default=None, max_length=2000)


class NoteForm(FormModel):
    text: str = Field(default="", max_length=2 * MAX_TEXT, repr=False)


class StepForm(FormModel):
    """A next step: a usual time, or an own one on the clock of the institution."""

    kind: StepKind = StepKind.CALL
    when: When = When.TOMORROW
    due_at: datetime | None = None
    text: str = Field(default="", max_length=2 * MAX_TEXT, repr=False)


class BindForm(BackForm):
    """A binding for oneself. `key` makes a double click one binding."""

    purpose: Purpose
    days: int = Field(default=30, ge=1, le=90)
    key: IdStr


class ConsentForm(FormModel):
    purpose: Purpose
    source: ConsentSource
    given_at: datetime | None = None
    evidence: str = Field(default="", max_length=2000, repr=False)


class IdentityForm(FormModel):
    """Who the customer should be; what is left empty stays."""

    name: str | None = Field(default=None, max_length=200, repr=False)
    phone: str | None = Field(default=None, max_length=200, repr=False)
    id_number: str | None = Field(default=None, max_length=200, repr=False)
    external_id: str | None = Field(default=None, max_length=200, repr=False)
    reason: str = Field(default="", max_length=1000, repr=False)


class ErasureForm(FormModel):
    ground: ErasureGround
    reason: str = Field(default="", max_length=1000, repr=False)


class WithdrawForm(FormModel):
    purpose: Purpose


class BlockForm(FormModel):
    reason: BlockReason
    purpose: Purpose | None = None
    channel: Channel | None = None
    days: int | None = Field(default=None, ge=1, le=3650)
    note: str = Field(default="", max_length=2000, repr=False)
