from datetime import timedelta

import pytest

from core.access.model import Principal, Role
from core.access.models import EmployeeState
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from gateway.contact.model import Purpose
from gateway.customers.errors import CustomerUnknown, OwnerInvalid
from gateway.customers.phone import PhoneNumber
from gateway.numbers import errors
from gateway.numbers.model import (
    BindingFilter,
    BindingView,
    BindRequest,
    CityMatch,
    DirectDial,
    LineStatus,
    Stickiness,
)
from tests.support.desk import Desk

NUMBER = PhoneNumber.parse("13800138000")


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> Desk:
    return Desk(database, clock)


@pytest.fixture
async def admin(desk: Desk) -> Principal:
    return await desk.employee(Role.ADMINISTRATOR)


@pytest.fixture
async def agent(desk: Desk) -> Principal:
    return await desk.employee(Role.AGENT)


async def dial(desk: Desk, principal: Principal, dialled: str) -> BindingView | None:
    async with desk.database.read() as session:
        return await desk.bindings.resolve_dial(session, principal.employee_id, dialled)


async def call_in(desk: Desk, line: str, caller: PhoneNumber = NUMBER) -> BindingView | None:
    async with desk.database.read() as session:
        return await desk.bindings.resolve_inbound(session, line, caller)


async def test_both_directions_find_exactly_the_binding(
    desk: Desk, admin: Principal, agent: Principal
) -> None:
    line = await desk.line(admin, "010-8888 6666")
    customer = await desk.customer(agent, NUMBER.e164)
    binding = await desk.bind(agent, customer.id)
    assert binding.direct_dial
    for dialled in (binding.token, binding.token.upper(), line.number, "01088886666", "010-88886666"):
        assert await dial(desk, agent, dialled) == binding
    for number in (line.number, "01088886666", "861088886666"):
        assert await call_in(desk, number) == binding
    assert await call_in(desk, line.number, PhoneNumber.parse("13900139000")) is None
    assert await call_in(desk, "02188886666") is None
    for dialled in ("", "0", "t00", "02188886666", NUMBER.e164, "13800138000", "sip:x"):
        assert await dial(desk, agent, dialled) is None
    assert await dial(desk, admin, binding.token) is None
    assert await dial(desk, admin, line.number) is None
    assert NUMBER.national not in f"{binding}"


async def test_a_second_customer_on_the_same_line_goes_by_token(
    desk: Desk, admin: Principal, agent: Principal
) -> None:
    line = await desk.line(admin, "01088886666")
    first = await desk.bind(agent, (await desk.customer(agent, "13800138000")).id)
    second = await desk.bind(agent, (await desk.customer(agent, "13800138001")).id)
    assert (first.direct_dial, second.direct_dial) == (True, False)
    assert await dial(desk, agent, line.number) == first
    assert await dial(desk, agent, second.token) == second
    assert await call_in(desk, line.number, PhoneNumber.parse("13800138001")) == second
    with pytest.raises(errors.NoLineFree):
        await desk.bind(admin, first.customer_id, purpose=Purpose.SERVICE)


async def test_renewal_and_release(desk: Desk, admin: Principal, agent: Principal) -> None:
    await desk.line(admin, "01088886666")
    binding = await desk.bind(agent, (await desk.customer(agent)).id, days=1)
    desk.clock.advance(timedelta(hours=23))
    later = desk.clock.now() + timedelta(days=89)
    assert (await desk.bindings.renew(agent, binding.id, later)).expires_at == later
    with pytest.raises(errors.BindingInvalid):
        await desk.bindings.renew(agent, binding.id, desk.clock.now() + timedelta(days=91))
    with pytest.raises(errors.BindingUnknown):
        await desk.bindings.renew(await desk.employee(Role.AGENT), binding.id, later)
    await desk.bindings.release(agent, binding.id)
    with pytest.raises(errors.BindingUnknown):
        await desk.bindings.release(agent, binding.id)
    over = await dial(desk, agent, binding.token)
    assert over is not None
    assert over.release_reason == "released"
    assert await call_in(desk, "01088886666") is None
    again = await desk.bind(agent, binding.customer_id)
    assert again.id != binding.id
    assert again.token != binding.token


async def test_a_life_is_neither_too_short_nor_too_long(
    desk: Desk, admin: Principal, agent: Principal
) -> None:
    await desk.line(admin, "01088886666")
    customer = await desk.customer(agent)
    for days in (-1, 0, 0.0005, 90.1):
        with pytest.raises(errors.BindingInvalid):
            await desk.bind(agent, customer.id, days=days)
    await desk.bind(agent, customer.id, days=90)


