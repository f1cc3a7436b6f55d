"""An employee's own days and own quality: counted by the institution's day, nobody else's in them."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.access.model import Principal, Role, Scope
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.ids import new_id
from gateway.contact.model import Channel, ContactRequest, Direction, Outcome, Purpose
from gateway.contact.own import DayOfContacts, own_days
from qa.inspection.model import Band, State
from qa.inspection.models import FindingRow, InspectionRow
from qa.inspection.own import CategoryCount, own_quality
from qa.permissions import INSPECTION_READ
from tests.support.desk import Desk, shanghai

ZONE = ZoneInfo("Asia/Shanghai")
SPAN = shanghai(0, day=20), shanghai(0, day=23)


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> Desk:
    clock.set(shanghai(10, day=20))
    return Desk(database, clock)


async def contact(
    desk: Desk, who: Principal, binding_id: str, outcome: Outcome, *, inbound: bool = False
) -> None:
    direction = Direction.INBOUND if inbound else Direction.OUTBOUND
    request = ContactRequest(who.employee_id, binding_id, Channel.CALL, direction, Purpose.SERVICE)
    async with desk.database.begin() as session:
        verdict = await desk.contacts.judge(session, request)
        if verdict.allowed and verdict.contact_id:
            await desk.contacts.close(session, verdict.contact_id, outcome)


async def test_days_are_the_institutions_and_ones_own(desk: Desk) -> None:
    admin, agent, other = [await desk.employee(role) for role in (Role.ADMINISTRATOR, Role.AGENT, Role.AGENT)]
    await desk.line(admin, "01088886666")
    await desk.line(admin, "01088886667")
    customer = await desk.customer(agent)
    mine = await desk.bind(agent, customer.id, purpose=Purpose.SERVICE)
    theirs = await desk.bind(admin, customer.id, purpose=Purpose.SERVICE, employee_id=other.employee_id)
    await contact(desk, agent, mine.id, Outcome.CONNECTED)
    await contact(desk, agent, mine.id, Outcome.CONNECTED, inbound=True)
    await contact(desk, other, theirs.id, Outcome.CONNECTED)
    desk.clock.set(shanghai(9, day=21))
    await contact(desk, agent, mine.id, Outcome.UNANSWERED)
    desk.clock.set(shanghai(23, 30, day=21))  # still the 21st in Shanghai, and too late to call
    await contact(desk, agent, mine.id, Outcome.CONNECTED)
    days = await own_days(desk.database, agent, *SPAN, ZONE)
    assert days == {
        date(2026, 11, 20): DayOfContacts(date(2026, 11, 20), 1, 1, 0, 1, 0),
        date(2026, 11, 21): DayOfContacts(date(2026, 11, 21), 1, 0, 0, 0, 1),
    }


def inspection(who: str, at: datetime, score: int | None, band: Band | None) -> InspectionRow:
    return InspectionRow(
        id=new_id(), contact_id=new_id(), employee_id=who, channel="call", direction="outbound",
        purpose="sales", contact_started_at=at, state=State.DONE, score=score, band=band,
        nothing=None if score is not None else "no-recording", created_at=at, finished_at=at,
    )  # fmt: skip


def finding(row: InspectionRow, idx: int, category: str) -> FindingRow:
    return FindingRow(
        id=new_id(), inspection_id=row.id, idx=idx, rule_id="r", rule_version="1", category=category,
        severity="minor", role="staff", begin_ms=0, end_ms=1, char_begin=0, char_end=1, matched_by="exact",
        confidence=1.0, suspected=False, fatal=False, deduction=1,
    )  # fmt: skip


async def test_scores_and_findings_are_ones_own(desk: Desk) -> None:
    agent = await desk.employee(Role.AGENT)
    with pytest.raises(Forbidden):
        await own_quality(desk.database, agent, *SPAN, ZONE)
    reader = Principal(
        agent.employee_id, None, "", agent.roles, {INSPECTION_READ: Scope.OWN}, agent.session_id,
        agent.verified_at,
    )  # fmt: skip
    at = shanghai(23, day=20)
    good = inspection(agent.employee_id, at, 90, Band.PASS)
    bad = inspection(agent.employee_id, at + timedelta(minutes=5), 41, Band.FLAG)
    empty = inspection(agent.employee_id, at, None, None)
    thread_day = inspection(agent.employee_id, at, None, None)
    thread_day.contact_id, thread_day.thread_day_id, thread_day.nothing = None, new_id(), "no-text"
    foreign = inspection(new_id(), at, 10, Band.FLAG)
    late = inspection(agent.employee_id, shanghai(1, day=23), 10, Band.FLAG)
    async with desk.database.begin() as session:
        session.add_all([good, bad, empty, thread_day, foreign, late])
        await session.flush()
        session.add_all(
            [finding(bad, 0, "threat"), finding(bad, 1, "threat"), finding(good, 0, "insult"),
             finding(foreign, 0, "threat"), finding(late, 0, "threat")]
        )  # fmt: skip
    found = await own_quality(desk.database, reader, *SPAN, ZONE)
    assert found.inspected == 2
    (day,) = found.days.values()
    assert (day.day, day.scored, day.mean) == (date(2026, 11, 20), 2, 65.5)
    assert (day.bands[Band.PASS], day.bands[Band.COACH], day.bands[Band.FLAG]) == (1, 0, 1)
    assert found.categories == (CategoryCount("threat", 2, 1), CategoryCount("insult", 1, 1))
