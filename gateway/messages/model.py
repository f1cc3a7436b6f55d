"""The words of messages: channels, states, kinds, what goes to a channel and what comes from it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.customers.phone import PhoneNumber


class ChannelKind(StrEnum):
    """By what a message travels. A thread has one."""

    SMS = "sms"
    SIP = "sip"
    WEBCHAT = "webchat"
    WECOM = "wecom"


class MessageState(StrEnum):
    """Where a message is. `received` is the only state of what the customer wrote."""

    QUEUED = "queued"
    HELD = "held"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    BLOCKED = "blocked"
    RECEIVED = "received"

    @property
    def final(self) -> bool:
        return self in {self.DELIVERED, self.FAILED, self.BLOCKED, self.RECEIVED}


class BodyKind(StrEnum):
    """What a message is. `other` keeps a kind that nobody knows, never losing it."""

    TEXT = "text"
    PICTURE = "picture"
    VOICE = "voice"
    VIDEO = "video"
    FILE = "file"
    CARD = "card"
    OTHER = "other"


class MessageRole(StrEnum):
    """Whose words: an employee's, the customer's, or the house's own (opt-out confirmation)."""

    STAFF = "staff"
    CUSTOMER = "customer"
    HOUSE = "house"


class ReceiptState(StrEnum):
    """What a provider says later about what it took."""

    DELIVERED = "delivered"
    FAILED = "failed"
    ACCEPTED = "accepted"  # still on its way


@dataclass(frozen=True, slots=True)
class Traits:
    """What a channel can do.

    dedupes: the provider knows our reference, so a try may be repeated without a second message.
    receipts: it says later whether the message arrived. needs_number: it wants the customer's number.
    """

    needs_number: bool
    dedupes: bool
    receipts: bool
    can_send: bool = True
    max_text: int = 1000
    media: bool = False


@dataclass(frozen=True, slots=True)
class Media:
    """A file that goes with a message."""

    attachment_id: str
    kind: BodyKind
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One try to send. `reference` is the same for every try of one message (32 hexadecimal characters).

    `done_parts` are parts that the provider already took, with its references: they are not sent again.
    """

    message_id: str
    thread_id: str
    reference: str
    line_number: str
    text: str = field(repr=False)
    to: PhoneNumber | None = None
    media: tuple[Media, ...] = ()
    done_parts: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Submitted:
    """The provider took the whole message. `references` by part, beginning with 0."""

    references: tuple[str, ...] = ()
    parts: int = 1


@dataclass(frozen=True, slots=True)
class ReceivedMedia:
    """A file that came with a message; the content is read when the message is kept."""

    kind: BodyKind
    content: bytes = field(repr=False)
    claimed_type: str = ""
    file_name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Received:
    """A message from outside. `reference` is the provider's, stable when it is delivered again.

    Who wrote it is known by `sender` and `line_number` (SMS, SIP) or by `thread_id` (web chat, archive).
    """

    channel: ChannelKind
    reference: str
    sent_at: datetime | None = None
    sender: PhoneNumber | None = None
    line_number: str = ""
    thread_id: str | None = None
    text: str = field(default="", repr=False)
    media: tuple[ReceivedMedia, ...] = ()
    in_group: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of something sent. Known by the provider's reference, or by ours."""

    channel: ChannelKind
    state: ReceiptState
    provider_reference: str = ""
    reference: str = ""
    code: str = ""
    """The provider's own code, e.g. `UNDELIV:011`; letters, digits and `:` only."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One part of a message in several; parts are kept until all are there. `group` tells whose it is."""

    channel: ChannelKind
    group: str
    part: int
    total: int
    coding: int
    payload: bytes = field(repr=False)
    sender: PhoneNumber | None
    line_number: str


ChannelEvent = Received | Receipt | Fragment
