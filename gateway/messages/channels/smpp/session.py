"""One bound SMPP session: window, answers, link checks. It ends with the connection; who holds it reconnects.

`smpp34` has a session of its own, but that acknowledges a deliver_sm before we could write it down. Here the
answer is sent by whoever kept the message.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from core.logging import get_logger
from core.tasks import cancel, spawn
from gateway.messages.channels.smpp.pdu import (
    HEADER,
    INVALID_COMMAND,
    OK,
    Command,
    Pdu,
    PduInvalid,
    bind_body,
    length_of,
    unpack,
)
from gateway.messages.errors import ChannelUnavailable, OutcomeUnknown

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Window and timers, in seconds."""

    window: int = 10
    connect_s: float = 10.0
    response_s: float = 15.0
    enquire_s: float = 30.0


class SmppSession:
    """A session that is bound as transceiver."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: SessionLimits
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._sequence = 0
        self._pending: dict[int, asyncio.Future[Pdu]] = {}
        self._room = asyncio.Semaphore(limits.window)
        self._incoming: asyncio.Queue[Pdu | None] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._tasks = [spawn(self._read(), name="smpp-read")]

    @classmethod
    async def bind(
        cls, host: str, port: int, system_id: str, password: str, system_type: str, limits: SessionLimits
    ) -> "SmppSession":
        """Connect and bind; raise `ChannelUnavailable` with the SMSC's status if it does not want us."""
        try:
            async with asyncio.timeout(limits.connect_s):
                reader, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            raise ChannelUnavailable("connect") from error
        session = cls(reader, writer, limits)
        try:
            body = bind_body(system_id, password, system_type)
            answer = await session.request(Command.BIND_TRANSCEIVER, body)
        except OutcomeUnknown as error:
            await session.close()
            raise ChannelUnavailable("bind") from error
        if answer.status != OK:
            await session.close()
            raise ChannelUnavailable(f"bind:{answer.status:#04x}")
        session._tasks.append(spawn(session._check_link(), name="smpp-enquire"))
        return session

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    async def request(self, command: Command, body: bytes) -> Pdu:
        """Send a request and wait for its answer, within the window.

        Raises: ChannelUnavailable (nothing was sent), OutcomeUnknown (sent, and no answer came).
        """
        async with self._room:
            if not self.alive:
                raise ChannelUnavailable("closed")
            self._sequence = self._sequence % 0x7FFFFFFE + 1
            sequence = self._sequence
            waiting: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
            self._pending[sequence] = waiting
            try:
                self._write(Pdu(command, OK, sequence, body))
                async with asyncio.timeout(self._limits.response_s):
                    await self._writer.drain()
                    return await waiting
            except (OSError, TimeoutError) as error:
                raise OutcomeUnknown from error
            finally:
                self._pending.pop(sequence, None)

    async def deliveries(self) -> AsyncIterator[Pdu]:
        """Give each deliver_sm; answer it with `answer`. Ends with the session."""
        while (pdu := await self._incoming.get()) is not None:
            yield pdu

    def answer(self, pdu: Pdu, status: int) -> None:
        """Answer a request of the SMSC; a session that is gone answers nothing, and it will ask again."""
        body = b"\x00" if pdu.command == Command.DELIVER_SM else b""
        if self.alive:
            self._write(Pdu(pdu.command | 0x80000000, status, pdu.sequence, body))

    async def close(self) -> None:
        """Unbind if it is still possible, and close the connection."""
        if self.alive:
            self._sequence = self._sequence % 0x7FFFFFFE + 1
            self._write(Pdu(Command.UNBIND, OK, self._sequence))
        self._end()
        await cancel(*self._tasks)
        self._writer.close()

    async def wait_ended(self) -> None:
        await self._ended.wait()

    def _write(self, pdu: Pdu) -> None:
        if not self._writer.is_closing():
            self._writer.write(pdu.pack())

    def _end(self) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        for waiting in self._pending.values():
            if not waiting.done():
                waiting.set_exception(OutcomeUnknown())
        self._incoming.put_nowait(None)

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(HEADER.size)
                rest = await self._reader.readexactly(length_of(head) - HEADER.size)
                self._take(unpack(head + rest))
        except (OSError, asyncio.IncompleteReadError, PduInvalid) as error:
            _log.info("smpp.ended", error_type=type(error).__name__)
        finally:
            self._end()
            self._writer.close()

    def _take(self, pdu: Pdu) -> None:
        if pdu.is_response:
            waiting = self._pending.get(pdu.sequence)
            if waiting is not None and not waiting.done():
                waiting.set_result(pdu)
        elif pdu.command == Command.DELIVER_SM:
            self._incoming.put_nowait(pdu)
        elif pdu.command == Command.ENQUIRE_LINK:
            self.answer(pdu, OK)
        elif pdu.command == Command.UNBIND:
            self.answer(pdu, OK)
            raise PduInvalid
        else:
            self._write(Pdu(Command.GENERIC_NACK, INVALID_COMMAND, pdu.sequence))

    async def _check_link(self) -> None:
        """Ask now and then whether the other end lives; if it does not answer the session is over."""
        while True:
            await asyncio.sleep(self._limits.enquire_s)
            try:
                await self.request(Command.ENQUIRE_LINK, b"")
            except (OutcomeUnknown, ChannelUnavailable):
                _log.warning("smpp.link_lost")
                self._end()
                self._writer.close()
                return
