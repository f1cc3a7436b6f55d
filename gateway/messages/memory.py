"""In-memory twins at the seams: a channel that a test drives, words that a test names."""

import asyncio
from collections.abc import AsyncIterator

from gateway.contact.model import Purpose
from gateway.messages.model import ChannelEvent, ChannelKind, Outgoing, Submitted, Traits
from gateway.messages.ports import Delivery, PartTaken
from gateway.messages.screening.model import WordHit


class InMemoryChannel:
    """A `MessageChannel` whose provider is a list.

    `sent` has what was taken, one entry for each reference where `traits.dedupes`. `faults` are raised by the
    next submissions, in order; `lose_answer` takes the message and then breaks, as a dying process does.
    """

    def __init__(self, kind: ChannelKind = ChannelKind.SMS, traits: Traits | None = None) -> None:
        self._kind = kind
        self._traits = traits or Traits(needs_number=True, dedupes=True, receipts=True)
        self._coming: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self._running = False
        self.sent: list[Outgoing] = []
        self.faults: list[Exception] = []
        self.lose_answer: list[BaseException] = []
        self.settled: list[ChannelEvent] = []
        self.given_back: list[ChannelEvent] = []

    @property
    def kind(self) -> ChannelKind:
        return self._kind

    @property
    def traits(self) -> Traits:
        return self._traits

    @property
    def connected(self) -> bool:
        return self._running

    async def start(self) -> None:
        self._running = True

    async def submit(self, outgoing: Outgoing, taken: PartTaken) -> Submitted:
        if self.faults:
            raise self.faults.pop(0)
        known = any(outgoing.reference == other.reference for other in self.sent)
        if not (known and self._traits.dedupes):
            self.sent.append(outgoing)
        if self.lose_answer:
            raise self.lose_answer.pop(0)
        reference = f"m-{outgoing.reference}"
        await taken(0, reference)
        return Submitted((reference,))

    def come(self, event: ChannelEvent) -> None:
        """Let something come in."""

        async def settle() -> None:
            self.settled.append(event)

        async def give_back() -> None:
            self.given_back.append(event)

        self._coming.put_nowait(Delivery(event, settle, give_back))

    async def deliveries(self) -> AsyncIterator[Delivery]:
        while (delivery := await self._coming.get()) is not None:
            yield delivery

    async def close(self) -> None:
        self._running = False
        self._coming.put_nowait(None)


class InMemoryScreener:
    """A `Screener` of a few words; a word may break it."""

    def __init__(self, words: dict[str, WordHit] | None = None, *, breaks_on: str | None = None) -> None:
        self._words = words or {}
        self._breaks_on = breaks_on

    @property
    def version(self) -> str:
        return "memory@1"

    def find(self, text: str, purpose: Purpose) -> tuple[WordHit, ...]:
        del purpose
        if self._breaks_on is not None and self._breaks_on in text:
            raise RuntimeError("broken")
        return tuple(hit for word, hit in self._words.items() if word in text)
