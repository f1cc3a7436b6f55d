"""Random histories on a real database: requests and answers lost, memory lost, time passing, second thoughts.

After any of them what the server believes is what the phone did, or the server says that it does not know.
"""

import asyncio
import shutil
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from core.clock import ManualClock
from core.db import Database
from core.errors import Conflict
from devicepolicy.commands import kinds
from devicepolicy.commands.kinds import CommandKind
from devicepolicy.commands.machine import OPEN, Cause, CommandState
from devicepolicy.commands.model import NewCommand
from devicepolicy.commands.models import CommandRow
from tests.support.commanding import Agent, CommandHouse

ORDERS: list[kinds.Order] = [kinds.LOCK, kinds.REBOOT, kinds.ResetPassword("canary"), kinds.Wipe()]
STEP = st.one_of(
    st.tuples(st.just("issue"), st.integers(0, len(ORDERS) - 1)),
    st.tuples(st.sampled_from(["approve", "refuse", "cancel"]), st.integers(0, 5)),
    st.tuples(
        st.sampled_from(["fetch", "lost fetch", "ack", "lost ack", "act", "report"]),
        st.just(0),
    ),
    st.tuples(st.just("forget"), st.just(0)),
    st.tuples(st.just("time"), st.sampled_from([10, 60, 400, 700, 4000])),
)


class World:
    """A server and a phone, and a network that may drop either half of a request."""

    def __init__(self, house: CommandHouse, phone: Agent) -> None:
        self.house, self.phone = house, phone
        self.ids: list[str] = []
        self.may: list[str] = []

    async def do(self, what: str, number: int) -> None:
        if what in {"approve", "refuse", "cancel"}:
            await self._decide(what, number)
        else:
            await getattr(self, f"_{what.replace(' ', '_')}")(number)

    async def _issue(self, number: int) -> None:
        new = NewCommand(self.phone.device_id, ORDERS[number])
        self.ids.append((await self.house.commands.service.issue(self.house.admin, new)).id)

    async def _decide(self, what: str, number: int) -> None:
        who = self.house.admin if what == "cancel" else self.house.other_admin
        if number < len(self.ids):
            with suppress(Conflict):  # too late, or nothing to decide
                await getattr(self.house.commands.service, what)(who, self.ids[number])

    async def _fetch(self, _: int) -> None:
        await self.phone.fetch()

    async def _lost_fetch(self, _: int) -> None:
        await self.house.commands.queue.pull(self.phone.device_id, self.phone.acked)

    async def _ack(self, _: int) -> None:
        self.may += await self.phone.acknowledge()

    async def _lost_ack(self, _: int) -> None:
        up_to = max((command["seq"] for command in self.phone.kept.values()), default=0)
        await self.house.commands.queue.acknowledge(self.phone.device_id, up_to)

    async def _act(self, _: int) -> None:
        await self.phone.carry_out(tuple(self.may))

    async def _report(self, _: int) -> None:
        if self.phone.done:
            await self.phone.report()

    async def _forget(self, _: int) -> None:
        self.phone.acked = 0  # its journal of what it did survives, its place in the numbers does not

    async def _time(self, seconds: int) -> None:
        await self.house.pass_time(seconds=seconds)

    async def settle(self) -> None:
        """The network is whole again."""
        for what in ("forget", "fetch", "ack", "act", "report"):
            await self.do(what, 0)

    async def check(self) -> None:
        async with self.house.database.read() as session:
            rows = list(await session.scalars(select(CommandRow).order_by(CommandRow.id)))
        assert len(self.phone.done) == len(set(self.phone.done))
        seqs = [row.seq for row in rows if row.seq is not None]
        assert sorted(seqs) == list(range(1, len(seqs) + 1))
        by_id = {row.id: row for row in rows}
        order = [by_id[command_id].seq or 0 for command_id in self.phone.done]
        assert order == sorted(order), "carried out in order"
        for row in rows:
            did = row.id in self.phone.done
            assert did == (row.state is CommandState.SUCCEEDED), (row.kind, row.state, row.cause)
            assert row.state not in OPEN or row.seq is None, "whatever was released is over, or known"
            if row.state is CommandState.EXPIRED and row.acked_at is not None:
                assert row.cause is Cause.NO_RESULT
            if row.kind is CommandKind.RESET_PASSWORD:
                assert row.parameters is None
        told = [body["command_id"] for kind, body in await self.house.told() if kind == "command.finished"]
        assert {row.id for row in rows if row.finished_at is not None} == set(told)
        issued = [body["command_id"] for kind, body in await self.house.told() if kind == "command.issued"]
        assert sorted(issued) == sorted(self.ids)


@given(steps=st.lists(STEP, min_size=4, max_size=20))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_server_believes_is_what_the_phone_did(
    sqlite_template: Path, tmp_path: Path, steps: list[tuple[str, int]]
) -> None:
    path = tmp_path / "chaos.db"
    for left in tmp_path.glob("chaos.db*"):
        left.unlink()
    shutil.copy(sqlite_template, path)

    async def history() -> None:
        database = Database(f"sqlite+aiosqlite:///{path}")
        house = CommandHouse(database, ManualClock(datetime(2026, 11, 21, 2, 0, tzinfo=UTC)))
        world = World(house, await house.phone())
        try:
            for what, number in steps:
                await world.do(what, number)
            await world.settle()
            await world.check()
        finally:
            await database.close()

    asyncio.run(history())
