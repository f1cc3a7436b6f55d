"""The queue of alerts: severe first and the oldest of these, filters, pages, and who may act."""

from datetime import timedelta

import pytest

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from qa.alert_queue import AlertFilter, AlertQueue
from qa.inspection.model import AlertState
from qa.lexicon.model import Severity
from tests.support.inspection import principal
from tests.support.review import FIRST, SECOND, ReviewDesk


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> ReviewDesk:
    return ReviewDesk(database, clock)


async def test_the_oldest_of_the_most_severe_comes_first(desk: ReviewDesk) -> None:
    queue = AlertQueue(desk.database, desk.desk.reader)
    for agent in ("a" * 32, "b" * 32):
        await desk.inspected(agent=agent)
        desk.clock.advance(timedelta(hours=1))
    lines, following = await queue.find(FIRST, AlertFilter())
    assert following is None
    assert [line.alert.employee_id for line in lines] == ["a" * 32] * 2 + ["b" * 32] * 2
    assert all(line.may_handle for line in lines)
    paged, cursor = await queue.find(FIRST, AlertFilter(), limit=3)
    rest, end = await queue.find(FIRST, AlertFilter(), cursor=cursor, limit=3)
    assert ([line.alert.id for line in (*paged, *rest)], end) == ([line.alert.id for line in lines], None)


async def test_filters_count_and_who_may_act(desk: ReviewDesk) -> None:
    queue = AlertQueue(desk.database, desk.desk.reader)
    await desk.inspected()
    lines, _ = await queue.find(FIRST, AlertFilter())
    await desk.desk.alerts.take(FIRST, lines[0].alert.id)
    await desk.desk.alerts.close(FIRST, lines[1].alert.id, "已处理")
    counted = await queue.count(FIRST, AlertFilter())
    assert (counted.open, counted.taken, counted.closed) == (0, 1, 1)
    mine, _ = await queue.find(FIRST, AlertFilter(taken_by=FIRST.employee_id))
    assert [line.alert.id for line in mine] == [lines[0].alert.id]
    assert (await queue.find(SECOND, AlertFilter(taken_by=SECOND.employee_id)))[0] == ()
    closed, _ = await queue.find(FIRST, AlertFilter(states=(AlertState.CLOSED,)))
    assert [line.alert.closed_because for line in closed] == ["handled"]
    assert (await queue.find(FIRST, AlertFilter(severity=Severity.MINOR)))[0] == ()
    auditor = principal(Role.AUDITOR, "9" * 32)
    seen, _ = await queue.find(auditor, AlertFilter())
    assert [line.may_handle for line in seen] == [False]


async def test_the_newest_of_the_most_severe_are_shown_first_of_all_that_are_not_closed(
    desk: ReviewDesk,
) -> None:
    for agent in ("a" * 32, "b" * 32, "c" * 32):
        await desk.inspected(agent=agent)
        desk.clock.advance(timedelta(hours=1))
    every, _ = await desk.desk.reader.alerts(FIRST)
    shown = await desk.desk.reader.most_severe_alerts(FIRST, limit=4)
    assert len(every) == 6
    ranked = sorted(every, key=lambda one: (Severity(one.severity).rank, one.created_at), reverse=True)
    assert [one.created_at for one in shown] == [one.created_at for one in ranked[:4]]
    assert {one.severity for one in shown} == {ranked[0].severity}
    await desk.desk.alerts.take(FIRST, shown[0].id)
    await desk.desk.alerts.close(FIRST, shown[1].id, "已处理")
    left = await desk.desk.reader.most_severe_alerts(FIRST, limit=6)
    assert {one.id for one in left} == {one.id for one in every} - {shown[1].id}
