"""Two reviewers in the same instant: one decision is written, the other reviewer is told; the score is right."""

import asyncio
from collections import Counter

from core.clock import ManualClock
from core.db import Database
from qa.review.errors import AppealTwice, ReviewOutdated, ReviewTaken
from qa.review.model import Ruling
from tests.support.parallel import at_once
from tests.support.review import FIRST, INSPECTED, SECOND, ReviewDesk

ROUNDS = 5


async def test_one_decision_for_each_finding_wins(
    database: Database, database_url: str, clock: ManualClock
) -> None:
    desk = ReviewDesk(database, clock)
    for _ in range(ROUNDS):
        (found, *_) = await desk.findings(await desk.inspected())

        def step(who, ruling, finding_id=found.id):
            async def run(own: Database) -> str:
                await desk.on(own).service.decide(who, finding_id, ruling, comment="x", revision=0)
                return who.employee_id

            return run

        steps = [step(FIRST, Ruling.CONFIRM), step(SECOND, Ruling.OVERTURN)] * 2
        results = await asyncio.to_thread(at_once, database_url, steps)
        won = [result for result in results if isinstance(result, str)]
        lost = Counter(type(result) for result in results if not isinstance(result, str))
        assert len(won) == 1, results
        assert set(lost) <= {ReviewOutdated, ReviewTaken}
        seen = await desk.of(found.id)
        assert (seen.revision, seen.history[0].by) == (1, won[0])


async def test_decisions_on_different_findings_at_once_all_count(
    database: Database, database_url: str, clock: ManualClock
) -> None:
    desk = ReviewDesk(database, clock)
    inspection_id = await desk.inspected()
    findings = await desk.findings(inspection_id)

    def step(finding_id):
        async def run(own: Database) -> str:
            await desk.on(own).service.decide(FIRST, finding_id, Ruling.OVERTURN, comment="x", revision=0)
            return finding_id

        return run

    results = await asyncio.to_thread(at_once, database_url, [step(found.id) for found in findings])
    assert sorted(results) == sorted(found.id for found in findings), results
    summary = (await desk.shown(inspection_id)).summary
    assert (summary.state, summary.score, summary.overturned_count) == ("reviewed", 100, len(findings))


async def test_one_appeal_for_each_finding_wins(
    database: Database, database_url: str, clock: ManualClock
) -> None:
    desk = ReviewDesk(database, clock)
    (found, *_) = await desk.findings(await desk.inspected())

    async def appeal(own: Database) -> str:
        await desk.on(own).appeals.appeal(INSPECTED, found.id, "误报")
        return "raised"

    results = await asyncio.to_thread(at_once, database_url, [appeal] * 3)
    assert Counter(result if isinstance(result, str) else type(result) for result in results) == {
        "raised": 1, AppealTwice: 2,
    }  # fmt: skip
    appeal_seen = (await desk.of(found.id)).appeal
    assert (await desk.shown(appeal_seen.inspection_id)).summary.open_appeals == 1
