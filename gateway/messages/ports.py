"""What messages need of their neighbours: the verdict, words, channels, text in pictures, opt-out."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.contact.model import Channel, ContactRequest, Outcome, Purpose, Verdict
from gateway.customers.phone import PhoneNumber
from gateway.messages.model import ChannelEvent, ChannelKind, Outgoing, Submitted, Traits
from gateway.messages.models import MessageRow
from gateway.messages.screening.model import WordHit

PartTaken = Callable[[int, str], Awaitable[None]]


class Contacts(Protocol):
    """The verdict and the books of contacts (`gateway.contact.service`)."""

    async def judge(self, session: AsyncSession, request: ContactRequest) -> Verdict: ...

    async def recheck(self, session: AsyncSession, contact_id: str) -> Verdict: ...

    async def reveal_for_message(self, session: AsyncSession, contact_id: str) -> PhoneNumber: ...

    async def close(
        self, session: AsyncSession, contact_id: str, outcome: Outcome, *, answered_at: datetime | None = None
    ) -> None: ...


class Refusals(Protocol):
    """Do-not-contact and consent (`gateway.customers.consent`)."""

    async def refuse(
        self,
        session: AsyncSession,
        customer_id: str,
        *,
        purpose: Purpose | None,
        channel: Channel | None,
        withdraw: Purpose | None,
        note: str,
    ) -> str:
        """Put the customer on the do-not-contact list in the caller's transaction; give the entry's id."""


class Screener(Protocol):
    """Finds sensitive terms in what staff write; the roof plugs the quality wing's lexicon in."""

    @property
    def version(self) -> str: ...

    def find(self, text: str, purpose: Purpose) -> tuple[WordHit, ...]:
        """Give the hits; raise if it cannot answer: then the message does not leave."""


class ImageText(Protocol):
    """Reads the text in a picture."""

    async def read(self, content: bytes, media_type: str) -> str | None:
        """Give the text, "" if there is none, None if the picture could not be read."""


class ChatLinks(Protocol):
    """Makes the link of a customer's web chat, for one message that is leaving."""

    async def make(self, session: AsyncSession, message: MessageRow) -> str: ...


class NullImageText:
    """For a deployment without such a reader: every picture waits for a person."""

    async def read(self, content: bytes, media_type: str) -> str | None:
        del content, media_type
        return None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that came in. `settle` is called after it was kept: only then may the provider forget it.

    `give_back` is called when it could not be kept: the provider is to deliver it again.
    """

    event: ChannelEvent
    settle: Callable[[], Awaitable[None]]
    give_back: Callable[[], Awaitable[None]]


class MessageChannel(Protocol):
    """One way to the customers. Opened and closed by the process that holds it."""

    @property
    def kind(self) -> ChannelKind: ...

    @property
    def traits(self) -> Traits: ...

    @property
    def connected(self) -> bool: ...

    async def start(self) -> None: ...

    async def submit(self, outgoing: Outgoing, taken: PartTaken) -> Submitted:
        """Hand a message over; `taken` is awaited after each part that the provider took.

        Raises: ChannelRefused (for good), ChannelThrottled, ChannelUnavailable (try later),
        OutcomeUnknown (nobody knows).
        """

    def deliveries(self) -> AsyncIterator[Delivery]:
        """Give what comes in, in order, until the channel is closed."""

    async def close(self) -> None: ...
