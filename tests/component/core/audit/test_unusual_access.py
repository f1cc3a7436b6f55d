"""The life of a finding: told once, growing, closed by somebody else; nothing twice and nothing lost."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text

from core.access.model import Role
from core.audit.models import AccessRow
from core.audit.unusual import UnusualUnknown, own_rules
from core.audit.unusual.models import JudgedRow
from core.audit.unusual.reading import fresh_lines, persons_lines, usual_query
from core.audit.unusual.rulebook import OnCall, OwnLimits
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.ids import new_id
from core.ledger.models import EntryRow
from qa.conduct.unusual import AccessAlerts
from qa.inspection.errors import AlertUnknown
from qa.inspection.models import ConductFindingRow
from tests.support.unusual import UnusualHouse

LOOKING = "access_bulk_looking"
LIMIT = 60
SOON = timedelta(seconds=5)


class Died(Exception):
    """The process, in the middle of it."""


@pytest.fixture
async def house(database: Database, clock: ManualClock) -> UnusualHouse:
    house = UnusualHouse(database, clock)
    await house.open()
    return house


async def kinds(house: UnusualHouse) -> list[str]:
    async with house.database.read() as session:
        found = await session.scalars(select(EntryRow.kind).order_by(EntryRow.seq))
        return [kind for kind in found if kind.startswith(("unusual", "alert"))]


async def test_later_hits_add_to_the_alert_until_somebody_closes_it(house: UnusualHouse) -> None:
    await house.did("customer.opened", LIMIT + 1, every=SOON)
    await house.watch()
    (first,), _ = await house.reader.alerts(house.chief)
    assert (first.hits, first.employee_id, first.department_id) == (LIMIT + 1, house.who, house.team.id)
    assert first.said_zh == "查看了 61 位客户。上限：1 小时 60。"
    assert first.said_en == "61 customers looked at. Limit: 60 in 1 hour."
    await house.did("customer.opened", 2 * LIMIT, every=SOON)
    for _ in range(2):
        await house.watch()
    (grown,), _ = await house.reader.alerts(house.chief)
    assert (grown.id, grown.hits) == (first.id, 3 * LIMIT + 1)
    assert await kinds(house) == ["alert.raised", "unusual-access.found", "unusual-access.grown"]
    await house.alerts.close(house.chief, grown.id, "客户回访任务，已核实")
    house.clock.advance(SOON)
    await house.did("customer.opened", LIMIT, every=SOON)
    await house.watch()
    assert len(await house.found()) == 1, "what was closed does not count again"
    await house.did("customer.opened", 1, every=SOON)
    await house.watch()
    second = (await house.found())[-1]
    assert (second.seen, len(await house.found())) == (LIMIT + 1, 2)


async def test_the_lines_of_a_finding_are_exactly_those(house: UnusualHouse) -> None:
    await house.did("customer.opened", 3, every=SOON)
    house.clock.advance(timedelta(hours=2))
    await house.did("customer.opened", LIMIT + 1, every=SOON)
    await house.did("login.logged-out", 1)
    await house.did("customer.opened", 5, who=house.mate)
    await house.watch()
    (row,) = await house.found()
    finding = await house.findings.get(house.auditor, row.id)
    assert await house.exact(house.findings.lines(finding)) == LIMIT + 1
    with pytest.raises(Forbidden):
        await house.findings.get(house.chief, row.id)
    with pytest.raises(UnusualUnknown):
        await house.findings.get(house.auditor, new_id())


async def test_after_a_crash_the_same_is_found_once(
    house: UnusualHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies before the alert, then after the finding and before the mark moves; and then starts again."""
    await house.did("customer.opened", LIMIT + 1, every=SOON)

    async def dies(*_: object) -> None:
        raise Died

    with monkeypatch.context() as broken:
        broken.setattr(AccessAlerts, "began", dies)
        with pytest.raises(Died):
            await house.watch()
    assert await house.found() == []
    async with house.database.read() as session:
        mark = await session.get_one(JudgedRow, "access-log")
    await house.watch()
    async with house.database.begin() as session:
        (await session.get_one(JudgedRow, "access-log")).line_id = mark.line_id
    for _ in range(2):
        await house.new_watch()()
    assert len(await house.found()) == 1
    assert await kinds(house) == ["alert.raised", "unusual-access.found"]
    (alert,), _ = await house.reader.alerts(house.chief)
    await house.alerts.close(house.chief, alert.id, "已核实")
    await house.new_watch()()
    assert len(await house.found()) == 1, "nor again because it was closed meanwhile"


