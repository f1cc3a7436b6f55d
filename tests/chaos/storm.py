"""Kill the processes at random for some minutes under mixed load, then ask every book.

Usage: .venv/bin/python -m tests.chaos.storm [--minutes 10] [--seed 7]    (make chaos)
"""

import argparse
import asyncio
import random
import secrets
import signal
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress

from core.access.model import Role
from core.tasks import cancel, spawn
from maskline.demo.api import Api
from maskline.demo.cast import Login
from maskline.demo.phone import Phone
from maskline.supervisor import PROCESSES
from tests.chaos.books import assert_right, quiet
from tests.chaos.load import Smsc, Told, caller, writer
from tests.support.running import Supervised
from tests.support.system_desk import LINES, SystemDesk, desk_of

SUPERVISOR = "supervisor"
# A kill every few seconds: often enough to hit every step of a call, seldom enough that some come through.
PAUSE_S = (2.0, 8.0)


async def storm(seconds: float, seed: int) -> tuple[Counter[str], Told]:
    """Give what the books counted and what the world saw; raise `AssertionError` where they are wrong."""
    told, chance = Told(), random.Random(seed)  # noqa: S311 - to be repeatable
    smsc = await Smsc.start(told)
    account = {
        "name": "storm", "host": "127.0.0.1", "port": smsc.port, "system_id": "bank", "password": "secret",
        "sources": {"+86" + number[1:]: f"1069000{place}" for place, number in enumerate(LINES)},
        "dedupes": True,
    }  # fmt: skip
    system = Supervised(smpp={"accounts": [account]}, log_level="INFO")
    try:
        await asyncio.to_thread(system.prepare)
        await asyncio.to_thread(system.start)
        async with desk_of(system) as desk:
            await desk.lines()
            await _weather(desk, system, chance, told, seconds)
            await system.work()
            await quiet(desk)
            counts = await assert_right(desk, told)
        await asyncio.to_thread(system.stop)
        return counts, told
    finally:
        await asyncio.to_thread(system.remove)
        await smsc.stop()


async def _weather(
    desk: SystemDesk, system: Supervised, chance: random.Random, told: Told, seconds: float
) -> None:
    """Load and kills side by side for so long."""
    customer = Phone("trunk", port=system.trunk_port)
    await customer.start()
    customer.answer_calls(after_s=0.2)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(customer.close)
        staff = [await desk.hire() for _ in range(3)]
        apis = []
        for one in staff[1:]:
            login = Login(one.employee_id, one.username, "", Role.AGENT, one.password)
            apis.append(await stack.enter_async_context(Api(system.settings.web.url, login)))
        people = [
            spawn(caller(desk, staff[0], chance, told), name="caller 1"),
            spawn(caller(desk, staff[1], chance, told), name="caller 2"),
            *(
                spawn(writer(desk, one, api, chance, told), name="writer")
                for one, api in zip(staff[1:], apis, strict=True)
            ),
        ]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(chance.uniform(*PAUSE_S))
            await _kill_one(system, chance, told)
            for task in people:  # a load that broke is a fault of the test
                if task.done():
                    task.result()
        await cancel(*people)


async def _kill_one(system: Supervised, chance: random.Random, told: Told) -> None:
    victim = chance.choice([*PROCESSES * 3, SUPERVISOR])
    told.counts[f"killed {victim}"] += 1
    if victim == SUPERVISOR:
        await system.kill_supervisor()
        await asyncio.to_thread(system.start)
        return
    with suppress(KeyError, ProcessLookupError):  # it is dead already, and on its way back
        system.send(victim, signal.SIGKILL)


def main() -> int:
    """Run, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}, {wanted.minutes:g} minutes")  # noqa: T201
    counts, told = asyncio.run(storm(wanted.minutes * 60, wanted.seed))
    for title, figures in (("the world saw", told.counts), ("the books have", counts)):
        print(f"{title}:")  # noqa: T201
        for name, count in sorted(figures.items()):
            print(f"  {count:6} {name}")  # noqa: T201
    print(f"  {len(told.submitted):6} taken by the provider")  # noqa: T201
    print("every contact has one verdict, one record, one inspection; the ledger verifies")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
