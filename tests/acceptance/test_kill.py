"""kill -9 of each process during a call: the others go on, the books are right, nothing is said twice."""

import asyncio
import signal
import sqlite3

import numpy as np
import pytest
from sqlalchemy import select

from core.outbox import OutboxRow
from qa.inspection.model import State
from tests.acceptance.books import assert_all_right, inspections_of
from tests.acceptance.talking import ANSWER, THREAT, assert_kept, script, talking
from tests.support.media import RATE
from tests.support.system_desk import Recorded, awaited
from tests.telephony.sound import CUSTOMER_HZ, STAFF_HZ

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


async def test_the_call_goes_on_without_web_worker_and_relay(system, desk, customer):
    bound = await desk.bind(await desk.hire())
    async with talking(desk, customer, bound) as talk:
        await talk.until_spoken(0.5)
        for name in ("web", "worker", "relay"):
            system.kill(name)
            await system.restarted(name)
            assert not talk.staff.ended.is_set()
            assert not customer.ended.is_set()
        until_s = await talk.said_s()
        await talk.staff.hang_up()
        await asyncio.wait_for(customer.ended.wait(), 60)
    await assert_all_right(desk, talk, "completed", until_s)


async def test_the_switch_is_killed(system, desk, customer):
    bound = await desk.bind(await desk.hire())
    async with talking(desk, customer, bound) as talk:
        await talk.until_spoken()
        until_s = await talk.said_s()
        system.kill("switch")
        row = await desk.one_call(bound, "switch-lost")
        await system.restarted("switch")
    assert row.ended_by == "system"
    await assert_all_right(desk, talk, "switch-lost", until_s)


async def test_calls_is_killed(system, desk, customer):
    bound = await desk.bind(await desk.hire())
    async with talking(desk, customer, bound) as talk:
        await talk.until_spoken()
        until_s = await talk.said_and_kept_s(desk)
        system.kill("calls")
        await talk.over()  # no recorder, no call: the switch hangs up by itself
        await system.restarted("calls")
    row = await assert_all_right(desk, talk, "interrupted", until_s)
    assert row.ended_by == "system"


async def test_the_worker_is_killed_while_it_transcribes(system, desk, customer):
    bound = await desk.bind(await desk.hire())
    async with talking(desk, customer, bound) as talk:
        await talk.until_spoken(0.5)
        until_s = await talk.said_s()
        await talk.staff.hang_up()
    (row,) = await desk.closed(bound)

    async def running() -> bool:
        return [one.state for one in await inspections_of(desk, row.contact_id)] == [State.RUNNING]

    await awaited(running, what="the worker transcribes")
    system.kill("worker")
    await system.restarted("worker")
    await assert_all_right(desk, talk, "completed", until_s)
    (inspection,) = await inspections_of(desk, row.contact_id)
    assert inspection.attempts == 2


def stop_between_transactions(system, desk):
    """Stop the relay where it holds no lock: stopped inside a transaction it would stop everybody."""
    path = desk.ground.settings.data_dir / "maskline.db"
    for _ in range(100):
        system.send("relay", signal.SIGSTOP)
        probe = sqlite3.connect(path, timeout=0.5, isolation_level=None)
        try:
            probe.execute("BEGIN IMMEDIATE")
            probe.execute("ROLLBACK")
        except sqlite3.OperationalError:
            system.send("relay", signal.SIGCONT)
        else:
            return
        finally:
            probe.close()
    raise AssertionError("the relay never let the database go")


async def test_the_relay_is_killed_before_it_publishes(system, desk, customer):
    """It is stopped, so that the message is surely written and surely not sent, and then killed."""
    bound = await desk.bind(await desk.hire())
    async with talking(desk, customer, bound) as talk:
        await talk.until_spoken(0.5)
        await asyncio.to_thread(stop_between_transactions, system, desk)  # the phones go on speaking
        until_s = await talk.said_s()
        await talk.staff.hang_up()
    (row,) = await desk.closed(bound)
    async with desk.ground.database.read() as session:
        message = await session.scalar(select(OutboxRow).where(OutboxRow.key == row.contact_id))
    assert message is not None
    assert message.due_at == message.created_at, "not yet taken"
    assert not await inspections_of(desk, row.contact_id)
    system.kill("relay")
    await system.restarted("relay")
    await assert_all_right(desk, talk, "completed", until_s)


async def test_the_supervisor_is_killed(system, desk, customer):
    bound = await desk.bind(await desk.hire())
    async with talking(desk, customer, bound) as talk:
        await talk.until_spoken()
        until_s = await talk.said_s()
        await system.kill_supervisor()
        await talk.over()
    await asyncio.to_thread(system.start)
    (row,) = await desk.closed(bound)
    assert row.cause in {"killed", "switch-lost"}, (
        "its children were asked to end, so the call ended in order"
    )
    await assert_all_right(desk, talk, row.cause, until_s)


async def test_everything_is_killed_at_once(system, desk, customer):
    """As when the power is cut: nobody can write anything any more, nobody hangs up."""
    bound = await desk.bind(await desk.hire())
    async with talking(desk, customer, bound) as talk:
        await talk.until_spoken()
        until_s = await talk.said_and_kept_s(desk)
        await system.cut_power()
    await asyncio.to_thread(system.start)
    await assert_all_right(desk, talk, "interrupted", until_s)


def test_the_check_of_a_recording_can_fail():
    whole = np.stack([script(THREAT, STAFF_HZ)[: 12 * RATE], script(ANSWER, CUSTOMER_HZ)[: 12 * RATE]])
    silent = np.zeros_like(whole)
    assert_kept(Recorded(whole, [], complete=False), until_s=12)
    for bad in (
        whole[::-1],
        whole[:, : 10 * RATE],
        np.stack([whole[0], silent[1]]),
        np.concatenate([whole, silent[:, : 2 * RATE]], axis=1),
        np.concatenate([silent[:, : 8 * RATE], whole[:, 8 * RATE :]], axis=1),
    ):
        with pytest.raises(AssertionError):
            assert_kept(Recorded(bad, [], complete=False), until_s=12)
