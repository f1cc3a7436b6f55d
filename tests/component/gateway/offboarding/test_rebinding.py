"""The same line for a new employee by one scan: a code that works once, for one person, for a while."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.access.errors import EmployeeUnknown
from core.access.model import Principal, Role
from core.access.models import EmployeeState
from gateway.customers.models import CustomerRow
from gateway.numbers.models import BindingRow
from gateway.offboarding import errors
from gateway.offboarding.models import RebindingRow
from gateway.offboarding.rebinding import RebindRequest
from tests.support.leaving import ONE_ENGINE, LeavingDesk


@pytest.fixture
async def newcomer(desk: LeavingDesk) -> Principal:
    return await desk.person(Role.AGENT, department=desk.first)


def line_of(desk: LeavingDesk, newcomer: Principal) -> RebindRequest:
    return RebindRequest(newcomer.employee_id, line_id=desk.line.id, holder_id=desk.successor.employee_id)


async def test_the_line_and_its_customers_go_to_the_newcomer(desk: LeavingDesk, newcomer: Principal) -> None:
    bound, unbound = await desk.bound(0), await desk.customer(1)
    await desk.unbind()
    code = await desk.parts.rebinding.create(desk.supervisor, line_of(desk, newcomer))
    taken = await desk.parts.rebinding.redeem(newcomer, code.text)
    assert (taken.bindings, taken.customers) == (1, 1)
    assert taken.account is not None, "a phone account is made if there is none"
    async with desk.database.read() as session:
        assert (await session.get_one(BindingRow, bound.id)).employee_id == newcomer.employee_id
        assert (await session.get_one(CustomerRow, bound.customer_id)).owner_id == newcomer.employee_id
        assert (await session.get_one(CustomerRow, unbound.id)).owner_id == desk.successor.employee_id
    kinds = [kind for kind in ("rebinding.created", "rebinding.redeemed") if await desk.entries(kind)]
    assert kinds == ["rebinding.created", "rebinding.redeemed"]
    again = await desk.parts.rebinding.create(
        desk.supervisor,
        RebindRequest(newcomer.employee_id, line_id=desk.line.id, holder_id=desk.leaver.employee_id),
    )
    assert (await desk.parts.rebinding.redeem(newcomer, again.text)).account is None


@ONE_ENGINE
async def test_a_code_is_for_one_person_once_and_for_a_while(desk: LeavingDesk, newcomer: Principal) -> None:
    rebinding = desk.parts.rebinding
    code = await rebinding.create(desk.supervisor, line_of(desk, newcomer))
    for who, text in (
        (desk.stranger, code.text),
        (newcomer, code.text + "x"),
        (newcomer, "maskline-rebind:"),
    ):
        with pytest.raises(errors.CodeRefused):
            await rebinding.redeem(who, text)
    await rebinding.redeem(newcomer, code.text)
    with pytest.raises(errors.CodeRefused):
        await rebinding.redeem(newcomer, code.text)
    late = await rebinding.create(desk.supervisor, line_of(desk, newcomer))
    revoked = await rebinding.create(desk.supervisor, line_of(desk, newcomer))
    await rebinding.revoke(desk.supervisor, revoked.rebinding_id)
    with pytest.raises(errors.CodeRefused):
        await rebinding.redeem(newcomer, revoked.text)
    desk.clock.advance(timedelta(seconds=900))
    with pytest.raises(errors.CodeRefused):
        await rebinding.redeem(newcomer, late.text)
    async with desk.database.read() as session:
        hashes = list(await session.scalars(select(RebindingRow.code_hash)))
    assert not any(code.text.endswith(one) for one in hashes)
    assert code.text not in repr(code)


@ONE_ENGINE
async def test_a_supervisor_makes_codes_within_the_own_team_only(
    desk: LeavingDesk, newcomer: Principal
) -> None:
    rebinding, line = desk.parts.rebinding, desk.line.id
    with pytest.raises(EmployeeUnknown):
        await rebinding.create(
            desk.supervisor,
            RebindRequest(desk.stranger.employee_id, line_id=line, holder_id=newcomer.employee_id),
        )
    with pytest.raises(EmployeeUnknown):
        await rebinding.create(
            desk.supervisor,
            RebindRequest(newcomer.employee_id, line_id=line, holder_id=desk.stranger.employee_id),
        )
    for request in (
        RebindRequest(newcomer.employee_id),
        RebindRequest(newcomer.employee_id, line_id=line),
        RebindRequest(newcomer.employee_id, holder_id=desk.leaver.employee_id),
        RebindRequest(newcomer.employee_id, line_id=line, holder_id=newcomer.employee_id),
    ):
        with pytest.raises(errors.RebindingInvalid):
            await rebinding.create(desk.supervisor, request)
    with pytest.raises(errors.PhoneUnknown):
        await rebinding.create(desk.supervisor, RebindRequest(newcomer.employee_id, device_id="0" * 32))
    code = await rebinding.create(desk.supervisor, line_of(desk, newcomer))
    with pytest.raises(errors.RebindingUnknown):
        await rebinding.revoke(await desk.person(Role.SUPERVISOR, department=desk.second), code.rebinding_id)
    await desk.desk.set_state(newcomer.employee_id, EmployeeState.SUSPENDED)
    with pytest.raises(errors.CodeRefused):
        await rebinding.redeem(newcomer, code.text)


async def test_what_was_rebound_meanwhile_stays_when_the_unbinding_is_undone(
    desk: LeavingDesk, newcomer: Principal
) -> None:
    bound = await desk.bound(0)
    act = await desk.unbind()
    code = await desk.parts.rebinding.create(desk.supervisor, line_of(desk, newcomer))
    await desk.parts.rebinding.redeem(newcomer, code.text)
    undone = await desk.service.undo(desk.admin, act.id)
    assert (undone.customers, undone.kept_customers, undone.kept_bindings) == (0, 1, 1)
    async with desk.database.read() as session:
        assert (await session.get_one(BindingRow, bound.id)).employee_id == newcomer.employee_id
