"""A work phone of the demo: the reference agent on a simulated phone, against the running system."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from core.tasks import cancel, spawn
from devicepolicy.agent.agent import Agent, Invitation, run
from devicepolicy.agent.faults import Faults
from devicepolicy.agent.phone import Outcome, SimulatedPhone
from devicepolicy.agent.signing import JSON
from devicepolicy.agent.store import FileStore
from devicepolicy.agent.wake import stay_awake
from maskline.demo.play import DemoFailed

WITHIN_S = 120.0
ROUND_S = 1.0
"""Its reports come this often, not every quarter of an hour: the demo is short."""


class _WatchedPhone(SimulatedPhone):
    """Notes when an order took effect, by the clock of the loop."""

    def __init__(self, store: FileStore, faults: Faults, hardware: str) -> None:
        super().__init__(store, faults=faults, hardware=hardware)
        self.took_effect_at: dict[str, float] = {}

    def carry_out(self, command_id: str, order: Mapping[str, JSON]) -> Outcome | None:
        status = super().carry_out(command_id, order)
        self.took_effect_at[str(order["type"])] = asyncio.get_running_loop().time()
        return status


class Handset:
    """One phone with a disk of its own. `refuses`: settings that its user does not allow."""

    def __init__(
        self, folder: Path, hardware: str, http: aiohttp.ClientSession, *, refuses: Collection[str] = ()
    ) -> None:
        store = FileStore(folder)
        faults = Faults(refuse=dict.fromkeys(refuses, "USER_ACTION"))
        self.phone = _WatchedPhone(store, faults, hardware)
        self.agent = Agent(store, self.phone, http)
        self._rounds: asyncio.Queue[str] = asyncio.Queue()

    @property
    def device_id(self) -> str:
        return self.agent.memory.device_id

    async def come_in(self, qr_text: str) -> str:
        """Scan the code; the employee reads the terms and agrees. Gives the trust."""
        return await self.agent.enrol(Invitation.read(qr_text), _agrees)

    async def agree(self) -> None:
        """Whoever carries the phone now reads the terms and agrees."""
        await self.agent.agree(_agrees)

    @asynccontextmanager
    async def switched_on(self) -> AsyncIterator[None]:
        """Let it do its rounds, woken over a WebSocket."""
        task = spawn(
            run(self.agent, stay_awake, said=self._rounds.put_nowait, every_s=ROUND_S), name="demo-handset"
        )
        try:
            yield
        finally:
            await cancel(task)

    async def until(self, check: Callable[[], object], what: str) -> None:
        """Wait, round by round, for something to be true of it; raise `DemoFailed`."""
        try:
            async with asyncio.timeout(WITHIN_S):
                while not check():
                    await self._rounds.get()
        except TimeoutError:
            raise DemoFailed(f"the phone: {what}") from None


def _agrees(_: Mapping[str, JSON]) -> str:
    return "zh"
