"""Texts by SIP MESSAGE (RFC 3428), over the link that the calls process has to its switches."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from core.errors import Unavailable
from core.ids import new_id
from gateway.customers.phone import PhoneInvalid, PhoneNumber
from gateway.messages.errors import ChannelRefused, ChannelThrottled, ChannelUnavailable, OutcomeUnknown
from gateway.messages.model import ChannelKind, Outgoing, Received, Submitted, Traits
from gateway.messages.ports import Delivery, PartTaken
from gateway.switch import protocol as p
from gateway.switch.link import LinkDown, LinkEvent
from gateway.switch.trunk import TrunkSources

ANSWER_S = 18.0
MAX_TEXT = 400  # 1300 bytes at three bytes a character (RFC 3428 section 8)
_FOR_GOOD = frozenset(
    {400, 403, 404, 405, 410, 413, 414, 415, 416, 420, 484, 485, 488, 501, 505, 513, 603, 604, 606}
)


@dataclass(frozen=True, slots=True)
class SipTextOptions:
    """The trunk: where texts go, and from which addresses they may come."""

    trunk_host: str
    trunk_port: int
    sources: TrunkSources
    region: str = "CN"


class TextLink(Protocol):
    """What texts need of the link to the switch."""

    @property
    def connected(self) -> bool: ...

    def send(self, command: p.SwitchCommand) -> None: ...

    def events(self) -> AsyncIterator[LinkEvent]: ...


class SipTextChannel:
    """A `MessageChannel` over the link to the switch. Give it the link's events by `LinkSplit`.

    A 2xx is the last that anybody says of a MESSAGE, so there are no receipts. Tries of one message have the
    same Call-ID, but no standard makes the other end drop a second one: it does not dedupe.
    """

    kind = ChannelKind.SIP
    traits = Traits(needs_number=True, dedupes=False, receipts=False, max_text=MAX_TEXT)

    def __init__(self, link: TextLink, options: SipTextOptions, blind: Callable[[str], str]) -> None:
        self._link = link
        self._options = options
        self._blind = blind
        self._waiting: dict[str, asyncio.Future[int]] = {}
        self._coming: asyncio.Queue[Delivery | None] = asyncio.Queue()

    @property
    def connected(self) -> bool:
        return self._link.connected

    async def start(self) -> None:
        """Nothing to open: the link is the calls process's."""

    async def submit(self, outgoing: Outgoing, taken: PartTaken) -> Submitted:
        if outgoing.to is None:
            raise ChannelRefused("no-number")
        name = new_id()
        waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[name] = waiting
        uri = f"sip:{outgoing.to.e164}@{self._options.trunk_host}:{self._options.trunk_port}"
        command = p.SendText(
            request=name,
            uri=SecretStr(uri),
            from_user=SecretStr(outgoing.line_number),
            call_id=outgoing.reference,
            text=outgoing.text,
        )
        try:
            try:
                self._link.send(command)
            except Unavailable as error:
                raise ChannelUnavailable("no-switch") from error
            async with asyncio.timeout(ANSWER_S):
                status = await waiting
        except TimeoutError as error:
            raise OutcomeUnknown from error
        finally:
            self._waiting.pop(name, None)
        _raise_for(status)
        reference = f"sip-{outgoing.reference}"
        await taken(0, reference)
        return Submitted((reference,))

    async def deliveries(self) -> AsyncIterator[Delivery]:
        while (delivery := await self._coming.get()) is not None:
            yield delivery

    async def close(self) -> None:
        self._coming.put_nowait(None)

    def hear(self, event: LinkEvent) -> bool:
        """Take an event of the link; False if it is none of ours."""
        if isinstance(event, p.TextResult):
            self._answered(event.request, event.status)
            return True
        if isinstance(event, p.TextIn):
            self._text(event)
            return True
        if isinstance(event, LinkDown):
            for name in event.legs:
                waiting = self._waiting.get(name)
                if waiting is not None and not waiting.done():
                    waiting.set_exception(OutcomeUnknown())
        return False

    def _answered(self, name: str, status: int) -> None:
        waiting = self._waiting.get(name)
        if waiting is not None and not waiting.done():
            waiting.set_result(status)

    def _text(self, event: p.TextIn) -> None:
        if not self._options.sources.includes(event.source_host, event.source_port):
            self._answer(event.request, 403)
            return
        received = Received(
            self.kind,
            # A UAC that did not hear our 200 sends the same Call-ID again (RFC 3261 section 17.1.2).
            f"sip-{self._blind(f'{event.source_host}|{event.call_id}')}",
            sender=self._number(event.from_user.get_secret_value()),
            line_number=event.to_user.get_secret_value(),
            text=event.text,
        )

        async def settle() -> None:
            self._answer(event.request, 200)

        async def give_back() -> None:
            self._answer(event.request, 503)

        self._coming.put_nowait(Delivery(received, settle, give_back))

    def _answer(self, name: str, status: int) -> None:
        try:
            self._link.send(p.AnswerText(request=name, status=status))
        except Unavailable:
            return  # the switch is gone; the sender hears nothing and sends again

    def _number(self, user: str) -> PhoneNumber | None:
        try:
            return PhoneNumber.parse(user, self._options.region)
        except PhoneInvalid:
            return None


class LinkSplit:
    """The link for calls that first lets the texts' channel hear each event."""

    def __init__(self, link: TextLink, hear: Callable[[LinkEvent], bool]) -> None:
        self._link = link
        self._hear = hear

    @property
    def connected(self) -> bool:
        return self._link.connected

    def send(self, command: p.SwitchCommand) -> None:
        self._link.send(command)

    async def events(self) -> AsyncIterator[LinkEvent]:
        async for event in self._link.events():
            if not self._hear(event):
                yield event


def _raise_for(status: int) -> None:
    if status < 300:
        return
    if status == 408:
        raise OutcomeUnknown
    code = f"sip-{status}"
    if status in _FOR_GOOD:
        raise ChannelRefused(code)
    if status in {429, 480, 486, 503}:
        raise ChannelThrottled(code, retry_after_s=5.0) if status == 429 else ChannelUnavailable(code)
    raise ChannelUnavailable(code)
