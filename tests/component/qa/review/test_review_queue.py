"""The queue: order, sample, filters, next, coverage; also without a row of its own."""

import pytest
from sqlalchemy import delete

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.web.paging import CursorInvalid
from qa.review.model import Priority, Ruling
from qa.review.models import ReviewRow
from qa.review.queue import Pile, ReviewFilter
from tests.support.inspection import AGENT, principal
from tests.support.review import CLEAN, FIRST, INSPECTED, SUSPECTED, ReviewDesk

MINOR = ("staff", "嗯。"), ("staff", "请问。"), ("staff", "什么时候还款？")


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> ReviewDesk:
    return ReviewDesk(database, clock)


async def listed(desk: ReviewDesk, pile: Pile = Pile.DUE, **more: object) -> list[str]:
    items, _ = await desk.reader.find(FIRST, ReviewFilter(pile, **more))  # type: ignore[arg-type]
    return [item.inspection.id for item in items]


async def seeded(desk: ReviewDesk) -> dict[str, str]:
    from tests.support.inspection import say

    return {
        "clean1": await desk.inspected(CLEAN),
        "minor": await desk.inspected(say(*MINOR)),
        "suspected": await desk.inspected(SUSPECTED),
        "clean2": await desk.inspected(CLEAN),
        "bad": await desk.inspected(),
    }


async def test_severe_first_then_suspected_then_the_rest_then_the_sample(desk: ReviewDesk) -> None:
    made = await seeded(desk)
    items, _ = await desk.reader.find(FIRST, ReviewFilter())
    assert [item.inspection.id for item in items[:3]] == [made["bad"], made["suspected"], made["minor"]]
    assert [item.review.priority for item in items] == [
        Priority.SEVERE, Priority.SUSPECTED, Priority.FOUND, Priority.SAMPLE,
    ]  # fmt: skip
    assert items[3].inspection.id in {made["clean1"], made["clean2"]}, "one of two at 50 percent"
    assert items[0].categories[0] in {"disclosure", "insult"}
    assert len(await listed(desk, Pile.UNREVIEWED)) == 5
    assert await listed(desk, Pile.ALL) == list(reversed(made.values()))


async def test_an_open_appeal_comes_first_even_of_a_reviewed_one(desk: ReviewDesk) -> None:
    made = await seeded(desk)
    (found,) = await desk.findings(made["minor"])
    await desk.decide(found.id, Ruling.CONFIRM)
    assert made["minor"] not in await listed(desk)
    await desk.appeals.appeal(INSPECTED, found.id, "我报了身份")
    assert (await listed(desk))[0] == made["minor"]
    assert (await desk.reader.coverage(FIRST, ReviewFilter())).appeals == 1


async def test_pages_follow_the_order_and_next_wraps(desk: ReviewDesk) -> None:
    made = await seeded(desk)
    whole = await listed(desk)
    paged: list[str] = []
    cursor = None
    while True:
        items, cursor = await desk.reader.find(FIRST, ReviewFilter(), cursor=cursor, limit=1)
        paged += [item.inspection.id for item in items]
        if cursor is None:
            break
    assert paged == whole
    assert await desk.reader.following(FIRST, ReviewFilter(), whole[0]) == whole[1]
    assert await desk.reader.following(FIRST, ReviewFilter(), whole[-1]) == whole[0]
    only = ReviewFilter(priority=Priority.SEVERE)
    assert await desk.reader.following(FIRST, only, made["bad"]) is None
    with pytest.raises(CursorInvalid):
        await desk.reader.find(FIRST, ReviewFilter(), cursor="bm90LWEtY3Vyc29y")


async def test_filters_and_coverage(desk: ReviewDesk) -> None:
    made = await seeded(desk)
    other = await desk.inspected(agent="b" * 32)
    assert set(await listed(desk, severity="severe")) == {made["bad"], made["suspected"], other}
    assert set(await listed(desk, category="insult")) == {made["bad"], other}
    assert await listed(desk, employee_id="b" * 32) == [other]
    assert await listed(desk, channel="message") == []
    for found in await desk.findings(other):
        await desk.decide(found.id, Ruling.OVERTURN, "误报")
    assert await listed(desk, Pile.REVIEWED, band="pass") == [other], "the band is that of what stands"
    counted = await desk.reader.coverage(FIRST, ReviewFilter())
    assert (counted.inspected, counted.reviewed, counted.due) == (6, 1, 4)
    counted = await desk.reader.coverage(FIRST, ReviewFilter(employee_id="b" * 32))
    assert (counted.inspected, counted.reviewed, counted.due) == (1, 1, 0)


async def test_inspections_from_before_the_review_existed_are_in_the_queue(desk: ReviewDesk) -> None:
    inspection_id = await desk.inspected()
    async with desk.database.begin() as session:
        await session.execute(delete(ReviewRow))
    assert await listed(desk) == [inspection_id]
    shown = await desk.shown(inspection_id)
    assert (shown.summary.state, shown.summary.score) == ("unreviewed", 0)
    for found in await desk.findings(inspection_id):
        await desk.decide(found.id, Ruling.CONFIRM)
    assert await listed(desk, Pile.REVIEWED) == [inspection_id]


async def test_the_sample_takes_its_share_of_each_employee(desk: ReviewDesk) -> None:
    for agent in ("b" * 32, "c" * 32):
        for _ in range(4):
            await desk.inspected(CLEAN, agent=agent)
    for agent in ("b" * 32, "c" * 32):
        assert len(await listed(desk, employee_id=agent)) == 2


async def test_an_employee_sees_the_reviews_of_own_work_only(desk: ReviewDesk) -> None:
    await desk.inspected()
    items, _ = await desk.reader.find(INSPECTED, ReviewFilter(Pile.ALL))
    assert {item.inspection.employee_id for item in items} == {AGENT}
    items, _ = await desk.reader.find(principal(Role.AGENT, "f" * 32), ReviewFilter(Pile.ALL))
    assert items == ()
