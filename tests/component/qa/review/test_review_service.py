"""Reviewing: decisions, history, score by what stands, alerts, claims, ledger, erasure; on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.ledger.models import EntryRow
from qa.inspection.errors import InspectionUnknown
from qa.inspection.model import AlertState, Closure
from qa.inspection.models import AlertRow, InspectionRow
from qa.inspection.sealing import ERASED_TEXT
from qa.review.errors import (
    CommentMissing,
    FindingUnknown,
    NothingToUndo,
    ReviewIncomplete,
    ReviewOutdated,
    ReviewTaken,
)
from qa.review.model import Ruling, Step
from tests.support.inspection import principal
from tests.support.review import CLEAN, FIRST, INSPECTED, SECOND, SUSPECTED, ReviewDesk

CONFIRM, OVERTURN = Ruling.CONFIRM, Ruling.OVERTURN


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> ReviewDesk:
    return ReviewDesk(database, clock)


async def kinds(database: Database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(EntryRow.kind).order_by(EntryRow.seq)))


async def alerts(database: Database) -> dict[str, AlertRow]:
    async with database.read() as session:
        return {row.category: row for row in await session.scalars(select(AlertRow))}


async def test_overturned_findings_leave_the_score_and_the_machines_stays(desk: ReviewDesk) -> None:
    inspection_id = await desk.inspected()
    findings = await desk.findings(inspection_id)
    machine = (await desk.desk.reader.get(FIRST, inspection_id)).summary.score
    assert machine == 0
    cost = findings[0].deduction
    await desk.decide(findings[0].id, OVERTURN, "引用的是合同原文")
    shown = await desk.shown(inspection_id)
    assert (shown.summary.state, shown.summary.score) == ("in_review", 100 - 100 + cost)
    for found in findings[1:]:
        await desk.decide(found.id, CONFIRM)
    shown = await desk.shown(inspection_id)
    assert (shown.summary.state, shown.summary.reviewed_by) == ("reviewed", FIRST.employee_id)
    assert (shown.summary.confirmed_count, shown.summary.overturned_count) == (len(findings) - 1, 1)
    async with desk.database.read() as session:
        row = await session.get_one(InspectionRow, inspection_id)
        records = b"".join(await session.scalars(select(EntryRow.record))).decode()
    assert (row.score, row.finding_count) == (machine, len(findings))
    assert "合同" not in records
    assert (await kinds(desk.database))[-2:] == ["finding.reviewed", "inspection.reviewed"]


async def test_a_second_decision_supersedes_and_history_keeps_both(desk: ReviewDesk) -> None:
    (found, *_) = await desk.findings(await desk.inspected())
    await desk.decide(found.id, CONFIRM, "确有其事")
    desk.clock.advance(timedelta(hours=1))
    await desk.decide(found.id, OVERTURN, "再听：客户说的，电话13800138000", who=SECOND)
    seen = await desk.of(found.id, SECOND)
    assert (seen.ruling, seen.revision) == (OVERTURN, 2)
    assert [(entry.step, entry.by) for entry in seen.history] == [
        (Step.CONFIRM, FIRST.employee_id), (Step.OVERTURN, SECOND.employee_id),
    ]  # fmt: skip
    assert seen.history[1].comment == "再听：客户说的，电话***********"
    assert seen.history[0].score_after is not None
    assert not (await desk.of(found.id, FIRST)).may_undo, "only one's own last decision"


async def test_undo_restores_what_held_before(desk: ReviewDesk) -> None:
    inspection_id = await desk.inspected()
    (found, *_) = await desk.findings(inspection_id)
    with pytest.raises(NothingToUndo):
        await desk.service.undo(FIRST, found.id, revision=0)
    await desk.decide(found.id, OVERTURN, "误报")
    await desk.service.undo(FIRST, found.id, revision=1)
    seen = await desk.of(found.id)
    assert (seen.ruling, seen.revision, seen.history[0].is_undone) == (None, 2, True)
    shown = await desk.shown(inspection_id)
    assert (shown.summary.state, shown.summary.score) == ("unreviewed", 0)
    await desk.decide(found.id, CONFIRM)
    desk.clock.advance(timedelta(hours=1))
    await desk.decide(found.id, OVERTURN, "误报", who=SECOND)
    desk.clock.advance(timedelta(hours=1))
    with pytest.raises(NothingToUndo):
        await desk.service.undo(FIRST, found.id, revision=4)
    await desk.service.undo(SECOND, found.id, revision=4)
    assert (await desk.of(found.id)).ruling is CONFIRM


async def test_overturning_closes_alerts_and_undo_opens_them_again(desk: ReviewDesk) -> None:
    inspection_id = await desk.inspected()
    insults = [found for found in await desk.findings(inspection_id) if found.category == "insult"]
    severe = [found for found in insults if found.severity == "severe"]
    first = (await alerts(desk.database))["insult"]
    await desk.desk.alerts.take(SECOND, first.id)
    for found in severe:
        await desk.decide(found.id, OVERTURN, "误报")
    closed = (await alerts(desk.database))["insult"]
    assert (closed.state, closed.closed_because) == (AlertState.CLOSED, Closure.OVERTURNED)
    assert (await alerts(desk.database))["disclosure"].state == AlertState.OPEN
    await desk.service.undo(FIRST, severe[-1].id, revision=1)
    again = (await alerts(desk.database))["insult"]
    assert (again.state, again.taken_by, again.finding_id) == (
        AlertState.TAKEN, SECOND.employee_id, severe[-1].id,
    )  # fmt: skip
    assert {"alert.closed", "alert.reopened"} <= set(await kinds(desk.database))


async def test_what_a_person_closed_stays_closed(desk: ReviewDesk) -> None:
    inspection_id = await desk.inspected()
    alert = (await alerts(desk.database))["disclosure"]
    await desk.desk.alerts.close(FIRST, alert.id, "已约谈")
    disclosed = [found for found in await desk.findings(inspection_id) if found.category == "disclosure"]
    for found in disclosed:
        await desk.decide(found.id, OVERTURN, "误报")
    await desk.service.undo(FIRST, disclosed[-1].id, revision=1)
    kept = (await alerts(desk.database))["disclosure"]
    assert (kept.state, kept.closed_because) == (AlertState.CLOSED, Closure.HANDLED)


async def test_a_confirmed_suspicion_costs_points(desk: ReviewDesk) -> None:
    inspection_id = await desk.inspected(SUSPECTED)
    (found,) = await desk.findings(inspection_id)
    assert found.suspected
    await desk.decide(found.id, CONFIRM)
    shown = await desk.shown(inspection_id)
    assert (shown.summary.state, shown.summary.score, shown.summary.band) == ("reviewed", 70, "coach")


async def test_one_works_on_an_inspection_at_a_time_but_not_for_ever(desk: ReviewDesk) -> None:
    inspection_id = await desk.inspected()
    (found, *_) = await desk.findings(inspection_id)
    await desk.service.claim(FIRST, inspection_id)
    assert (await desk.shown(inspection_id, SECOND)).summary.held_by == FIRST.employee_id
    assert not (await desk.shown(inspection_id, SECOND)).may_review
    with pytest.raises(ReviewTaken):
        await desk.service.claim(SECOND, inspection_id)
    with pytest.raises(ReviewTaken):
        await desk.decide(found.id, CONFIRM, who=SECOND)
    await desk.service.release(FIRST, inspection_id)
    assert (await desk.shown(inspection_id)).summary.state == "unreviewed"
    await desk.service.claim(FIRST, inspection_id)
    desk.clock.advance(desk.policy.claim_span)
    await desk.decide(found.id, CONFIRM, who=SECOND)
    assert (await desk.shown(inspection_id)).summary.held_by == SECOND.employee_id


async def test_a_stale_view_is_told_and_nothing_is_written(desk: ReviewDesk) -> None:
    (found, *_) = await desk.findings(await desk.inspected())
    await desk.decide(found.id, CONFIRM)
    before = await kinds(desk.database)
    with pytest.raises(ReviewOutdated):
        await desk.service.decide(FIRST, found.id, OVERTURN, comment="x", revision=0)
    with pytest.raises(CommentMissing):
        await desk.decide(found.id, OVERTURN, "  ")
    assert await kinds(desk.database) == before
    assert (await desk.of(found.id)).revision == 1


async def test_a_clean_inspection_is_finished_and_reopened(desk: ReviewDesk) -> None:
    clean, bad = await desk.inspected(CLEAN), await desk.inspected()
    with pytest.raises(ReviewIncomplete):
        await desk.service.finish(FIRST, bad)
    await desk.service.finish(FIRST, clean)
    assert (await desk.shown(clean)).summary.state == "reviewed"
    with pytest.raises(NothingToUndo):
        await desk.service.reopen(SECOND, clean)
    await desk.service.reopen(FIRST, clean)
    assert (await desk.shown(clean)).summary.state == "in_review"


async def test_nobody_reviews_own_work_or_beyond_reach(desk: ReviewDesk) -> None:
    own = await desk.inspected(agent=FIRST.employee_id)
    (found, *_) = await desk.findings(own)
    with pytest.raises(FindingUnknown):
        await desk.decide(found.id, CONFIRM)
    with pytest.raises(InspectionUnknown):
        await desk.service.claim(FIRST, own)
    stranger = principal(Role.AGENT, "f" * 32)
    with pytest.raises(FindingUnknown):
        await desk.of(found.id, stranger)
    supervisor = principal(Role.SUPERVISOR, "8" * 32)
    assert (await desk.reader.find(supervisor, desk_filter()))[0] == ()


def desk_filter():
    from qa.review.queue import Pile, ReviewFilter

    return ReviewFilter(Pile.ALL)


async def test_comments_lie_sealed_and_die_with_the_customer(desk: ReviewDesk) -> None:
    inspection_id = await desk.inspected()
    (found, other, *_) = await desk.findings(inspection_id)
    await desk.decide(found.id, OVERTURN, "这是独一无二的意见")
    async with desk.database.begin() as session:
        row = await session.get_one(InspectionRow, inspection_id)
        raw = await session.execute(text("SELECT comment FROM qa_decisions"))
        assert "独一无二".encode() not in bytes(raw.scalar_one())
        await desk.desk.keys.destroy(session, row.subject_id)
    assert (await desk.of(found.id)).history[0].comment == ERASED_TEXT
    await desk.decide(other.id, OVERTURN, "没有人会读到")
    assert (await desk.of(other.id)).history[0].comment == ""
    auditor = principal(Role.AUDITOR, "9" * 32)
    assert (await desk.of(found.id, auditor)).history[0].comment is None


async def test_the_inspected_employee_sees_the_decision(desk: ReviewDesk) -> None:
    (found, *_) = await desk.findings(await desk.inspected())
    await desk.decide(found.id, CONFIRM, "录音很清楚")
    seen = await desk.of(found.id, INSPECTED)
    assert seen.history[0].comment == "录音很清楚"
    assert (seen.may_decide, seen.may_undo, seen.may_appeal) == (False, False, True)
