"""Reports that say nothing new are written down many at once, and answered as if each had been judged."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from devicepolicy.devices.compliance import Reason
from devicepolicy.devices.model import ComplianceState
from devicepolicy.devices.models import DeviceRow, ReportRow
from devicepolicy.sync.steady import SteadyReports
from devicepolicy.sync.told import Stands, Told
from tests.support.fleet import House


class Counted:
    """The short way, counting which reports took it."""

    def __init__(self, inner: SteadyReports) -> None:
        self.inner = inner
        self.short: list[bool] = []

    async def __call__(self, told: list[Told]) -> list[Stands | None]:
        answers = await self.inner(told)
        self.short += [answer is not None for answer in answers]
        return answers


@pytest.fixture
def steady(house: House) -> Counted:
    batches: Any = house.fleet.reports._steady
    batches._run = counted = Counted(batches._run)
    return counted


async def test_the_same_words_take_the_short_way_and_get_the_same_answer(
    house: House, steady: Counted
) -> None:
    phone = await house.phone()
    phone.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
    first = await phone.obey()
    assert first["problems"] == ["cameraAccess"]
    house.clock.advance(timedelta(minutes=5))
    status = {"battery_percent": 79, "charging": True}
    second = await phone.report(status=status)
    assert steady.short == [False, True]
    assert {**second, "server_time": first["server_time"]} == first
    row = await house.row(phone.device_id)
    assert (row.report_seq, row.last_report_at, row.last_seen_at) == (2, house.clock.now(), house.clock.now())
    assert row.status == status
    assert await house.count(ReportRow) == 1


async def test_the_same_report_again_gets_the_same_answer_and_an_older_one_is_refused(
    house: House, steady: Counted
) -> None:
    phone = await house.phone()
    await phone.obey()
    first = await phone.report()
    again = await phone.report(seq=phone.seq)
    assert again == first
    status, problem = await phone.try_report(seq=phone.seq - 2)
    assert (status, problem["code"], problem["facts"]) == (409, "report-out-of-order", {"last_seq": 2})
    assert steady.short == [False, True, False, False]


NEWS: list[dict[str, Any]] = [
    {"state": "LOST"},
    {"os_version": "15"},
    {"agent_version": "1.0.1"},
    {"security_patch": "2026-12-01"},
    {"facts": {"api_level": 34}},
    {"applied_version": None, "applied_sha256": None},
    {"applied_sha256": "0" * 64},
    {"settings": {}},
]


async def test_whatever_is_new_is_judged(house: House, steady: Counted) -> None:
    phone = await house.phone()
    await phone.obey()
    for new in NEWS:
        await phone.report(**new)
        await phone.report()
    assert steady.short == [False] * (1 + 2 * len(NEWS))


async def test_another_wish_is_judged_although_the_phone_says_the_same(house: House, steady: Counted) -> None:
    phone = await house.phone()
    assert (await phone.obey())["compliance"] == "COMPLIANT"
    for document in ({"bluetoothDisabled": True}, {}):
        house.policies.special[phone.device_id] = document
        async with house.database.begin() as session:
            row = await house.fleet.register.locked(session, phone.device_id)
            await house.fleet.desired.refresh(session, row, "test")
        assert (await phone.report())["compliance"] == "PENDING", "a wish that came back is applied anew"
    assert steady.short == [False, False, False]
    assert (await phone.obey())["compliance"] == "COMPLIANT"
    await phone.report()
    assert steady.short[3:] == [False, True]


async def test_a_phone_that_was_silent_comes_back_with_the_same_words(house: House, steady: Counted) -> None:
    phone = await house.phone()
    await phone.obey()
    house.clock.advance(timedelta(hours=1))
    await house.fleet.sweep()
    assert (await house.row(phone.device_id)).offline
    await phone.report()
    assert not (await house.row(phone.device_id)).offline
    assert steady.short == [False, False]


async def test_many_at_once_are_each_written_and_none_twice(house: House, steady: Counted) -> None:
    phones = [await house.phone() for _ in range(5)]
    for phone in phones:
        await phone.obey()
    answers = await asyncio.gather(*(phone.report() for phone in phones))
    assert {answer["compliance"] for answer in answers} == {"COMPLIANT"}
    assert steady.short[5:] == [True] * 5
    assert [(await house.row(phone.device_id)).report_seq for phone in phones] == [2] * 5


async def test_two_reports_of_one_phone_at_once_leave_the_higher_number(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    answers = await asyncio.gather(*(phone.try_report() for _ in range(4)))
    assert {status for status, _ in answers} <= {200, 409}
    row = await house.row(phone.device_id)
    assert (row.report_seq, row.compliance) == (5, ComplianceState.COMPLIANT)


async def test_a_locked_phone_keeps_no_other_report_waiting(house: House, steady: Counted) -> None:
    if house.database.is_sqlite:
        pytest.skip("SQLite has one writer")
    busy, other = await house.phone(), await house.phone()
    for phone in (busy, other):
        await phone.obey()
    async with house.database.begin() as session:
        await house.fleet.register.locked(session, busy.device_id)
        waiting = asyncio.ensure_future(busy.report())
        async with asyncio.timeout(60):
            await other.report()
            while len(steady.short) < 4:  # noqa: ASYNC110 - it counts what it is asked
                await asyncio.sleep(0.01)
    assert (await waiting)["compliance"] == "COMPLIANT"
    assert sorted(steady.short[2:]) == [False, True]


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
