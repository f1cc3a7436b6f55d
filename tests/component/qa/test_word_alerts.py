"""Alerts for words: in which chats a rule holds, at once or once a day, and that a flood stays in bounds."""

import asyncio
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.ledger.models import EntryRow
from qa import alerts as alerts_module
from qa.alert_digests import AlertDigests
from qa.alert_queue import AlertFilter, AlertQueue
from qa.alert_rules import AlertRules, Choice, Timing
from qa.inspection.errors import AlertRuleUnknown, AlertTaken
from qa.inspection.events import AlertRaised, AlertsDigested
from qa.inspection.models import AlertDigestRow, AlertRow, FindingRow
from qa.inspection.rulebook import Chats, own_rulebook
from tests.support.desk import shanghai
from tests.support.threads import ThreadDesk

FAMILY, DEATH = "再不还钱我就告诉你家人", "我弄死你，打断你的腿"
DAILY = Choice(timing=Timing.DAILY)


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> ThreadDesk:
    desk = ThreadDesk(database, clock)
    await desk.set_up()
    await desk.link()
    desk.told = []

    async def listen(session: object, event: object) -> None:
        desk.told.append(event)

    for kind in (AlertRaised, AlertsDigested):
        desk.desk.events.subscribe(kind, listen)
    return desk


def rules_of(desk: ThreadDesk) -> AlertRules:
    return AlertRules(
        database=desk.database, clock=desk.clock, ledger=desk.desk.ledger, rulebook=own_rulebook()
    )


def digests_of(desk: ThreadDesk) -> AlertDigests:
    return AlertDigests(
        database=desk.database, clock=desk.clock, ledger=desk.desk.ledger, bus=desk.desk.events, hour=8,
        zone=ZoneInfo("Asia/Shanghai"),
    )  # fmt: skip


async def say(desk: ThreadDesk, *texts: str, **more: object) -> None:
    for text in texts:
        desk.records.say(text, **more)
    await desk.archived()
    await desk.deliver()


async def stored(desk: ThreadDesk, table: type = AlertRow) -> list:
    async with desk.database.read() as session:
        return list(await session.scalars(select(table).order_by(table.id)))


async def of_words(desk: ThreadDesk) -> list[AlertRow]:
    return [row for row in await stored(desk) if row.inspection_id is not None]


async def test_a_rule_holds_in_the_chats_that_were_chosen(desk: ThreadDesk) -> None:
    rules, admin = rules_of(desk), desk.sees(Role.ADMINISTRATOR)
    await rules.choose(admin, "staff-disclosure", Choice(Chats.GROUP))
    await rules.choose(admin, "staff-threat", Choice(Chats.SINGLE))
    await say(desk, FAMILY, DEATH)
    await say(desk, FAMILY, DEATH, roomid="room-1")
    await desk.close_day()
    found = [row.rule_id for row in await stored(desk, FindingRow)]
    assert found.count("staff-disclosure") == 1, "of the group only"
    assert sorted(row.rules for row in await of_words(desk)) == [["staff-disclosure"], ["staff-threat"]]


async def test_a_choice_is_in_the_ledger_once_and_only_for_rules_about_words(desk: ThreadDesk) -> None:
    rules, admin = rules_of(desk), desk.sees(Role.ADMINISTRATOR)
    for _ in range(2):
        await rules.choose(admin, "staff-threat", DAILY)
    with pytest.raises(AlertRuleUnknown):
        await rules.choose(admin, "staff-introduction", DAILY)
    chosen = {one.rule.id: one.choice for one in await rules.all()}
    assert (chosen["staff-threat"], chosen["staff-insult"]) == (DAILY, Choice())
    async with desk.database.read() as session:
        kinds = list(await session.scalars(select(EntryRow.kind)))
    assert kinds.count("alert.rule-changed") == 1


