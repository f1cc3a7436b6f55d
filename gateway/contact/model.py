"""The words of a contact: purpose, channel, direction, outcome, request and verdict."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Purpose(StrEnum):
    """Why a customer is reached."""

    SALES = "sales"
    COLLECTION = "collection"
    SERVICE = "service"


class Channel(StrEnum):
    """By what means."""

    CALL = "call"
    MESSAGE = "message"


class Direction(StrEnum):
    """Who began: staff (outbound) or the customer (inbound)."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class Outcome(StrEnum):
    """How a contact ended; `pending` while it is open.

    connected: the customer answered. unanswered: it rang or was dialled and the customer did not answer.
    refused: a rule said no. failed: our side or the network failed before the customer could notice.
    """

    PENDING = "pending"
    CONNECTED = "connected"
    UNANSWERED = "unanswered"
    REFUSED = "refused"
    FAILED = "failed"


class Decision(StrEnum):
    """What the rules say. `hold` waits for a person; no rule of this chain says it yet."""

    ALLOW = "allow"
    DENY = "deny"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class ContactRequest:
    """Who wants to reach whom, how and why. `node` names the call process, for its recovery."""

    employee_id: str
    binding_id: str
    channel: Channel
    direction: Direction
    purpose: Purpose
    node: str | None = None


@dataclass(frozen=True, slots=True)
class RuleRefusal:
    """One rule that says no. `next_allowed_at`: when it alone would allow; None if only an act helps."""

    rule_id: str
    rule_version: str
    code: str
    zh: str
    en: str
    next_allowed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer. The rule fields name the first refusing rule (empty on allow); `others` the further ones.

    `next_allowed_at`: the first moment at which the whole chain would allow if nothing else changed.
    """

    decision: Decision
    rule_id: str | None = None
    rule_version: str | None = None
    reason_code: str | None = None
    reason_zh: str = ""
    reason_en: str = ""
    next_allowed_at: datetime | None = None
    contact_id: str | None = None
    others: tuple[RuleRefusal, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.decision is Decision.ALLOW


@dataclass(frozen=True, slots=True)
class OpenContact:
    """A contact that nobody has closed yet: what a recovering call process needs to close it."""

    contact_id: str
    employee_id: str
    customer_id: str
    binding_id: str
    requested_at: datetime
    node: str | None
