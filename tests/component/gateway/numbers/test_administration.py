"""What administrators ask of lines and bindings: what hangs on a line, corrections, filters, who sees what."""

from datetime import timedelta

import pytest

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from gateway.contact.model import Purpose
from gateway.numbers import errors
from gateway.numbers.model import BindingFilter, LineChange, LineUsage
from tests.support.desk import Desk


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> Desk:
    return Desk(database, clock)


@pytest.fixture
async def admin(desk: Desk) -> Principal:
    return await desk.employee(Role.ADMINISTRATOR)


async def test_usage_counts_what_is_alive(desk: Desk, admin: Principal, clock: ManualClock) -> None:
    line = await desk.line(admin, "01088886666")
    one, other = await desk.employee(Role.AGENT), await desk.employee(Role.AGENT)
    customers = [await desk.customer(admin, f"1380013800{digit}") for digit in range(4)]
    for customer, employee, purpose in zip(
        customers,
        (one, other, other, one),
        (Purpose.SALES, Purpose.SALES, Purpose.COLLECTION, Purpose.SALES),
        strict=True,
    ):
        await desk.bind(admin, customer.id, purpose=purpose, employee_id=employee.employee_id)
    usage = await desk.lines.usage(admin)
    assert usage == {line.id: LineUsage({Purpose.SALES: 3, Purpose.COLLECTION: 1}, employees=2)}
    assert usage[line.id].bindings == 4
    clock.advance(timedelta(days=31))
    assert await desk.lines.usage(admin) == {}


async def test_a_line_is_corrected_but_keeps_its_number(desk: Desk, admin: Principal) -> None:
    line = await desk.line(admin, "01088886666")
    changed = await desk.lines.change(admin, line.id, LineChange(" 上海 ", "新主体", "备案-2"))
    assert (changed.number, changed.city, changed.owner_name, changed.registration) == (
        line.number,
        "上海",
        "新主体",
        "备案-2",
    )
    with pytest.raises(errors.LineInvalid):
        await desk.lines.change(admin, line.id, LineChange("", "x", ""))
    with pytest.raises(errors.LineUnknown):
        await desk.lines.change(admin, "0" * 32, LineChange("x", "x", ""))
    agent = await desk.employee(Role.AGENT)
    with pytest.raises(Forbidden):
        await desk.lines.change(agent, line.id, LineChange("x", "x", ""))


async def test_bindings_are_filtered_and_counted_alike(
    desk: Desk, admin: Principal, clock: ManualClock
) -> None:
    line = await desk.line(admin, "01088886666")
    agent = await desk.employee(Role.AGENT)
    soon, later = [await desk.customer(agent, f"1380013800{digit}") for digit in range(2)]
    ending = await desk.bind(agent, soon.id, purpose=Purpose.SALES, days=2)
    lasting = await desk.bind(agent, later.id, days=20)
    week = clock.now() + timedelta(days=7)
    for wanted, expected in (
        (BindingFilter(line_id=line.id), {ending.id, lasting.id}),
        (BindingFilter(line_id="0" * 32), set()),
        (BindingFilter(purpose=Purpose.SALES), {ending.id}),
        (BindingFilter(ends_before=week), {ending.id}),
        (BindingFilter(employee_id=agent.employee_id, customer_id=later.id), {lasting.id}),
    ):
        page = await desk.bindings.find(admin, wanted)
        assert {view.id for view in page.items} == expected
        assert await desk.bindings.count(admin, wanted) == len(expected)
    await desk.bindings.release(agent, ending.id)
    assert (await desk.bindings.get(admin, ending.id)).release_reason == "released"
    stranger = await desk.employee(Role.AGENT)
    with pytest.raises(errors.BindingUnknown):
        await desk.bindings.get(stranger, lasting.id)
    assert await desk.bindings.count(stranger, BindingFilter()) == 0


async def test_customers_come_by_their_ids_as_far_as_one_sees(desk: Desk, admin: Principal) -> None:
    agent, other = await desk.employee(Role.AGENT), await desk.employee(Role.AGENT)
    mine, theirs = await desk.customer(agent, "13800138000"), await desk.customer(other, "13800138001")
    found = await desk.customers.many(agent, {mine.id, theirs.id, ""})
    assert set(found) == {mine.id}
    assert found[mine.id].phone_masked == "138****8000"
    assert set(await desk.customers.many(admin, [mine.id, theirs.id])) == {mine.id, theirs.id}