async def test_the_sweep_releases_what_has_expired(desk: Desk, admin: Principal, agent: Principal) -> None:
    await desk.line(admin, "01088886666")
    short = await desk.bind(agent, (await desk.customer(agent, "13800138000")).id, days=1)
    long = await desk.bind(agent, (await desk.customer(agent, "13800138001")).id, days=2)
    desk.clock.set(short.expires_at - timedelta(seconds=1))
    assert await desk.bindings.release_expired() == 0
    desk.clock.set(short.expires_at)
    assert await desk.bindings.release_expired() == 1
    assert await desk.bindings.release_expired() == 0
    page = await desk.bindings.find(agent, BindingFilter())
    assert [view.id for view in page.items] == [long.id]
    both = await desk.bindings.find(agent, BindingFilter(live_only=False), limit=1)
    assert both.next_cursor is not None
    rest = await desk.bindings.find(agent, BindingFilter(live_only=False), cursor=both.next_cursor)
    assert [view.release_reason for view in (*both.items, *rest.items)] == [None, "expired"]


async def test_an_expired_binding_that_was_not_swept_stands_in_nobodys_way(
    desk: Desk, admin: Principal, agent: Principal
) -> None:
    await desk.line(admin, "01088886666")
    customer = await desk.customer(agent)
    old = await desk.bind(agent, customer.id, days=1)
    desk.clock.set(old.expires_at)
    new = await desk.bind(agent, customer.id)
    assert new.direct_dial
    assert await call_in(desk, "01088886666") == new


async def test_an_idempotency_key_gives_the_same_binding(
    desk: Desk, admin: Principal, agent: Principal
) -> None:
    await desk.line(admin, "01088886666")
    customer = await desk.customer(agent)
    first = await desk.bind(agent, customer.id, idempotency_key="order-1")
    assert await desk.bind(agent, customer.id, idempotency_key="order-1") == first
    with pytest.raises(errors.IdempotencyMismatch):
        await desk.bind(agent, customer.id, days=3, idempotency_key="order-1")
    with pytest.raises(errors.BindingExists):
        await desk.bind(agent, customer.id)


async def test_the_line_follows_city_and_memory(desk: Desk, admin: Principal, agent: Principal) -> None:
    lines = {
        city: await desk.line(admin, number, city)
        for city, number in (("北京", "01088886666"), ("上海", "02188886666"), ("广州", "02088886666"))
    }
    customer = await desk.customer(agent)

    async def bind(**wish: object) -> str:
        ends = desk.clock.now() + timedelta(days=1)
        made = await desk.bindings.bind(
            agent, BindRequest(agent.employee_id, customer.id, Purpose.SERVICE, ends, **wish)
        )
        await desk.bindings.release(agent, made.id)
        return made.line_id

    assert await bind(city="上海市", city_match=CityMatch.STRICT) == lines["上海"].id
    assert await bind() == lines["上海"].id  # sticky
    assert await bind(city="广州") == lines["上海"].id  # sticky goes before a loose city
    assert await bind(stickiness=Stickiness.AVOID_LAST, city="上海") != lines["上海"].id
    assert await bind(line_id=lines["广州"].id) == lines["广州"].id
    with pytest.raises(errors.NoLineFree):
        await bind(city="深圳", city_match=CityMatch.STRICT)
    await desk.lines.set_status(admin, lines["广州"].id, LineStatus.SUSPENDED)
    assert await bind() != lines["广州"].id


async def test_who_may_bind_whom(desk: Desk, admin: Principal, agent: Principal) -> None:
    await desk.line(admin, "01088886666")
    stranger = await desk.employee(Role.AGENT)
    customer = await desk.customer(agent)
    with pytest.raises(CustomerUnknown):
        await desk.bind(stranger, customer.id)
    with pytest.raises(OwnerInvalid):
        await desk.bind(agent, customer.id, employee_id=stranger.employee_id)
    await desk.set_state(stranger.employee_id, EmployeeState.SUSPENDED)
    with pytest.raises(OwnerInvalid):
        await desk.bind(admin, customer.id, employee_id=stranger.employee_id)
    with pytest.raises(Forbidden):
        await desk.bind(await desk.employee(Role.AUDITOR), customer.id)
    binding = await desk.bind(admin, customer.id, employee_id=agent.employee_id)
    assert (await desk.bindings.find(stranger, BindingFilter())).items == ()
    assert (await desk.bindings.find(agent, BindingFilter(customer_id=customer.id))).items == (binding,)


async def test_lines_are_listed_once_and_retired_for_good(
    desk: Desk, admin: Principal, agent: Principal
) -> None:
    line = await desk.line(admin, "01088886666")
    short = await desk.line(admin, "95588", "上海")
    assert [view.number for view in await desk.lines.list(agent)] == [short.number, line.number]
    with pytest.raises(errors.LineExists):
        await desk.line(admin, "+86 10 8888 6666")
    with pytest.raises(errors.LineInvalid):
        await desk.line(admin, "abc")
    with pytest.raises(Forbidden):
        await desk.line(agent, "02188886666")
    await desk.lines.set_status(admin, short.id, LineStatus.RETIRED)
    with pytest.raises(errors.LineInvalid):
        await desk.lines.set_status(admin, short.id, LineStatus.ACTIVE)
    await desk.bind(agent, (await desk.customer(agent)).id, direct_dial=DirectDial.TOKEN)
    with pytest.raises(errors.LineInUse):
        await desk.lines.set_status(admin, line.id, LineStatus.RETIRED)
    with pytest.raises(errors.LineUnknown):
        await desk.lines.set_status(admin, "0" * 32, LineStatus.RETIRED)
