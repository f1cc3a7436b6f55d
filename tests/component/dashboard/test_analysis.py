"""What charts count: calls by time and rule, inspections by category and score, all within reach."""

import itertools
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from dashboard.charts import Column, Piece, column_chart, scale
from dashboard.pages.auditor.analysis import MOST_COLUMNS, SCORE_FLOORS, AnalysisQuery, stretches
from gateway.calls.analysis import CallAnalysis, Span, SpanCounts
from gateway.calls.figures import RuleCount
from gateway.calls.models import CallRow
from maskline.permissions import registry
from qa.memory import ScriptedTranscriber
from qa.review import queue
from qa.review.analysis import QualityAnalysis, Unfinished
from qa.review.queue import Pile, ReviewFilter
from tests.support.desk import Desk, shanghai
from tests.support.inspection import AGENT, InspectionDesk, principal, say

DAYS = [Span(shanghai(0, day=day), shanghai(0, day=day + 1)) for day in (20, 21, 22)]
WHOLE = Span(DAYS[0].since, DAYS[-1].until)


def somebody(role: Role, employee_id: str = "e" * 32, path: str = "") -> Principal:
    grants = registry().grants_for({role})
    return Principal(employee_id, None, path, frozenset({role}), grants, new_id(), shanghai(9))


async def call(
    database: Database,
    at: datetime,
    *,
    answered: bool = False,
    rule: str | None = None,
    live: bool = False,
    employee_id: str = "a" * 32,
    department_id: str | None = None,
) -> None:
    async with database.begin() as session:
        session.add(
            CallRow(
                id=new_id(), contact_id=new_id(), node="n", flow="staff", direction="outbound",
                purpose="sales", employee_id=employee_id, department_id=department_id,
                customer_id=new_id(), binding_id=new_id(), line_id=new_id(),
                decision="deny" if rule else "allow", rule_id=rule, started_at=at,
                customer_answered_at=at if answered else None, ended_at=None if live else at,
            )
        )  # fmt: skip


async def test_calls_are_counted_day_by_day_and_by_rule(database: Database) -> None:
    await call(database, shanghai(23, 59, day=19), answered=True)
    await call(database, shanghai(0, day=20), answered=True)
    await call(database, shanghai(23, 59, day=20))
    await call(database, shanghai(9, day=22), rule="hours-sales")
    await call(database, shanghai(9, day=22), rule="hours-sales")
    await call(database, shanghai(9, day=22), rule="cap-connected")
    await call(database, shanghai(10, day=22), live=True)
    await call(database, shanghai(0, day=23), answered=True)
    analysis, reviewer = CallAnalysis(database), somebody(Role.REVIEWER)
    assert await analysis.by_span(reviewer, DAYS) == [
        SpanCounts(1, 1, 0), SpanCounts(), SpanCounts(0, 0, 3),
    ]  # fmt: skip
    assert await analysis.refusals(reviewer, WHOLE) == [
        RuleCount("hours-sales", 2), RuleCount("cap-connected", 1),
    ]  # fmt: skip
    assert await analysis.by_span(somebody(Role.AGENT), DAYS) == [SpanCounts()] * 3
    assert (await analysis.by_span(somebody(Role.AGENT, "a" * 32), DAYS))[0].total == 2


async def test_a_department_reaches_those_below_it(database: Database, clock: ManualClock) -> None:
    desk = Desk(database, clock)
    above = await desk.department("销售部")
    below = await desk.department("一组", above)
    other = await desk.department("贷后部")
    for place in (above, below, other):
        await call(database, shanghai(9, day=20), answered=True, department_id=place.id)
        await call(database, shanghai(9, day=20), rule="hours-sales", department_id=place.id)
    analysis, reviewer = CallAnalysis(database), somebody(Role.REVIEWER)
    assert (await analysis.by_span(reviewer, DAYS, above.path))[0] == SpanCounts(2, 0, 2)
    assert await analysis.refusals(reviewer, WHOLE, below.path) == [RuleCount("hours-sales", 1)]
    assert (await analysis.by_span(reviewer, DAYS, "/unknown/"))[0].total == 0


