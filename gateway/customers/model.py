"""What goes into a customer, and the masked view of one that comes out."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.contact.model import Channel, Purpose
from gateway.customers.phone import PhoneNumber


class ConsentSource(StrEnum):
    """How a consent reached us."""

    WRITTEN = "written"
    WEB = "web"
    APP = "app"
    CALL = "call"
    MESSAGE = "message"
    IN_PERSON = "in_person"
    OTHER = "other"


class BlockReason(StrEnum):
    """Why a customer must not be contacted."""

    CUSTOMER_REQUEST = "customer_request"
    COMPLAINT = "complaint"
    DISPUTE = "dispute"
    LEGAL = "legal"
    WRONG_NUMBER = "wrong_number"
    DECEASED = "deceased"
    OTHER = "other"


@dataclass(frozen=True, slots=True, repr=False)
class CustomerInput:
    """A customer as typed or read from a file: nothing is checked yet. It has no telling `repr`."""

    phone: str
    name: str
    id_number: str = ""
    tags: tuple[str, ...] = ()
    external_id: str = ""
    time_zone: str = ""
    city: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class CustomerDraft:
    """A customer whose fields are all sound. `time_zone` is set."""

    phone: PhoneNumber
    name: str
    id_number: str | None
    tags: tuple[str, ...]
    external_id: str | None
    time_zone: str
    city: str | None


@dataclass(frozen=True, slots=True, repr=False)
class CustomerChange:
    """What to change; None leaves a field as it is, "" clears one that may be empty."""

    phone: str | None = None
    name: str | None = None
    id_number: str | None = None
    tags: tuple[str, ...] | None = None
    external_id: str | None = None
    time_zone: str | None = None
    city: str | None = None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer as anybody may see them: masked for good. Erased customers have no name and no phone."""

    id: str
    name_masked: str
    phone_masked: str
    has_id_number: bool
    tags: tuple[str, ...]
    external_id: str | None
    owner_id: str
    department_id: str | None
    time_zone: str
    city: str | None
    created_at: datetime
    updated_at: datetime
    erased_at: datetime | None


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """What to look for; `name` is an exact name, or a surname alone."""

    name: str | None = field(default=None, repr=False)
    last_four: str | None = field(default=None, repr=False)
    tag: str | None = None
    owner_id: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentView:
    """A consent; its evidence stays sealed, `has_evidence` says that there is some."""

    id: str
    customer_id: str
    purpose: Purpose
    source: ConsentSource
    has_evidence: bool
    given_at: datetime
    withdrawn_at: datetime | None
    recorded_by: str


@dataclass(frozen=True, slots=True)
class BlockView:
    """A do-not-contact entry. None: all purposes, all channels, no end."""

    id: str
    customer_id: str
    purpose: Purpose | None
    channel: Channel | None
    reason: BlockReason
    until: datetime | None
    created_at: datetime
    created_by: str
    lifted_at: datetime | None
