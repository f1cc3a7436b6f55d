import asyncio

import pytest
from sqlalchemy import select

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from gateway.numbers.errors import NoLineFree
from gateway.numbers.model import BindingView, DirectDial
from gateway.numbers.models import BindingRow
from tests.support.desk import Desk
from tests.support.parallel import at_once

ROUNDS = 8
WORKERS = 6


def bind(desk: Desk, principal, customer_id: str, employee_id: str, *, key: str | None = None):
    async def step(database: Database) -> BindingView:
        own = Desk.__new__(Desk)
        own.__dict__.update(desk.__dict__)
        own.database = database
        own.bindings = type(desk.bindings)(
            database=database,
            sealing=desk.sealing,
            ledger=desk.ledger,
            clock=desk.clock,
            policy=desk.bindings._policy,
            placement=desk.bindings._placement,
            region="CN",
        )
        return await own.bind(
            principal,
            customer_id,
            employee_id=employee_id,
            direct_dial=DirectDial.REQUIRED,
            idempotency_key=key,
        )

    return step


async def live(database: Database) -> list[BindingRow]:
    async with database.read() as session:
        return list(await session.scalars(select(BindingRow).where(BindingRow.released_at.is_(None))))


async def clear(desk: Desk, admin) -> None:
    for row in await live(desk.database):
        await desk.bindings.release(admin, row.id)


async def test_no_two_bindings_conflict_however_they_are_made(
    database: Database, database_url: str, clock: ManualClock
) -> None:
    desk = Desk(database, clock)
    admin = await desk.employee(Role.ADMINISTRATOR)
    await desk.line(admin, "01088886666", "北京")
    await desk.line(admin, "02188886666", "上海")
    agents = [await desk.employee(Role.AGENT) for _ in range(3)]
    customers = [await desk.customer(admin, f"1380013800{index}") for index in range(3)]
    for turn in range(ROUNDS):
        pairs = [
            [(customers[index % 3].id, agents[0].employee_id) for index in range(WORKERS)],
            [(customers[0].id, agents[index % 3].employee_id) for index in range(WORKERS)],
        ][turn % 2]
        steps = [bind(desk, admin, customer, agent) for customer, agent in pairs]
        results = await asyncio.to_thread(at_once, database_url, steps)
        made = [result for result in results if isinstance(result, BindingView)]
        refused = [result for result in results if not isinstance(result, BindingView)]
        assert len(made) == 2
        assert {getattr(error, "code", repr(error)) for error in refused} <= {
            "no-line-free",
            "binding-exists",
        }
        rows = await live(database)
        assert len({(row.line_id, row.customer_id) for row in rows}) == len(rows) == 2
        assert len({(row.line_id, row.employee_id) for row in rows}) == 2
        await clear(desk, admin)


async def test_one_idempotency_key_makes_one_binding(
    database: Database, database_url: str, clock: ManualClock
) -> None:
    desk = Desk(database, clock)
    admin = await desk.employee(Role.ADMINISTRATOR)
    await desk.line(admin, "01088886666")
    customer = await desk.customer(admin)
    steps = [bind(desk, admin, customer.id, admin.employee_id, key="order-1") for _ in range(WORKERS)]
    results = await asyncio.to_thread(at_once, database_url, steps)
    assert {result.id for result in results if isinstance(result, BindingView)} == {
        row.id for row in await live(database)
    }
    assert not [result for result in results if not isinstance(result, BindingView)]


async def test_a_second_customer_on_a_full_line_gets_a_clear_error(
    database: Database, clock: ManualClock
) -> None:
    desk = Desk(database, clock)
    admin = await desk.employee(Role.ADMINISTRATOR)
    await desk.line(admin, "01088886666")
    first = await desk.customer(admin, "13800138000")
    second = await desk.customer(admin, "13800138001")
    await desk.bind(admin, first.id, direct_dial=DirectDial.REQUIRED)
    with pytest.raises(NoLineFree):
        await desk.bind(admin, second.id, direct_dial=DirectDial.REQUIRED)
    by_token = await desk.bind(admin, second.id)
    assert not by_token.direct_dial