async def test_daily_alerts_are_told_once_a_day_and_after_days_of_standing_still(desk: ThreadDesk) -> None:
    await rules_of(desk).choose(desk.sees(Role.ADMINISTRATOR), "staff-disclosure", DAILY)
    desk.clock.set(shanghai(10))
    await say(desk, FAMILY, FAMILY)
    reviewer, digests = desk.sees(Role.REVIEWER), digests_of(desk)
    queue = AlertQueue(desk.database, desk.reader)
    assert (await queue.find(reviewer, AlertFilter()))[0] == (), "not before the digest"
    assert await desk.reader.most_severe_alerts(reviewer, limit=9) == ()
    waiting, _ = await queue.find(reviewer, AlertFilter(gathered=True))
    assert [line.alert.gathered for line in waiting] == [True]
    assert waiting[0].others == 1, "one line for the thread, with the count of its others"
    assert desk.told == []
    assert await digests.tell_due() is None, "those of today are told tomorrow"
    desk.clock.set(shanghai(9, day=24))  # two hours of telling went by while nothing ran
    made = await asyncio.gather(*(digests.tell_due() for _ in range(3)))
    (digest_id,) = [one for one in made if one is not None]
    assert await digests.tell_due() is None
    (digest,) = await stored(desk, AlertDigestRow)
    assert (digest.id, digest.day, digest.alerts) == (digest_id, date(2026, 11, 24), 2)
    assert digest.rules == {"staff-disclosure": 2}
    assert desk.told == [AlertsDigested(digest_id, date(2026, 11, 24), 2, ("staff-disclosure",))]
    (line,), _ = await queue.find(reviewer, AlertFilter(digest_id=digest_id))
    assert (line.others, line.alert.digest_id) == (1, digest_id)


async def test_no_clock_that_is_set_tells_twice_or_keeps_anything_back_for_long(desk: ThreadDesk) -> None:
    await rules_of(desk).choose(desk.sees(Role.ADMINISTRATOR), "staff-disclosure", DAILY)
    digests = digests_of(desk)
    desk.clock.set(shanghai(10))
    await say(desk, FAMILY)
    desk.clock.set(shanghai(9, day=22))
    assert await digests.tell_due()
    desk.clock.set(shanghai(7, day=22))  # back before the hour, and over it once more
    await say(desk, FAMILY)
    desk.clock.set(shanghai(9, day=22))
    assert await digests.tell_due() is None, "the day has had its digest"
    desk.clock.set(shanghai(9, day=23))
    assert await digests.tell_due()
    desk.clock.set(shanghai(9, day=23) + timedelta(days=400))  # a year ahead, by mistake
    await say(desk, FAMILY)
    desk.clock.set(shanghai(9, day=24))
    assert await digests.tell_due(), "what was written in a false future does not wait for it"
    assert [row.gathered for row in await of_words(desk)] == [False] * 3
    assert [row.alerts for row in await stored(desk, AlertDigestRow)] == [1, 1, 1]


async def test_one_rule_that_is_told_at_once_tells_the_whole_message(desk: ThreadDesk) -> None:
    await rules_of(desk).choose(desk.sees(Role.ADMINISTRATOR), "staff-disclosure", DAILY)
    await say(desk, f"{FAMILY}，{DEATH}")
    (alert,) = await of_words(desk)
    assert (alert.rules, alert.gathered) == (["staff-disclosure", "staff-threat"], False)
    assert [type(event) for event in desk.told] == [AlertRaised]


async def test_what_is_closed_before_its_digest_is_not_told(desk: ThreadDesk) -> None:
    await rules_of(desk).choose(desk.sees(Role.ADMINISTRATOR), "staff-disclosure", DAILY)
    desk.clock.set(shanghai(10))
    await say(desk, FAMILY)
    (alert,) = await of_words(desk)
    await desk.alerts.close(desk.sees(Role.REVIEWER), alert.id, "已核实")
    desk.clock.set(shanghai(9, day=22))
    assert await digests_of(desk).tell_due() is None


async def test_a_flood_is_bounded_and_is_handled_in_one_go(
    desk: ThreadDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts_module, "MOST_A_DAY", 3)
    await say(desk, *(FAMILY for _ in range(5)))
    found = await of_words(desk)
    assert [(row.hits, row.messages) for row in found] == [(1, 1), (1, 1), (3, 3)]
    reviewer, other = desk.sees(Role.REVIEWER), desk.sees(Role.REVIEWER, "d" * 32)
    queue = AlertQueue(desk.database, desk.reader)
    (line,), following = await queue.find(reviewer, AlertFilter())
    assert (line.alert.id, line.others, following) == (found[0].id, 2, None)
    assert (await queue.count(reviewer, AlertFilter())).open == 3
    apart, _ = await queue.find(reviewer, AlertFilter(thread_id=found[0].thread_id))
    assert [one.others for one in apart] == [0, 0, 0], "the thread's own list shows each"
    await desk.alerts.take(other, found[1].id)
    with pytest.raises(AlertTaken):
        await desk.alerts.close_all(reviewer, found[1].id, "一并处理")
    assert await desk.alerts.close_all(reviewer, found[0].id, "一并处理") == 2
    assert [row.state for row in await of_words(desk)] == ["closed", "taken", "closed"]
    assert (await desk.reader.alert(reviewer, found[2].id)).note == "一并处理"
