"""Kill the server's processes at random for some minutes while phones hand in and lose power, then ask every book.

Usage: .venv/bin/python -m tests.chaos.uploads [--minutes 3] [--phones 42] [--seed 7]    (make soak)
"""

import argparse
import asyncio
import json
import random
import secrets
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path

from devicepolicy.enrolment.model import NewToken
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.model import Layer, TargetKind
from maskline.wiring.phones import Phones, build_phones
from tests.chaos.handsets import Orders, Plan
from tests.chaos.upload_books import Witness, assert_right, quiet
from tests.support.system import ROOT, System
from tests.support.system_desk import SystemDesk, desk_of
from tests.support.uploading import POLICY

SERVED = ("web", "relay", "worker")
SWARM = "phones"
VICTIMS = ("web", "web", "web", "worker", "relay", SWARM)
PAUSE_S = (3.0, 9.0)
SWARMS = 3
REST_S = 0.3
"""For each phone, what every phone rests at most between two rounds: inspection is far slower than handing
in, and with less rest it only makes the end longer."""
CUSTOMERS = 6
IN_WITHIN_S = 300.0
DRAINED_WITHIN_S = 900.0
WANTED = {"maskline": {**POLICY["maskline"], "simCalls": "SIM_CALLS_RECORDED"}}


class Swarm:
    """A process full of phones, which may be killed: then all of them lose power at once."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._process: Process | None = None

    async def start(self) -> None:
        """Start it, and wait until its phones are in."""
        command = (sys.executable, "-m", "tests.chaos.handsets")
        self._process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)
        await self._tell(self._orders.line())
        async with asyncio.timeout(IN_WITHIN_S):
            assert await self._hear() == "in"

    async def kill(self) -> None:
        """End it by kill -9."""
        assert self._process is not None
        self.assert_alive()
        self._process.kill()
        await self._process.wait()

    def assert_alive(self) -> None:
        """Require that no phone broke: that is a fault of the test, or of the agent."""
        assert self._process is not None
        assert self._process.returncode is None, "a process of phones ended by itself"

    async def drain(self) -> Counter[str]:
        """Have all handed in that is left; give what it counted since its last start."""
        assert self._process is not None
        await self._tell(b"drain\n")
        async with asyncio.timeout(DRAINED_WITHIN_S):
            counts = Counter(json.loads(await self._hear()))
        assert await self._process.wait() == 0
        return counts

    async def end(self) -> None:
        """Leave nothing behind."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    async def _tell(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        await self._process.stdin.drain()

    async def _hear(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()


async def soak(seconds: float, phones: int, seed: int) -> Counter[str]:
    """Give what was counted; raise `AssertionError` where the books are wrong."""
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    system = System(SERVED, log_level="INFO", outbox={"lease_s": 10}, ledger={"checkpoint_interval_s": 1})
    swarms: list[Swarm] = []
    try:
        await asyncio.to_thread(system.prepare)
        await asyncio.to_thread(system.start)
        async with desk_of(system) as desk:
            await desk.lines()
            services = build_phones(desk.ground)
            await _policy(desk, services)
            plans = [await _plan(desk, services, place, seed + place) for place in range(phones)]
            idle_s = REST_S * phones
            swarms = [Swarm(Orders(plans[one::SWARMS], idle_s)) for one in range(min(SWARMS, phones))]
            await asyncio.gather(*(swarm.start() for swarm in swarms))
            seen = await _weather(system, swarms, chance, seconds)
            for counts in await asyncio.gather(*(swarm.drain() for swarm in swarms)):
                seen += counts
            _say("all is handed in; waiting for the outbox")
            await quiet(desk)
            books = await assert_right(desk, services, Witness.of(Path(plan.folder) for plan in plans))
        await asyncio.to_thread(system.stop)
        return books + seen
    finally:
        for swarm in swarms:
            await swarm.end()
        await asyncio.to_thread(system.remove)


async def _policy(desk: SystemDesk, services: Phones) -> None:
    policies = services.policies
    policy = await policies.service.create(desk.director, "全员", "", WANTED)
    await policies.service.publish(desk.director, policy.id, 1)
    everybody = Target(TargetKind.EVERYBODY)
    await policies.assignments.assign(desk.director, Layer.ORGANISATION, everybody, policy.id, 1)


async def _plan(desk: SystemDesk, services: Phones, place: int, seed: int) -> Plan:
    """A phone of an employee with customers of their own; strangers call too."""
    staff = await desk.hire()
    customers = [(await desk.bind(staff)).number for _ in range(CUSTOMERS)]
    strangers = [f"137{place:04d}{number:04d}" for number in range(CUSTOMERS)]
    token = NewToken(f"手机 {place}", approves=True, employee_id=staff.employee_id)
    issued = await services.fleet.tokens.issue(desk.director, token)
    folder = desk.system.data / "phones" / str(place)
    return Plan(str(folder), issued.text, [*customers, *strangers], seed)


async def _weather(
    system: System, swarms: list[Swarm], chance: random.Random, seconds: float
) -> Counter[str]:
    """Load and kills side by side for so long."""
    seen: Counter[str] = Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(chance.uniform(*PAUSE_S))
        victim = chance.choice(VICTIMS)
        seen[f"killed {victim}"] += 1
        if victim == SWARM:
            swarm = chance.choice(swarms)
            await swarm.kill()
            await swarm.start()
        else:
            await asyncio.to_thread(system.kill, victim)
            await asyncio.to_thread(system.start, victim)
        for swarm in swarms:
            swarm.assert_alive()
    return seen


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main() -> int:
    """Run, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--phones", type=int, default=42)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    wanted = parser.parse_args()
    _say(f"seed {wanted.seed}, {wanted.minutes:g} minutes, {wanted.phones} phones in {SWARMS} processes")
    counts = asyncio.run(soak(wanted.minutes * 60, wanted.phones, wanted.seed))
    for name, count in sorted(counts.items()):
        _say(f"  {count:6} {name}")
    _say("nothing lost, nothing doubled, every hash equal, one inspection each; the ledger verifies")
    return 0


if __name__ == "__main__":
    sys.exit(main())
