"""Alerts for words: in which chats a rule holds, at once or once a day, and that a flood stays in bounds."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.errors import Unavailable
from core.ledger.models import EntryRow
from maskline.worker import Deliverer
from qa import alerts as alerts_module
from qa.alert_digests import AlertDigests
from qa.alert_notices import AlertNotices
from qa.alert_queue import AlertFilter, AlertQueue
from qa.alert_rules import AlertRules, Choice, Timing
from qa.inspection.errors import AlertRuleUnknown, AlertTaken
from qa.inspection.events import AlertRaised, AlertsDigested
from qa.inspection.figures import InspectionFigures
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
    assert await InspectionFigures(desk.database).open_alerts(reviewer) == {}
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
    (shown,) = await queue.digests(reviewer)
    assert (shown.id, shown.day, shown.alerts, shown.unclosed) == (digest_id, digest.day, 2, 2)
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


@dataclass
class Listener:
    """The other system. `away` faults are raised first."""

    came: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    away: int = 0

    async def send(self, message_id: str, kind: str, data: Mapping[str, Any]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable
        self.came.append((message_id, kind, dict(data)))


def listening(desk: ThreadDesk) -> Listener:
    listener = Listener()
    notices = AlertNotices(
        database=desk.database, outbox=desk.outbox, rulebook=own_rulebook(), site="https://qa.example/",
        notifier=listener,
    )  # fmt: skip
    notices.listen(desk.desk.events)
    desk.handlers = {**desk.handlers, **notices.handlers()}
    desk.deliverer = Deliverer(desk.database, desk.outbox, desk.handlers)
    return listener


async def test_another_system_is_told_of_the_rules_that_were_chosen_and_of_no_word(desk: ThreadDesk) -> None:
    listener = listening(desk)
    await rules_of(desk).choose(desk.sees(Role.ADMINISTRATOR), "staff-threat", Choice(webhook=True))
    await say(desk, f"{DEATH}，告诉你家人，13900001234", FAMILY)
    await desk.deliver()
    alert = next(row for row in await of_words(desk) if "staff-threat" in row.rules)
    assert listener.came == [
        (
            alert.id,
            "alert.raised",
            {
                "alert_id": alert.id,
                "severity": "severe",
                "suspected": False,
                "rules": [
                    {"id": title.id, "zh": title.zh, "en": title.en}
                    for title in own_rulebook().titles(["staff-disclosure", "staff-threat"])
                ],
                "link": f"https://qa.example/alerts?thread={alert.thread_id}#alert-{alert.id}",
            },
        )
    ]
    told = json.dumps(listener.came, ensure_ascii=False)
    assert not any(word in told for word in ("13900001234", "138", "弄死", "家人，", desk.customer.id))


async def test_a_notice_that_was_not_taken_comes_again_as_the_same(desk: ThreadDesk) -> None:
    listener = listening(desk)
    listener.away = 1
    await rules_of(desk).choose(desk.sees(Role.ADMINISTRATOR), "staff-threat", Choice(webhook=True))
    await say(desk, DEATH)
    await desk.deliver()
    assert listener.came == []
    desk.clock.advance(timedelta(minutes=1))
    await desk.deliver()
    (alert,) = await of_words(desk)
    assert [message_id for message_id, _, _ in listener.came] == [alert.id]
    desk.clock.advance(timedelta(hours=1))
    assert await desk.deliver() == 0


async def test_a_digest_is_one_notice_with_counts(desk: ThreadDesk) -> None:
    listener = listening(desk)
    admin = desk.sees(Role.ADMINISTRATOR)
    await rules_of(desk).choose(admin, "staff-disclosure", Choice(timing=Timing.DAILY, webhook=True))
    desk.clock.set(shanghai(10))
    await say(desk, FAMILY, FAMILY)
    await desk.deliver()
    assert listener.came == []
    desk.clock.set(shanghai(9, day=22))
    digest_id = await digests_of(desk).tell_due()
    await desk.deliver()
    ((message_id, kind, data),) = listener.came
    assert (message_id, kind, data["alerts"], data["day"]) == (digest_id, "alert.digest", 2, "2026-11-22")
    assert [(rule["id"], rule["alerts"]) for rule in data["rules"]] == [("staff-disclosure", 2)]
    assert data["link"] == f"https://qa.example/alerts?digest={digest_id}"
