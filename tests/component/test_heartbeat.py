"""A process is seen while it beats, silent soon after it stops, and forgotten later."""

import asyncio
from datetime import timedelta

from sqlalchemy import event

from core.clock import ManualClock
from core.db import Database
from core.heartbeat import Heartbeat, HeartbeatReader, Report, processes


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


async def test_who_asks_while_it_is_read_shares_the_reading(database: Database, clock: ManualClock) -> None:
    calls = Heartbeat(database, clock, "calls", "n1", _degraded)
    await calls.beat()
    reader = HeartbeatReader(database, clock)
    said: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    answers = await asyncio.gather(*(reader.processes() for _ in range(5)))
    assert len([one for one in said if "core_heartbeats" in one]) == 1
    assert {tuple(view.process for view in views) for views in answers} == {("calls",)}
    clock.advance(timedelta(seconds=11))
    (view,) = await reader.processes()  # the next one is read anew
    assert view.state == "silent"
