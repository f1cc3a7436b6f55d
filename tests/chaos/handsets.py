"""A process full of phones for the soak: they hand in and lose power until told to hand in the rest.

It reads a plan (a line of JSON) and says `in` when its phones are; at the line `drain` it hands in what is left,
says what it saw and ends. It may be killed at any moment and started anew with the same plan.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from core.tasks import cancel, spawn
from devicepolicy.agent.agent import Agent, Invitation
from devicepolicy.agent.backlog import ITEM, SOUND
from devicepolicy.agent.faults import UPLOAD_POINTS, Faults, NetworkLost, PowerLost
from devicepolicy.agent.life import happen, made_up
from devicepolicy.agent.phone import SimulatedPhone
from devicepolicy.agent.store import FileStore
from tests.support.agents import yes

WITNESS = "witness.log"


@dataclass(frozen=True)
class Plan:
    """One phone: its folder, the code that lets it in, whom it calls, and its dice."""

    folder: str
    invitation: str
    people: list[str]
    seed: int


@dataclass(frozen=True)
class Orders:
    """A process: its phones, and how long each rests at most between two rounds."""

    phones: list[Plan]
    idle_s: float

    def line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "Orders":
        told = json.loads(line)
        return cls([Plan(**one) for one in told["phones"]], told["idle_s"])


class WatchedStore(FileStore):
    """A phone's disk with a witness of each item and sound that is kept on it.

    The witness writes right after the disk, and at a start what it had no time for: nothing can have been
    handed in between.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._seen = (folder / WITNESS).open("a", encoding="utf-8")
        for name in (*self.names(ITEM), *self.names(SOUND)):
            self._note(name, self.read(name))

    def write(self, name: str, value: Any) -> None:
        super().write(name, value)
        self._note(name, value)

    def _note(self, name: str, value: Any) -> None:
        if name.startswith(ITEM):
            self._seen.write(f"item {value['item']['sha256']} {value['item']['seq']}\n")
        elif name.startswith(SOUND) and value["whole"]:
            self._seen.write(f"sound {value['told']['sha256']} {name}\n")
        self._seen.flush()


class Handset:
    """A phone that is used all day, and loses power now and then."""

    def __init__(self, plan: Plan, http: aiohttp.ClientSession, counts: Counter[str]) -> None:
        self._plan, self._http, self._counts = plan, http, counts
        folder = Path(plan.folder)
        self._store = WatchedStore(folder)
        self._hardware = f"SIM-{folder.name}"
        self._chance = random.Random(plan.seed)  # noqa: S311 - to be repeatable
        self.faults = Faults(chance=self._chance)
        self._deeds = made_up(self._chance, plan.people)
        self.start()

    def start(self) -> None:
        phone = SimulatedPhone(self._store, faults=self.faults, hardware=self._hardware)
        self.agent = Agent(self._store, phone, self._http)

    async def come_in(self) -> None:
        """Enrol where that is not done, and wait until the policy holds on the phone."""
        while not self.agent.memory.device_id:
            try:
                await self.agent.enrol(Invitation.read(self._plan.invitation), yes)
            except NetworkLost:
                await asyncio.sleep(0.5)
        while not self.agent.phone.value("maskline.uploads.callLog"):
            if await self.agent.round() != "ok":
                await asyncio.sleep(0.5)

    async def live(self, idle_s: float) -> None:
        """Use the phone until cancelled."""
        chance, faults = self._chance, self.faults
        while True:
            faults.twice, faults.shuffled = chance.random() < 0.2, chance.random() < 0.2
            faults.loss = 0.1 if chance.random() < 0.3 else 0.0
            if chance.random() < 0.15:
                faults.power = chance.choice(UPLOAD_POINTS)
            try:
                for _ in range(chance.randrange(5)):
                    happen(self.agent.collector, next(self._deeds))
                async with asyncio.timeout(chance.uniform(0.05, 2.0) if chance.random() < 0.2 else None):
                    self._counts[f"round {await self.agent.round()}"] += 1
            except (PowerLost, TimeoutError):
                self._counts["power lost"] += 1
                self.start()
            await asyncio.sleep(chance.uniform(0, idle_s))

    async def drain(self) -> None:
        """Hand in all that is left."""
        self.faults.power, self.faults.loss = None, 0.0
        self.faults.twice = self.faults.shuffled = False
        self.start()
        while self.agent.backlog.count() != (0, 0):
            outcome = await self.agent.round()
            assert outcome != "ended", "a phone was let go of"
            if outcome != "ok":
                await asyncio.sleep(0.5)


async def _work() -> None:
    heard = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(heard), sys.stdin)
    orders, counts = Orders.read(await heard.readline()), Counter[str]()
    async with aiohttp.ClientSession() as http:
        handsets = [Handset(plan, http, counts) for plan in orders.phones]
        await asyncio.gather(*(handset.come_in() for handset in handsets))
        _say("in")
        living = [spawn(handset.live(orders.idle_s), name="handset") for handset in handsets]
        told = spawn(heard.readline(), name="told")
        done, _ = await asyncio.wait([told, *living], return_when=asyncio.FIRST_COMPLETED)
        for one in done & set(living):  # a phone that broke is a fault of the test, or of the agent
            one.result()
        await cancel(*living)
        if told.result().strip() != b"drain":
            return  # whoever started us is gone
        await asyncio.gather(*(handset.drain() for handset in handsets))
    _say(json.dumps(counts))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_work())
