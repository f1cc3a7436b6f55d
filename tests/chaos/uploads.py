"""Kill the web process at random for some minutes while phones hand in and lose power, then ask every book.

Usage: .venv/bin/python -m tests.chaos.uploads [--minutes 3] [--phones 12] [--seed 7]    (make soak)
"""

import argparse
import asyncio
import random
import secrets
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from core.tasks import cancel, spawn
from devicepolicy.agent.agent import Agent, Invitation
from devicepolicy.agent.backlog import ITEM, SOUND
from devicepolicy.agent.faults import UPLOAD_POINTS, Faults, PowerLost
from devicepolicy.agent.life import happen, made_up
from devicepolicy.agent.phone import SimulatedPhone
from devicepolicy.agent.store import FileStore
from devicepolicy.enrolment.model import NewToken
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.model import Layer, TargetKind
from maskline.wiring.phones import Phones, build_phones
from tests.chaos.upload_books import assert_right, quiet
from tests.support.agents import yes
from tests.support.system import System
from tests.support.system_desk import SystemDesk, desk_of
from tests.support.uploading import POLICY

SERVED = ("web", "relay", "worker")
VICTIMS = ("web", "web", "web", "worker", "relay")
PAUSE_S = (3.0, 9.0)
IDLE_S = (0.0, 5.0)
"""Inspection is far slower than handing in: with less rest between deeds it only makes the end longer."""
CUSTOMERS = 6
DRAINED_WITHIN_S = 600.0
WANTED = {"maskline": {**POLICY["maskline"], "simCalls": "SIM_CALLS_RECORDED"}}


@dataclass
class Witness:
    """What was on the disks of the phones: this, and nothing else, must be in the books."""

    items: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By hash: which phone's folder, and its number there."""
    sounds: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)


class WatchedStore(FileStore):
    """A phone's disk with a witness of each item that is kept on it."""

    def __init__(self, folder: Path, witness: Witness) -> None:
        super().__init__(folder)
        self.of, self._witness = folder.name, witness

    def write(self, name: str, value: Any) -> None:
        super().write(name, value)
        if name.startswith(ITEM):
            item = value["item"]
            self._witness.items[item["sha256"]] = (self.of, item["seq"])
        elif name.startswith(SOUND) and value["whole"]:
            self._witness.sounds.add(value["told"]["sha256"])


class Handset:
    """A phone that is used all day, and loses power now and then."""

    def __init__(
        self, store: WatchedStore, http: aiohttp.ClientSession, people: list[str], chance: random.Random
    ) -> None:
        self._store, self._http, self._chance = store, http, chance
        self._hardware = f"SIM-{store.of}"
        self.faults = Faults(chance=chance)
        self._deeds = made_up(chance, people)
        self.start()

    def start(self) -> None:
        phone = SimulatedPhone(self._store, faults=self.faults, hardware=self._hardware)
        self.agent = Agent(self._store, phone, self._http)

    async def come_in(self, invitation: str) -> None:
        """Enrol, and wait until the policy holds on the phone."""
        await self.agent.enrol(Invitation.read(invitation), yes)
        while not self.agent.phone.value("maskline.uploads.callLog"):
            await self.agent.round()

    async def live(self, witness: Witness) -> None:
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
                    witness.counts[f"round {await self.agent.round()}"] += 1
            except (PowerLost, TimeoutError):
                witness.counts["power lost"] += 1
                self.start()
            await asyncio.sleep(chance.uniform(*IDLE_S))

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


async def soak(seconds: float, phones: int, seed: int) -> Counter[str]:
    """Give what was counted; raise `AssertionError` where the books are wrong."""
    chance, witness = random.Random(seed), Witness()  # noqa: S311 - to be repeatable
    system = System(SERVED, log_level="INFO", outbox={"lease_s": 10}, ledger={"checkpoint_interval_s": 1})
    try:
        await asyncio.to_thread(system.prepare)
        await asyncio.to_thread(system.start)
        async with desk_of(system) as desk, AsyncExitStack() as stack:
            await desk.lines()
            services = build_phones(desk.ground)
            await _policy(desk, services)
            http = await stack.enter_async_context(aiohttp.ClientSession())
            handsets = [
                await _handset(desk, services, place, http, witness, random.Random(seed + place))  # noqa: S311
                for place in range(phones)
            ]
            await _weather(system, handsets, chance, witness, seconds)
            async with asyncio.timeout(DRAINED_WITHIN_S):
                await asyncio.gather(*(handset.drain() for handset in handsets))
            await quiet(desk)
            counts = await assert_right(desk, services, witness)
        await asyncio.to_thread(system.stop)
        return counts + witness.counts
    finally:
        await asyncio.to_thread(system.remove)


async def _policy(desk: SystemDesk, services: Phones) -> None:
    policies = services.policies
    policy = await policies.service.create(desk.director, "全员", "", WANTED)
    await policies.service.publish(desk.director, policy.id, 1)
    everybody = Target(TargetKind.EVERYBODY)
    await policies.assignments.assign(desk.director, Layer.ORGANISATION, everybody, policy.id, 1)


async def _handset(
    desk: SystemDesk,
    services: Phones,
    place: int,
    http: aiohttp.ClientSession,
    witness: Witness,
    chance: random.Random,
) -> Handset:
    """A phone of an employee with customers of their own; strangers call too."""
    staff = await desk.hire()
    customers = [(await desk.bind(staff)).number for _ in range(CUSTOMERS)]
    strangers = [f"137{place:04d}{number:04d}" for number in range(CUSTOMERS)]
    token = NewToken(f"手机 {place}", approves=True, employee_id=staff.employee_id)
    issued = await services.fleet.tokens.issue(desk.director, token)
    store = WatchedStore(desk.system.data / "phones" / str(place), witness)
    handset = Handset(store, http, [*customers, *strangers], chance)
    await handset.come_in(issued.text)
    return handset


async def _weather(
    system: System, handsets: list[Handset], chance: random.Random, witness: Witness, seconds: float
) -> None:
    """Load and kills side by side for so long."""
    living = [spawn(handset.live(witness), name="handset") for handset in handsets]
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            await asyncio.sleep(chance.uniform(*PAUSE_S))
            victim = chance.choice(VICTIMS)
            witness.counts[f"killed {victim}"] += 1
            await asyncio.to_thread(system.kill, victim)
            await asyncio.to_thread(system.start, victim)
            for one in living:  # a phone that broke is a fault of the test, or of the agent
                if one.done():
                    one.result()
    finally:
        await cancel(*living)


def main() -> int:
    """Run, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--phones", type=int, default=12)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}, {wanted.minutes:g} minutes, {wanted.phones} phones", flush=True)  # noqa: T201
    counts = asyncio.run(soak(wanted.minutes * 60, wanted.phones, wanted.seed))
    for name, count in sorted(counts.items()):
        print(f"  {count:6} {name}")  # noqa: T201
    print("nothing lost, nothing doubled, every hash equal, one inspection each; the ledger verifies")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
