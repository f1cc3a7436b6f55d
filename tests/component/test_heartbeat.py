"""A process is seen while it beats, silent soon after it stops, and forgotten later."""

from datetime import timedelta

from core.clock import ManualClock
from core.db import Database
from core.heartbeat import Heartbeat, Report, processes


async def _degraded() -> Report:
    return "degraded", {"switch": False}


async def test_a_process_that_stops_beating_is_silent_then_forgotten(
    database: Database, clock: ManualClock
) -> None:
    calls = Heartbeat(database, clock, "calls", "n1", _degraded)
    await calls.beat()
    await calls.beat()
    (view,) = await processes(database, clock)
    assert (view.process, view.state, view.detail) == ("calls", "degraded", {"switch": False})
    clock.advance(timedelta(seconds=11))
    (view,) = await processes(database, clock)
    assert view.state == "silent"
    clock.advance(timedelta(minutes=10))
    assert await processes(database, clock) == []
