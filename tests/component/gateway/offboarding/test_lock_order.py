"""An order to a phone ends while its unbinding is worked on: both take the same rows, and neither blocks the other.

Each side is held at the moment at which it has its first rows, until the other has its own or waits for them.
PostgreSQL ends what blocks each other after a second with an error for one of the two: there must be none.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.tasks import cancel
from devicepolicy.commands.events import CommandFinished
from devicepolicy.commands.kinds import CommandKind
from devicepolicy.commands.models import CommandRow
from devicepolicy.devices.models import DeviceRow
from gateway.offboarding.model import StepKind, StepState
from gateway.offboarding.ports import PhoneOrder
from maskline.wiring.freezer import FleetFreezer
from tests.component.gateway.offboarding.test_with_phones import Giver
from tests.support.commanding import Agent, CommandHouse
from tests.support.leaving import LeavingDesk

ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
"""SQLite has one writer at a time."""
WITHIN_S = 60.0
BLOCKED = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


class Crossing:
    """Where the two sides meet: each says that it is there, and waits for the other or for it to be blocked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.unbinding, self.ending = asyncio.Event(), asyncio.Event()

    async def meet(self, here: asyncio.Event, other: asyncio.Event) -> None:
        if here.is_set():
            return
        here.set()
        async with asyncio.timeout(WITHIN_S):
            while not (other.is_set() or await self._somebody_waits()):  # noqa: ASYNC110 - nobody tells of that
                await asyncio.sleep(0.01)

    async def _somebody_waits(self) -> bool:
        async with self._database.read() as session:
            return bool(await session.scalar(BLOCKED))


class Held(FleetFreezer):
    """The phones as unbinding sees them; who asks for an order, or takes it back, has locked its steps."""

    def __init__(self, inner: CommandHouse, crossing: Crossing) -> None:
        super().__init__(inner.commands.service, Giver())
        self.crossing = crossing
        self.armed = False
        self.failed: list[str] = []

    async def order(self, session: AsyncSession, order_id: str) -> PhoneOrder:
        await self._held()
        return await super().order(session, order_id)

    async def cancel(self, session: AsyncSession, order_id: str, *, by: str) -> bool:
        await self._held()
        return await self._noted(super().cancel(session, order_id, by=by))

    async def freeze(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        return await self._noted(super().freeze(session, device_id, by=by))

    async def _held(self) -> None:
        if self.armed:
            await self.crossing.meet(self.crossing.unbinding, self.crossing.ending)

    async def _noted(self, doing: Awaitable[Any]) -> Any:
        try:
            return await doing
        except Exception as error:
            self.failed.append(type(error).__name__)
            raise


@pytest.fixture
async def crossing(database: Database) -> AsyncIterator[Crossing]:
    looking = Database(database.url.render_as_string(hide_password=False))
    await looking.check()
    yield Crossing(looking)
    await looking.close()


@pytest.fixture
def commands(desk: LeavingDesk, crossing: Crossing) -> CommandHouse:
    """Commands whose end unbinding hears, as the roof wires it; it is held right before it touches a step."""
    house = CommandHouse(desk.database, desk.clock)
    desk.phones = Held(house, crossing)  # type: ignore[assignment]
    desk.parts = desk.build()

    async def ended(session: AsyncSession, event: CommandFinished) -> None:
        if desk.phones.armed:  # type: ignore[attr-defined]
            await crossing.meet(crossing.ending, crossing.unbinding)
        await desk.service.runner.hasten(session, event.command_id)

    house.bus.subscribe(CommandFinished, ended)
    return house


Way = Callable[[CommandHouse, Agent, str], Awaitable[Any]]


async def late_result(commands: CommandHouse, phone: Agent, lock: str) -> None:
    await phone.report(lock)


async def sweep(commands: CommandHouse, phone: Agent, lock: str) -> None:
    await commands.commands.sweep()


async def take_back(commands: CommandHouse, phone: Agent, lock: str) -> None:
    await commands.commands.service.cancel(commands.admin, lock)


async def fetch(commands: CommandHouse, phone: Agent, lock: str) -> None:
    await commands.commands.queue.pull(phone.device_id, 0)


async def lock_of(desk: LeavingDesk) -> str:
    async with desk.database.read() as session:
        found = await session.scalar(select(CommandRow.id).where(CommandRow.kind == CommandKind.LOCK))
    assert found is not None
    return found


async def both(one: Awaitable[Any], other: Awaitable[Any]) -> None:
    """Do both; nothing may fail, and neither may hang."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    try:
        async with asyncio.timeout(2 * WITHIN_S):
            await asyncio.gather(*tasks)
    finally:
        await cancel(*tasks)


@ON_POSTGRES
async def test_a_late_result_comes_while_the_step_gives_its_order_again(
    desk: LeavingDesk, commands: CommandHouse
) -> None:
    phone = await commands.phone(employee_id=desk.leaver.employee_id, department_id=desk.first.id)
    act = await desk.unbind(successor=False)
    await desk.service.settled()
    lock = await lock_of(desk)
    await phone.fetch()
    await commands.pass_time(seconds=commands.settings.lasting_validity_s + 1)
    desk.phones.armed = True  # type: ignore[attr-defined]
    await both(desk.service.runner.run_due(act.id), late_result(commands, phone, lock))
    assert desk.phones.failed == []  # type: ignore[attr-defined]
    steps = [step for step in (await desk.get(act.id)).steps if step.kind is StepKind.FREEZE]
    assert [step.reason for step in steps if step.state is StepState.RETRYING] == []


@ON_POSTGRES
@pytest.mark.parametrize("way", [sweep, take_back, fetch])
async def test_an_order_ends_while_the_unbinding_is_taken_back(
    desk: LeavingDesk, commands: CommandHouse, way: Way
) -> None:
    phone = await commands.phone(employee_id=desk.leaver.employee_id, department_id=desk.first.id)
    act = await desk.unbind(successor=False)
    await desk.service.settled()
    lock = await lock_of(desk)
    if way is not take_back:
        desk.clock.advance_to_expiry = None  # type: ignore[attr-defined]
    async with desk.database.begin() as session:  # it is over now, and nobody has noticed yet
        row = await session.get_one(CommandRow, lock)
        if way is not take_back:
            row.expires_at = desk.clock.now()
        # meanwhile the phone is somebody else's: the leaver's phones are not those of the steps
        (await session.get_one(DeviceRow, phone.device_id)).employee_id = desk.stranger.employee_id
    desk.phones.armed = True  # type: ignore[attr-defined]
    await both(desk.service.undo(desk.admin, act.id), way(commands, phone, lock))
    assert desk.phones.failed == []  # type: ignore[attr-defined]
    step = await desk.step(act.id, StepKind.FREEZE)
    assert step.state in {StepState.CANCELLED, StepState.FAILED, StepState.DONE, StepState.RETRYING}
    async with desk.database.read() as session:
        open_locks = select(func.count()).where(
            CommandRow.kind == CommandKind.LOCK, CommandRow.finished_at.is_(None)
        )
        assert await session.scalar(open_locks) == 0
