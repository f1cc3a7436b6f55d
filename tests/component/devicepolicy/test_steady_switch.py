"""Steady reports while policy changes: none of them hides a change."""

from typing import Any

import pytest

from devicepolicy.devices.models import DeviceRow
from devicepolicy.sync.steady import SteadyReports
from tests.support.fleet import House


class Counted:
    """The short way, counting which reports took it."""

    def __init__(self, inner: SteadyReports) -> None:
        self.inner = inner
        self.short: list[bool] = []

    async def __call__(self, told: Any) -> Any:
        answers = await self.inner(told)
        self.short += [answer is not None for answer in answers]
        return answers


@pytest.fixture
def steady(house: House) -> Counted:
    batches: Any = house.fleet.reports._steady
    batches._run = counted = Counted(batches._run)
    return counted


async def test_a_policy_that_changes_between_two_steady_reports_is_judged_at_once(
    house: House, steady: Counted
) -> None:
    """A wide change only marks the phones; what is wanted of each is computed later."""
    phone = await house.phone()
    await phone.obey()
    assert (await phone.report())["compliance"] == "COMPLIANT"
    await house.policy({"bluetoothDisabled": True}, phone.device_id)
    async with house.database.begin() as session:
        (await session.get_one(DeviceRow, phone.device_id)).desired_stale = True
    assert (await phone.report())["compliance"] == "PENDING"
    assert steady.short == [False, True, False]


async def test_a_policy_that_changes_while_a_steady_report_is_written_wins(
    house: House, steady: Counted
) -> None:
    """It is read as steady, and is none any more when it comes to be written down."""
    phone = await house.phone()
    await phone.obey()
    run, changed = house.database.run, False

    async def run_between(statement: Any, given: Any) -> Any:
        nonlocal changed
        found = await run(statement, given)
        if not changed:
            changed = True
            house.policies.special[phone.device_id] = {"bluetoothDisabled": True}
            async with house.database.begin() as session:
                row = await house.fleet.register.locked(session, phone.device_id)
                await house.fleet.desired.refresh(session, row, "test")
        return found

    database: Any = steady.inner._db
    database.run = run_between
    try:
        answer = await phone.report()
    finally:
        del database.run
    assert answer["compliance"] == "PENDING"
    assert steady.short == [False, False]
