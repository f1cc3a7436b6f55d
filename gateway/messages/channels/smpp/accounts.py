"""Several SMSC accounts as one channel: a line belongs to one account, another one may take all the rest."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from core.tasks import cancel, spawn
from gateway.messages.channels.smpp.channel import SmppChannel
from gateway.messages.errors import ChannelRefused
from gateway.messages.model import ChannelKind, Outgoing, Submitted, Traits
from gateway.messages.ports import Delivery, PartTaken


def traits_of(dedupes: Iterable[bool]) -> Traits:
    """Give what the accounts can do together: a try may be repeated only where each of them dedupes."""
    return Traits(needs_number=True, dedupes=all(dedupes), receipts=True, max_text=1000)


class SmppAccounts:
    """A `MessageChannel` over the accounts of the institution."""

    kind = ChannelKind.SMS

    def __init__(self, accounts: Sequence[SmppChannel]) -> None:
        self._accounts = tuple(accounts)
        self.traits = traits_of(account.traits.dedupes for account in accounts)
        self._coming: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self._pumps: list[asyncio.Task[None]] = []

    @property
    def connected(self) -> bool:
        return all(account.connected for account in self._accounts)

    def states(self) -> Mapping[str, bool]:
        """Tell which account is bound."""
        return {account.name: account.connected for account in self._accounts}

    async def start(self) -> None:
        """Begin to connect every account."""
        if self._pumps:
            return
        for account in self._accounts:
            await account.start()
            self._pumps.append(spawn(self._pump(account), name=f"smpp-{account.name}"))

    async def submit(self, outgoing: Outgoing, taken: PartTaken) -> Submitted:
        """Hand it to the account of the line."""
        return await self._of(outgoing.line_number).submit(outgoing, taken)

    async def deliveries(self) -> AsyncIterator[Delivery]:
        while (delivery := await self._coming.get()) is not None:
            yield delivery

    async def close(self) -> None:
        for account in self._accounts:
            await account.close()
        await cancel(*self._pumps)
        self._coming.put_nowait(None)

    def _of(self, line: str) -> SmppChannel:
        for account in self._accounts:
            if line in account.lines:
                return account
        for account in self._accounts:
            if not account.lines:
                return account
        raise ChannelRefused("no-account")

    async def _pump(self, account: SmppChannel) -> None:
        async for delivery in account.deliveries():
            self._coming.put_nowait(delivery)
