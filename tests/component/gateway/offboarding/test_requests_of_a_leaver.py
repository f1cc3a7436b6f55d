"""Somebody leaves who has asked for something about a customer: it is counted before, withdrawn by the act."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.clock import ManualClock
from core.db import Database
from gateway.customers.approvals.errors import FileGone
from gateway.customers.approvals.model import ExportWish, RequestState
from gateway.customers.approvals.upkeep import RequestDuties
from gateway.customers.model import CustomerChange
from gateway.offboarding.errors import PreviewStale
from gateway.offboarding.model import StepKind
from gateway.offboarding.ports import AllDuties, NoDuties
from tests.support.approving import ApprovalDesk
from tests.support.leaving import LeavingDesk


@pytest.fixture
async def house(database: Database, clock: ManualClock) -> ApprovalDesk:
    return ApprovalDesk(database, clock)


@pytest.fixture
async def desk(house: ApprovalDesk, tmp_path: Path) -> AsyncIterator[LeavingDesk]:
    duties = AllDuties(NoDuties(), RequestDuties())
    desk = LeavingDesk(house.database, house.clock, tmp_path, duties=duties, desk=house.desk)
    await desk.set_up()
    yield desk
    await desk.close()


async def test_requests_are_counted_in_the_preview_and_withdrawn_with_the_act(
    house: ApprovalDesk, desk: LeavingDesk
) -> None:
    customer = await desk.customer(1)
    wish = CustomerChange(phone="13900139000")
    asked = await house.ask.change(desk.leaver, customer.id, wish, "更正")
    other = await desk.customer(2)
    waits = await house.ask.change(desk.supervisor, other.id, wish, "更正")
    shown = await desk.service.preview(desk.admin, desk.leaver.employee_id, desk.successor.employee_id)
    assert {one.kind: one.count for one in shown.effects}[StepKind.DUTIES] == 1
    await house.decider.withdraw(desk.leaver, asked)
    again = await house.ask.change(desk.leaver, customer.id, wish, "再次")
    with pytest.raises(PreviewStale):
        await desk.service.unbind(desk.admin, shown.id, shown.digest)
    await desk.unbind()
    seen = [(await house.see(desk.admin, one)).state for one in (asked, again, waits)]
    assert seen == [RequestState.WITHDRAWN, RequestState.WITHDRAWN, RequestState.WAITING]
    (_, entry) = await house.entries("customer-request.withdrawn")
    assert entry["by"] == desk.admin.employee_id
    await house.decider.approve(desk.admin, waits)


async def test_a_suspended_person_takes_no_file_along(house: ApprovalDesk, desk: LeavingDesk) -> None:
    await desk.customer(1)
    asked = await house.ask.export(desk.supervisor, ExportWish(), "核对")
    await house.decider.approve(desk.admin, asked)
    await desk.access.employees.suspend(desk.admin, desk.supervisor.employee_id)
    with pytest.raises(FileGone):
        await house.parts.exports.take(desk.supervisor, asked)
