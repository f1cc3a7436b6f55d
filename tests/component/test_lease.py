"""One of several processes holds a job, and another takes over when it falls silent."""

from datetime import timedelta

from core.clock import ManualClock
from core.db import Database
from core.lease import Lease


async def test_second_holder_waits_until_the_first_is_silent(database: Database, clock: ManualClock) -> None:
    first = Lease(database, clock, "relay", "a", ttl_s=10)
    second = Lease(database, clock, "relay", "b", ttl_s=10)
    assert await first.hold()
    assert not await second.hold()
    clock.advance(timedelta(seconds=8))
    assert await first.hold()
    clock.advance(timedelta(seconds=8))
    assert not await second.hold()
    clock.advance(timedelta(seconds=3))
    assert await second.hold()
    assert not await first.hold()


async def test_released_lease_is_free_at_once(database: Database, clock: ManualClock) -> None:
    first = Lease(database, clock, "relay", "a")
    second = Lease(database, clock, "relay", "b")
    assert await first.hold()
    await second.release()
    assert not await second.hold()
    await first.release()
    assert await second.hold()
