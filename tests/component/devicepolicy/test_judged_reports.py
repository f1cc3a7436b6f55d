"""After a push many phones say something new at once: one transaction judges them, as each would be alone."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from devicepolicy.devices.compliance import Reason
from devicepolicy.devices.events import ComplianceChanged
from devicepolicy.devices.models import DeviceRow, HistoryRow, ReportRow
from devicepolicy.sync.told import Stands, Told
from tests.support.fleet import House, SimPhone

WITHIN_S = 60.0


class Together:
    """The transaction for many: it waits until as many have come as the test wants to see in it."""

    def __init__(self, batches: Any) -> None:
        self._batches, self._inner = batches, batches._run
        self.wanted = 1
        self.sizes: list[int] = []
        self.refused: list[str] = []
        batches._run = self

    async def __call__(self, told: Sequence[Told]) -> list[Stands | None]:
        async with asyncio.timeout(WITHIN_S):
            while len(told) + len(self._batches._waiting) < self.wanted:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
        if len(told) < self.wanted:
            self.wanted -= len(told)
        answers: list[Stands | None] = await self._inner(told)
        self.sizes.append(len(told))
        self.refused += [one.device_id for one, answer in zip(told, answers, strict=True) if answer is None]
        return answers


@pytest.fixture
def together(house: House) -> Together:
    return Together(house.fleet.reports._judged)


TELLINGS: Mapping[str, Mapping[str, Any]] = {
    "all": {},
    "none": {"settings": {}},
    "another document": {"applied_sha256": "0" * 64},
    "nothing applied": {"applied_version": None, "applied_sha256": None},
    "another state": {"state": "LOST"},
    "another value": {"settings": {"cameraAccess": {"sha256": "0" * 64}}},
    "not yet": {"settings": {"cameraAccess": {"reason": "PENDING", "detail": "soon"}}},
    "cannot": {"settings": {"cameraAccess": {"reason": "API_LEVEL"}}, "facts": {"api_level": 20}},
}


async def fleet(house: House) -> dict[str, SimPhone]:
    phones = {}
    for name in TELLINGS:
        phones[name] = await house.phone()
        await phones[name].apply()
    return phones


async def written(house: House, phone: SimPhone) -> dict[str, Any]:
    """All that the books say of a phone, but for ids and times."""
    row = await house.row(phone.device_id)
    names = (
        "compliance", "settings", "applied_version", "applied_state", "api_level", "backends", "os_version",
        "report_seq", "report_hash", "status", "last_report_at", "last_seen_at", "compliance_since",
    )  # fmt: skip
    kept = select(ReportRow).where(ReportRow.device_id == phone.device_id).order_by(ReportRow.id)
    history = select(HistoryRow).where(HistoryRow.device_id == phone.device_id).order_by(HistoryRow.id)
    async with house.database.read() as session:
        reports = [(one.seq, one.content, one.compliance) for one in await session.scalars(kept)]
        happened = [(one.kind, one.facts) for one in await session.scalars(history)]
    booked = [(kind, body) for kind, body in await house.booked() if body.get("device") == phone.device_id]
    told = [
        (kind, {name: value for name, value in body.items() if name not in {"device", "report"}})
        for kind, body in booked
        if kind == "device.report"
    ]
    happened = [one for one in happened if one[0] == "compliance"]
    return {name: getattr(row, name) for name in names} | {
        "reports": reports,
        "history": happened,
        "told": told,
    }


async def test_of_many_at_once_each_is_judged_as_it_would_be_alone(house: House, together: Together) -> None:
    house.hear(ComplianceChanged)
    at_once, alone = await fleet(house), await fleet(house)
    house.policies.rolling_out = True
    answers = {name: await phone.report(**TELLINGS[name]) for name, phone in alone.items()}
    assert len(together.refused) == len(alone)
    house.policies.rolling_out = False
    together.sizes.clear()
    together.refused.clear()
    together.wanted = len(at_once)
    found = await asyncio.gather(*(phone.report(**TELLINGS[name]) for name, phone in at_once.items()))
    assert (sum(together.sizes), len(together.sizes), together.refused) == (len(at_once), 2, [])
    assert dict(zip(at_once, found, strict=True)) == answers
    for name, phone in at_once.items():
        assert await written(house, phone) == await written(house, alone[name]), name
    changes = Counter((event.before, event.after) for event in house.events)
    assert changes
    assert all(count % 2 == 0 for count in changes.values())


async def test_a_report_that_must_go_alone_keeps_no_other_from_being_judged(
    house: House, together: Together
) -> None:
    silent, ahead, stale, plain = [await house.phone() for _ in range(4)]
    for phone in (silent, ahead, stale, plain):
        await phone.apply()
    async with house.database.begin() as session:
        (await session.get_one(DeviceRow, silent.device_id)).offline = True
        (await session.get_one(DeviceRow, stale.device_id)).desired_stale = True
    house.policies.special[stale.device_id] = {"bluetoothDisabled": True}
    together.wanted = 4
    answers = await asyncio.gather(
        silent.report(), ahead.report(applied_version=7), stale.report(), plain.report()
    )
    assert sorted(together.refused) == sorted([silent.device_id, ahead.device_id, stale.device_id])
    assert [answer["compliance"] for answer in answers] == ["COMPLIANT", "PENDING", "PENDING", "COMPLIANT"]
    assert not (await house.row(silent.device_id)).offline
    assert answers[1]["desired_version"] == 8
    assert answers[2]["desired_version"] == 2


async def test_two_new_reports_of_one_phone_at_once_leave_the_higher_number(
    house: House, together: Together
) -> None:
    phone, other = await house.phone(), await house.phone()
    for one in (phone, other):
        await one.apply()
    phone.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
    together.wanted = 3
    found = await asyncio.gather(phone.try_report(), phone.try_report(settings={}), other.try_report())
    assert {status for status, _ in found} <= {200, 409}
    assert found[2][1]["compliance"] == "COMPLIANT"
    assert (await house.row(phone.device_id)).report_seq == 2


async def test_a_locked_phone_keeps_no_other_new_report_waiting(house: House, together: Together) -> None:
    if house.database.is_sqlite:
        pytest.skip("SQLite has one writer")
    busy, other = await house.phone(), await house.phone()
    for phone in (busy, other):
        await phone.apply()
    together.wanted = 2
    async with house.database.begin() as session:
        await house.fleet.register.locked(session, busy.device_id)
        waiting = asyncio.ensure_future(busy.report())
        async with asyncio.timeout(WITHIN_S):
            assert (await other.report())["compliance"] == "COMPLIANT"
            while not together.refused:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
            assert not waiting.done()
    assert (await waiting)["compliance"] == "COMPLIANT"
    assert together.refused == [busy.device_id]
