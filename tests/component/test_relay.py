"""The relay's chores: one that waits for somebody outside holds up no other, and never runs twice at once."""

import asyncio

from core.clock import ManualClock
from core.db import Database
from core.lease import Lease
from core.tasks import cancel, spawn
from maskline.relay import Chore, Relay


async def test_a_chore_that_waits_outside_holds_up_no_other(database: Database, clock: ManualClock) -> None:
    begun, gone_on, ended = 0, asyncio.Event(), asyncio.Event()
    beside = 0

    async def outside() -> None:
        nonlocal begun
        begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def other() -> None:
        nonlocal beside
        beside += 1
        if begun and beside > 5:
            gone_on.set()

    lease = Lease(database, clock, "relay", "one", ttl_s=60)
    relay = Relay(lease, [Chore("outside", 0.01, outside, apart=True), Chore("other", 0.01, other)])
    running = spawn(relay.run(), name="relay")
    await asyncio.wait_for(gone_on.wait(), timeout=60)
    assert begun == 1
    await cancel(running)
    assert ended.is_set(), "what waits is ended with the relay"


async def test_a_chore_that_fails_is_named_until_it_works_again(
    database: Database, clock: ManualClock
) -> None:
    tries = asyncio.Event()
    worked = asyncio.Event()

    async def outside() -> None:
        if not tries.is_set():
            tries.set()
            raise RuntimeError
        worked.set()

    lease = Lease(database, clock, "relay", "one", ttl_s=60)
    relay = Relay(lease, [Chore("outside", 0.01, outside, apart=True)])
    running = spawn(relay.run(), name="relay")
    await asyncio.wait_for(worked.wait(), timeout=60)
    await cancel(running)
    assert relay.failing == set()
