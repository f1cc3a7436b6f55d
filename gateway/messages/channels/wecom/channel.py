"""The archive as a channel: it takes nothing, and reads for ever."""

import asyncio
from collections.abc import AsyncIterator

from core.logging import get_logger
from core.tasks import cancel, spawn
from gateway.messages.channels.wecom.archive import BATCH, ArchiveReader
from gateway.messages.errors import ChannelRefused, ChannelUnavailable
from gateway.messages.model import ChannelKind, Outgoing, Submitted, Traits
from gateway.messages.ports import Delivery, PartTaken

_log = get_logger(__name__)


class WeComChannel:
    """A `MessageChannel` that only reads. The reader keeps what it reads itself, with its cursor."""

    kind = ChannelKind.WECOM
    traits = Traits(needs_number=False, dedupes=False, receipts=False, can_send=False)

    def __init__(self, reader: ArchiveReader, *, every_s: float = 15.0) -> None:
        self._reader = reader
        self._every_s = every_s
        self._task: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()
        self.connected = False

    async def start(self) -> None:
        if self._task is None:
            self._task = spawn(self._run(), name="wecom-archive")

    async def submit(self, outgoing: Outgoing, taken: PartTaken) -> Submitted:
        del outgoing, taken
        raise ChannelRefused("read-only")

    async def deliveries(self) -> AsyncIterator[Delivery]:
        nothing: tuple[Delivery, ...] = ()
        await self._closed.wait()
        for delivery in nothing:
            yield delivery

    async def close(self) -> None:
        self._closed.set()
        await cancel(self._task)

    async def _run(self) -> None:
        while True:
            came = 0
            try:
                came = await self._reader.read()
                self.connected = True
            except ChannelUnavailable as error:
                self.connected = False
                _log.warning("wecom.unavailable", reason=error.provider_code)
            except Exception as error:  # noqa: BLE001 - the cursor stands: the record comes again
                self.connected = False
                _log.error("wecom.not_kept", error_type=type(error).__name__)
            if came < BATCH:
                await asyncio.sleep(self._every_s)
