"""Holds the channels of a process: starts them, takes what comes in, sends what is due."""

import asyncio
from collections.abc import Mapping, Sequence

from core.logging import get_logger
from core.tasks import cancel, spawn
from gateway.messages.dispatch import Dispatcher
from gateway.messages.fragments import Fragments
from gateway.messages.inbox import Inbox
from gateway.messages.model import ChannelKind, Fragment, Received
from gateway.messages.ports import Delivery, MessageChannel
from gateway.messages.receipts import Receipts

_log = get_logger(__name__)


class ChannelHost:
    """Runs until told to stop. What came in is settled with the provider only when it is on disk."""

    def __init__(
        self,
        channels: Sequence[MessageChannel],
        *,
        dispatcher: Dispatcher,
        inbox: Inbox,
        receipts: Receipts,
        fragments: Fragments,
    ) -> None:
        self._channels = tuple(channels)
        self._dispatcher = dispatcher
        self._inbox = inbox
        self._receipts = receipts
        self._fragments = fragments

    def status(self) -> Mapping[ChannelKind, bool]:
        """Tell which channels are connected."""
        return {channel.kind: channel.connected for channel in self._channels}

    async def run(self, stop: asyncio.Event) -> None:
        """Serve all channels until `stop` is set, then close them.

        A listener or the dispatcher that breaks ends the run with its error: a channel that nobody hears must
        not look alive.
        """
        tasks: list[asyncio.Task[None]] = [spawn(_until(stop), name="stop")]
        try:
            for channel in self._channels:
                await channel.start()
                tasks.append(spawn(self.listen(channel), name=f"listen-{channel.kind}"))
            tasks.append(spawn(self._dispatcher.run(), name="dispatch"))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await cancel(*tasks)
            for channel in self._channels:
                await channel.close()

    async def listen(self, channel: MessageChannel) -> None:
        """Take what comes in over one channel, until it is closed."""
        async for delivery in channel.deliveries():
            await self.take(channel, delivery)

    async def take(self, channel: MessageChannel, delivery: Delivery) -> None:
        """Keep one thing that came in and settle it; if it cannot be kept give it back."""
        event = delivery.event
        try:
            if isinstance(event, Received):
                await self._inbox.keep(event)
            elif isinstance(event, Fragment):
                await self._fragments.take(event)
            else:
                await self._receipts.take(event, channel.traits)
        except Exception as error:  # noqa: BLE001 - the provider delivers it again
            _log.error("message.not_kept", name=channel.kind.value, error_type=type(error).__name__)
            await delivery.give_back()
            return
        await delivery.settle()


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
