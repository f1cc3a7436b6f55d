"""SMS over SMPP 3.4: submits parts, takes what comes in, reconnects for ever."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import smpp34

from core.clock import Clock
from core.logging import get_logger
from core.tasks import cancel, spawn
from gateway.customers.phone import PhoneInvalid, PhoneNumber
from gateway.messages.channels.smpp import segments
from gateway.messages.channels.smpp.pdu import HEADER, OK, SYSTEM_ERROR, Command, Pdu, message_id_of
from gateway.messages.channels.smpp.receipt import is_receipt, read_receipt
from gateway.messages.channels.smpp.session import SessionLimits, SmppSession
from gateway.messages.errors import ChannelRefused, ChannelThrottled, ChannelUnavailable
from gateway.messages.model import (
    ChannelEvent,
    ChannelKind,
    Fragment,
    Outgoing,
    Receipt,
    Received,
    Submitted,
    Traits,
)
from gateway.messages.ports import Delivery, PartTaken

THROTTLED = 0x58
USER_MESSAGE_REFERENCE, MESSAGE_PAYLOAD = 0x0204, 0x0424  # SMPP 3.4 section 5.3.2
# SMPP 3.4 section 5.1.3: what no second try can mend. Everything else is tried again.
FOR_GOOD = frozenset(
    {0x01, 0x02, 0x03, 0x06, 0x07, 0x0A, 0x0B, 0x33, 0x34, 0x40, 0x42, 0x43, 0x48, 0x49, 0x50, 0x51, 0x61}
    | {0x62, 0x65, 0x66, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4}
)
DEDUPE_S = 120
_MAY_BE_NUMBER = re.compile(r"[0-9]{8}")
_DIGITS = re.compile(r"[0-9]{3,20}")
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SmppOptions:
    """One account at an SMSC. `name` tells its message ids from those of other accounts.

    `sources` maps a line's number (E.164) to the address it has at this SMSC (an access code); a line that
    is not in it is its own address. `dedupes`: this SMSC drops a second submission with the same
    user_message_reference (ask the carrier). `rate_per_s` 0: as fast as the window allows.
    """

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    region: str = "CN"
    dedupes: bool = False
    decimal_receipt_ids: bool = False
    rate_per_s: float = 0.0
    throttle_pause_s: float = 1.0
    reconnect_s: tuple[float, ...] = (0.5, 1, 2, 5, 10, 30)
    limits: SessionLimits = field(default_factory=SessionLimits)


class SmppChannel:
    """A `MessageChannel` over one SMSC account. `blind` hashes with a secret key, to know a repetition."""

    kind = ChannelKind.SMS

    def __init__(self, options: SmppOptions, clock: Clock, blind: Callable[[str], str]) -> None:
        self._options = options
        self.name = options.name
        self._prefix = f"{options.name}:" if options.name else ""
        self._clock = clock
        self._key = blind
        self._session: SmppSession | None = None
        self._running: asyncio.Task[None] | None = None
        self._coming: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self._settled: dict[str, int] = {}
        self._next_at = 0.0
        self._bound = asyncio.Event()
        self.traits = Traits(needs_number=True, dedupes=options.dedupes, receipts=True, max_text=1000)

    @property
    def lines(self) -> frozenset[str]:
        """Give the lines that have an address at this SMSC."""
        return frozenset(self._options.sources)

    @property
    def connected(self) -> bool:
        return self._session is not None and self._session.alive

    async def start(self) -> None:
        """Begin to connect; does not wait for it."""
        if self._running is None:
            self._running = spawn(self._keep_bound(), name="smpp")

    async def wait_bound(self) -> None:
        """Wait until a session is bound."""
        await self._bound.wait()

    async def submit(self, outgoing: Outgoing, taken: PartTaken) -> Submitted:
        """Submit every part that was not taken yet, in order."""
        session = self._session
        if session is None or not session.alive:
            raise ChannelUnavailable("unbound")
        if outgoing.to is None:
            raise ChannelRefused("no-number")
        done = dict(outgoing.done_parts)
        cut = segments.split(outgoing.text, _number(outgoing.reference, 0xFF))
        references = []
        for segment in cut:
            if segment.part not in done:
                await self._pace()
                done[segment.part] = await self._submit_one(session, outgoing, segment, outgoing.to)
                await taken(segment.part, done[segment.part])
            references.append(done[segment.part])
        return Submitted(tuple(references), parts=len(cut))

    async def deliveries(self) -> AsyncIterator[Delivery]:
        while (delivery := await self._coming.get()) is not None:
            yield delivery

    async def close(self) -> None:
        await cancel(self._running)
        if self._session is not None:
            await self._session.close()
        self._coming.put_nowait(None)

    def _blind(self, text: str) -> str:
        return self._key(self._prefix + text)

    def _provider_id(self, written: str) -> str:
        """Give an SMSC's message id as we keep it: one that may hold somebody's number is hashed."""
        return self._prefix + (self._blind(written) if _MAY_BE_NUMBER.search(written) else written)

    async def _submit_one(
        self, session: SmppSession, outgoing: Outgoing, segment: segments.Segment, to: PhoneNumber
    ) -> str:
        source = self._options.sources.get(outgoing.line_number, outgoing.line_number.removeprefix("+"))
        reference = _number(f"{outgoing.reference}/{segment.part}", 0xFFFF)
        pdu = smpp34.SubmitSm(
            source,
            to.e164.removeprefix("+"),
            segment.payload,
            source_addr_ton=1 if outgoing.line_number not in self._options.sources else 0,
            source_addr_npi=1,
            dest_addr_ton=1,
            dest_addr_npi=1,
            esm_class=segment.esm_class,
            registered_delivery=1,
            data_coding=segment.data_coding,
            tlvs=[smpp34.Tlv(USER_MESSAGE_REFERENCE, reference.to_bytes(2))],
        )
        answer = await session.request(Command.SUBMIT_SM, pdu.encode()[HEADER.size :])
        if answer.status == OK:
            known = message_id_of(answer.body) or f"-{outgoing.reference}-{segment.part}"
            return self._provider_id(known)
        code = f"{answer.status:#04x}"
        if answer.status == THROTTLED:
            pause = self._options.throttle_pause_s
            self._next_at = self._clock.monotonic() + pause
            raise ChannelThrottled(code, retry_after_s=pause)
        if answer.status in FOR_GOOD:
            raise ChannelRefused(code)
        raise ChannelUnavailable(code)

    async def _pace(self) -> None:
        """Keep the agreed rate, and the pause that the SMSC asked for."""
        now = self._clock.monotonic()
        wait = self._next_at - now
        step = 1 / self._options.rate_per_s if self._options.rate_per_s else 0.0
        self._next_at = max(self._next_at, now) + step
        if wait > 0:
            await asyncio.sleep(wait)

    async def _keep_bound(self) -> None:
        tries = 0
        while True:
            try:
                self._session = await SmppSession.bind(
                    self._options.host,
                    self._options.port,
                    self._options.system_id,
                    self._options.password,
                    self._options.system_type,
                    self._options.limits,
                )
            except ChannelUnavailable as error:
                _log.warning("smpp.not_bound", reason=error.provider_code)
                pauses = self._options.reconnect_s
                await asyncio.sleep(pauses[min(tries, len(pauses) - 1)])
                tries += 1
                continue
            tries = 0
            _log.info("smpp.bound", host=self._options.host, port=self._options.port)
            self._bound.set()
            async for pdu in self._session.deliveries():
                self._coming.put_nowait(self._delivery(self._session, pdu))
            self._bound.clear()
            await self._session.close()

    def _delivery(self, session: SmppSession, pdu: Pdu) -> Delivery:
        event, key = self._read(pdu)

        async def settle() -> None:
            if key:
                self._settled[key] = self._settled.get(key, 0) + 1
            session.answer(pdu, OK)

        async def give_back() -> None:
            session.answer(pdu, SYSTEM_ERROR)

        return Delivery(event, settle, give_back)

    def _read(self, pdu: Pdu) -> tuple[ChannelEvent, str]:
        """Read a deliver_sm; one that makes no sense is kept as a message without a sender."""
        try:
            decoded = smpp34.decode(pdu.pack())
        except smpp34.SmppError:
            decoded = None
        if not isinstance(decoded, smpp34.DeliverSm):
            key = self._blind(pdu.body.hex())
            return Received(self.kind, f"x-{key}", text=segments.decode(segments.BINARY, pdu.body)), ""
        parameters = {tlv.tag: bytes(tlv.value) for tlv in decoded.tlvs}
        payload = decoded.short_message or parameters.get(MESSAGE_PAYLOAD, b"")
        if is_receipt(decoded.esm_class):
            text = payload.decode("latin-1")
            found = read_receipt(text, parameters, decimal_ids=self._options.decimal_receipt_ids)
            if found is not None:
                return Receipt(
                    self.kind, found.state, self._provider_id(found.message_id), code=found.code
                ), ""
        piece = segments.read_piece(decoded.esm_class, decoded.data_coding, payload)
        line = self._line(decoded.destination_addr)
        key, reference = self._reference(decoded, payload)
        sender = self._sender(decoded.source_addr, decoded.source_addr_ton)
        if piece.total > 1:
            group = self._blind(
                f"{decoded.source_addr}|{decoded.destination_addr}|{piece.reference}|{piece.total}"
            )
            return (
                Fragment(
                    self.kind, group, piece.part, piece.total, piece.data_coding, piece.payload, sender, line
                ),
                "",
            )
        text = segments.decode(piece.data_coding, piece.payload)
        return Received(self.kind, reference, sender=sender, line_number=line, text=text), key

    def _reference(self, decoded: smpp34.DeliverSm, payload: bytes) -> tuple[str, str]:
        """Name what came in, so that the same delivery again has the same name.

        SMPP gives a deliver_sm no identity. The same content within two minutes is the same delivery, unless
        we have acknowledged the former one: then the customer wrote it twice.
        """
        bucket = int(self._clock.now().timestamp()) // DEDUPE_S
        content = f"{decoded.source_addr}|{decoded.destination_addr}|{decoded.data_coding}|{payload.hex()}"
        key = f"{self._blind(content)}-{bucket}"
        if len(self._settled) > 10_000:
            self._settled.clear()
        return key, f"c-{key}-{self._settled.get(key, 0)}"

    def _line(self, address: str) -> str:
        for line, source in self._options.sources.items():
            if source == address:
                return line
        return f"+{address}" if _DIGITS.fullmatch(address) and not address.startswith("0") else address

    def _sender(self, address: str, ton: int) -> PhoneNumber | None:
        written = f"+{address}" if ton == 1 and not address.startswith("+") else address
        try:
            return PhoneNumber.parse(written, self._options.region)
        except PhoneInvalid:
            return None


def _number(text: str, mask: int) -> int:
    """Give a number that is always the same for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) & mask