async def test_inspections_are_counted_as_the_list_shows_them(database: Database, clock: ManualClock) -> None:
    desk = InspectionDesk(database, clock)
    scripts = (
        say(("staff", "您好，请问方便吗？")),
        say(("staff", "我就打电话给你的家人和同事。"), ("staff", "你真不要脸。")),
        say(("staff", "你真不要脸。"), ("staff", "你真不要脸。")),
    )
    for script in scripts:
        contact = await desk.call()
        await desk.build(ScriptedTranscriber(script)).inspect(contact.contact_id)
    silent = await desk.call(recorded=False)
    await desk.service.inspect(silent.contact_id)
    analysis, reviewer = QualityAnalysis(database), principal(Role.REVIEWER)
    wanted = ReviewFilter(
        pile=Pile.ALL, since=clock.now() - timedelta(days=1), until=clock.now() + timedelta(days=1)
    )

    async def listed(wanted: ReviewFilter) -> int:
        query = queue.narrowed(queue.reviews(reviewer), wanted).with_only_columns(func.count())
        async with database.read() as session:
            return await session.scalar(query) or 0

    found = await analysis.categories(reviewer, wanted)
    assert {one.category for one in found} >= {"disclosure", "insult"}
    for one in found:
        assert one.inspections == await listed(ReviewFilter(Pile.ALL, category=one.category))
        assert one.severe == await listed(ReviewFilter(Pile.ALL, category=one.category, severity="severe"))
    scores = await analysis.scores(reviewer, wanted, SCORE_FLOORS)
    assert sum(scores) == 3
    ends = [floor - 1 for floor in SCORE_FLOORS[1:]] + [100]
    for floor, end, count in zip(SCORE_FLOORS, ends, scores, strict=True):
        assert count == await listed(ReviewFilter(Pile.ALL, score_from=floor, score_to=end))
    assert await analysis.unfinished(reviewer, wanted) == Unfinished(0, 0, 1)
    nothing = ReviewFilter(pile=Pile.ALL, since=wanted.until)
    assert await analysis.categories(reviewer, nothing) == []
    assert sum(await analysis.scores(reviewer, nothing, SCORE_FLOORS)) == 0
    assert await analysis.categories(principal(Role.AGENT, "f" * 32), wanted) == []
    assert await analysis.categories(principal(Role.AGENT, AGENT), wanted) == found


@given(st.lists(st.lists(st.integers(0, 10_000), min_size=1, max_size=3), min_size=1, max_size=60))
def test_columns_stay_inside_the_plot_and_stand_on_each_other(counts: list[list[int]]) -> None:
    columns = [
        Column(f"{at}", f"{at}", tuple(Piece("a", "b", count, "/") for count in stack))
        for at, stack in enumerate(counts)
    ]
    chart = column_chart(columns)
    assert chart.total == sum(map(sum, counts))
    assert len(chart.boxes) == sum(count > 0 for stack in counts for count in stack)
    for box in chart.boxes:
        assert 0 <= box.x <= box.x + box.width <= 100.001
        assert box.height >= 2
        assert -7 <= box.y < box.y + box.height <= chart.height + 0.001  # tiny pieces are drawn larger
    assert len(chart.labels) <= 8


@given(st.integers(0, 10**9))
def test_scales_are_round_and_reach_far_enough(most: int) -> None:
    values = scale(most)
    assert values[0] == 0
    assert values[-1] >= most
    assert 2 <= len(values) <= 6
    step = values[1]
    assert str(step).rstrip("0") in {"1", "2", "5"}


@given(st.dates(date(2026, 1, 1), date(2027, 1, 1)), st.integers(0, 365))
def test_stretches_cover_a_period_without_gap_or_overlap(since: date, length: int) -> None:
    until = since + timedelta(days=length)
    cuts = stretches(since, until)
    assert (cuts[0][0], cuts[-1][1]) == (since, until)
    assert all(after[0] - before[1] == timedelta(days=1) for before, after in itertools.pairwise(cuts))
    assert len(cuts) <= max(MOST_COLUMNS, 53)


def test_a_period_is_at_most_a_year() -> None:
    today = date(2026, 11, 21)
    assert AnalysisQuery().period(today) == (date(2026, 10, 23), today)
    assert AnalysisQuery(since=date(2020, 1, 1)).period(today) == (date(2020, 1, 1), date(2020, 12, 31))
    assert AnalysisQuery(since=date(2027, 1, 1)).period(today) == (date(2027, 1, 1), date(2027, 1, 1))
    with pytest.raises(ValueError, match="a year"):
        AnalysisQuery(since=date(2020, 1, 1), until=date(2026, 1, 1))