async def test_two_that_judge_at_once_find_it_once(house: UnusualHouse) -> None:
    await house.did("customer.opened", LIMIT + 1, every=SOON)
    await asyncio.gather(*(house.new_watch()() for _ in range(3)))
    assert len(await house.found()) == 1
    assert (await kinds(house)).count("alert.raised") == 1


async def test_a_line_that_is_committed_late_is_judged(house: UnusualHouse) -> None:
    late = new_id()
    await house.did("customer.opened", LIMIT, every=SOON)
    await house.watch()
    assert await house.found() == []
    async with house.database.begin() as session:
        await session.execute(
            insert(AccessRow).values(
                id=late,
                at=house.clock.now(),
                kind="customer.opened",
                actor_id=house.who,
                target_id=new_id(),
                customer_id=new_id(),
            )
        )
    await house.watch()
    assert [row.seen for row in await house.found()] == [LIMIT + 1]


async def test_what_was_there_before_is_no_news_but_counts(database: Database, clock: ManualClock) -> None:
    house = UnusualHouse(database, clock)
    watch, house.watch = house.watch, house.audit.catch_up  # type: ignore[assignment]
    await house.open()
    await house.did("customer.opened", 3 * LIMIT, every=SOON)
    clock.advance(SOON)
    await watch()
    await watch()
    assert await house.found() == []
    await house.did("customer.opened", 1)
    await watch()
    assert [row.seen for row in await house.found()] == [3 * LIMIT + 1]


async def test_nobody_closes_what_is_about_themselves_and_somebody_else_can(house: UnusualHouse) -> None:
    """Of an administrator, a supervisor, a reviewer and an auditor: somebody else sees it and closes it."""
    reviewer, auditor = house.person(Role.REVIEWER), house.auditor
    people = {
        Role.ADMINISTRATOR: house.person(Role.ADMINISTRATOR, house.admin),
        Role.SUPERVISOR: house.chief,
        Role.REVIEWER: house.person(Role.REVIEWER),
        Role.AUDITOR: house.person(Role.AUDITOR),
    }
    for person in people.values():
        await house.did("customer.opened", LIMIT + 1, who=person.employee_id, every=SOON)
    await house.watch()
    alerts, _ = await house.reader.alerts(auditor)
    about = {alert.employee_id: alert for alert in alerts}
    for role, person in people.items():
        alert = about[person.employee_id]
        refused: tuple[type[Exception], ...] = (AlertUnknown, Forbidden)
        for act in (house.alerts.take(person, alert.id), house.alerts.close(person, alert.id, "x")):
            with pytest.raises(refused):
                await act
        others = [one for one in (auditor, reviewer) if one.employee_id != person.employee_id]
        assert all([await house.reader.alert(one, alert.id) for one in others])
        await house.alerts.close(auditor if role is not Role.AUDITOR else reviewer, alert.id, "已核实")
    agent = house.person(Role.AGENT, house.who)
    with pytest.raises(Forbidden):
        await house.reader.alerts(agent)


async def test_auditors_handle_no_other_alerts(house: UnusualHouse) -> None:
    now = house.clock.now()
    async with house.database.begin() as session:
        row = ConductFindingRow(
            id=new_id(), kind="red_packet", severity="severe", catalogue_version="1", at=now, found_at=now
        )
        session.add(row)
        await session.flush()
        await house.alerts.raise_conduct(session, row, now)
    (alert,), _ = await house.reader.alerts(house.auditor)
    with pytest.raises(AlertUnknown):
        await house.alerts.close(house.auditor, alert.id, "x")
    await house.alerts.close(house.person(Role.REVIEWER), alert.id, "x")


async def test_usual_is_ones_own_else_that_of_colleagues_and_never_everything(house: UnusualHouse) -> None:
    """Thirty an hour are usual: ninety may be. A newcomer has the usual of colleagues. 300 are always told."""
    days = range(2, 14)
    await house.usual_day("customer.opened", 30, days)
    await house.did("customer.opened", 90, every=SOON)
    await house.did("customer.opened", 90, who=house.mate, every=SOON)
    await house.watch()
    assert await house.found() == []
    await house.did("customer.opened", 1, every=SOON)
    await house.watch()
    (row,) = await house.found()
    assert (row.employee_id, row.most, row.usual, row.seen) == (house.who, 90, 30, 91)
    (alert,), _ = await house.reader.alerts(house.chief)
    assert alert.said_zh == "查看了 91 位客户。上限：1 小时 90。平时：30。"
    greedy = await house.newcomer(Role.SUPERVISOR)
    await house.usual_day("customer.opened", 200, days, who=greedy)
    await house.did("customer.opened", 301, who=greedy, every=SOON)
    await house.watch()
    assert [(one.employee_id, one.most) for one in await house.found()][-1] == (greedy, 300)


async def test_a_month_without_work_is_no_usual(house: UnusualHouse) -> None:
    await house.usual_day("customer.opened", 30, range(32, 50))
    await house.did("customer.opened", LIMIT + 1, every=SOON)
    await house.watch()
    assert [row.most for row in await house.found()] == [LIMIT]


async def test_a_night_over_the_end_of_a_month_is_one_night(house: UnusualHouse) -> None:
    house.clock.set(datetime(2026, 11, 30, 15, 50, tzinfo=UTC))  # 23:50 on the last day in Shanghai
    await house.did("customer.opened", 11, every=timedelta(minutes=2))
    await house.watch()
    (row,) = await house.found()
    assert (row.rule_id, row.seen, row.since.month) == ("access_night", 11, 11)
    house.clock.set(datetime(2026, 11, 30, 22, 0, tzinfo=UTC))  # 06:00 on the first day of the next
    await house.did("customer.opened", 5, every=SOON)
    await house.watch()
    assert [one.seen for one in await house.found()] == [11], "the morning is not the night"
    house.clock.set(datetime(2026, 12, 1, 14, 0, tzinfo=UTC))
    await house.did("customer.opened", 11, every=SOON)
    await house.watch()
    (row,) = await house.found()
    assert row.seen >= 22, "the next night adds to the alert that is open"
    lines = house.findings.lines(await house.findings.get(house.auditor, row.id))
    assert await house.exact(lines) == 22, "and what was done by day is not among its lines"


async def test_whoever_is_on_call_may_work_at_night(database: Database, clock: ManualClock) -> None:
    house = UnusualHouse(database, clock)
    await house.open()
    named = await house.name(house.who)
    duty = OnCall(username=named, since=date(2026, 11, 21), until=date(2026, 11, 21))
    own = OwnLimits(version="a", effective=date(2026, 11, 21), on_call=(duty,))
    house.rules = own_rules().with_own(own)
    watch = house.new_watch()
    clock.set(datetime(2026, 11, 21, 14, 30, tzinfo=UTC))
    await house.did("customer.opened", 30, every=timedelta(minutes=10))
    await watch()
    assert await house.found() == [], "his night on duty, until the morning"
    clock.advance(timedelta(days=1))
    await house.did(
        "customer.opened", 11, every=timedelta(seconds=1), at=datetime(2026, 11, 22, 15, tzinfo=UTC)
    )
    await watch()
    assert [row.rules_version for row in await house.found()] == ["1.0.0+a"]


@pytest.mark.parametrize("which", ["fresh", "person", "usual"])
async def test_every_query_goes_by_an_index(house: UnusualHouse, which: str) -> None:
    """A million lines or a thousand: what is read is what is new, or one person's window."""
    now = house.clock.now()
    rule = own_rules().rules[0]
    whose = AccessRow.actor_id == house.who
    query = {
        "fresh": fresh_lines(new_id(), 500),
        "person": persons_lines(house.who, rule.acts_told, now - timedelta(hours=1), now),
        "usual": usual_query(rule, whose, now, is_sqlite=house.database.is_sqlite),
    }[which]
    await house.did("customer.opened", 400, who=new_id(), every=SOON, at=now - timedelta(days=2))
    if not house.database.is_sqlite:
        async with house.database.begin() as session:
            await session.execute(text("ANALYZE core_access_log"))
    async with house.database.read() as session:
        dialect = session.get_bind().dialect
        plain = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        if house.database.is_sqlite:
            plan = str((await session.execute(text(f"EXPLAIN QUERY PLAN {plain}"))).all())
            assert "SCAN core_access_log" not in plan, plan
            assert "USING INDEX" in plan, plan
        else:
            await session.execute(text("SET LOCAL enable_seqscan = off"))
            plan = str((await session.execute(text(f"EXPLAIN {plain}"))).all())
            assert "Index" in plan, plan
            assert "Seq Scan" not in plan, plan
