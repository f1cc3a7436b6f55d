"""Objecting: once, in time, against one's own findings; settled by another reviewer."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.ledger.models import EntryRow
from qa.review.errors import (
    AppealLate,
    AppealNotYours,
    AppealPointless,
    AppealTwice,
    AppealUnderWay,
    CommentMissing,
    FindingUnknown,
)
from qa.review.events import AppealRaised, AppealSettled
from qa.review.model import AppealState, Ruling
from tests.support.inspection import principal
from tests.support.review import FIRST, INSPECTED, SECOND, ReviewDesk

CONFIRM, OVERTURN = Ruling.CONFIRM, Ruling.OVERTURN


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> ReviewDesk:
    return ReviewDesk(database, clock)


async def reviewed(desk: ReviewDesk) -> list[str]:
    findings = await desk.findings(await desk.inspected())
    for found in findings:
        await desk.decide(found.id, CONFIRM)
    return [found.id for found in findings]


async def test_another_reviewer_settles_and_the_score_follows(desk: ReviewDesk) -> None:
    told: list[object] = []

    async def listen(session: object, event: object) -> None:
        told.append(event)

    desk.desk.bus.subscribe(AppealRaised, listen)
    desk.desk.bus.subscribe(AppealSettled, listen)
    (finding, *_) = await reviewed(desk)
    await desk.appeals.appeal(INSPECTED, finding, "这是客户说的")
    seen = await desk.of(finding)
    assert seen.appeal is not None
    assert (seen.appeal.state, seen.appeal.reason) == (AppealState.OPEN, "这是客户说的")
    assert (seen.may_decide, seen.must_be_another, seen.may_undo) == (False, True, False)
    with pytest.raises(AppealNotYours):
        await desk.decide(finding, CONFIRM, "仍然成立")
    with pytest.raises(AppealUnderWay):
        await desk.service.undo(FIRST, finding, revision=1)
    desk.clock.advance(timedelta(hours=1))
    with pytest.raises(CommentMissing):
        await desk.decide(finding, OVERTURN, who=SECOND)
    await desk.decide(finding, OVERTURN, "核对录音，申诉成立", who=SECOND)
    settled = (await desk.of(finding, INSPECTED)).appeal
    assert settled is not None
    assert (settled.state, settled.settled_by) == (AppealState.ACCEPTED, SECOND.employee_id)
    assert [type(event) for event in told] == [AppealRaised, AppealSettled]
    async with desk.database.read() as session:
        records = b"".join(await session.scalars(select(EntryRow.record))).decode()
    assert "appeal.raised" in records
    assert "客户说的" not in records


async def test_undoing_the_settlement_opens_the_appeal_again(desk: ReviewDesk) -> None:
    (finding, *_) = await reviewed(desk)
    await desk.appeals.appeal(INSPECTED, finding, "不是我说的")
    await desk.decide(finding, CONFIRM, "就是员工说的", who=SECOND)
    assert (await desk.of(finding)).appeal.state == AppealState.REJECTED
    await desk.service.undo(SECOND, finding, revision=2)
    seen = await desk.of(finding, SECOND)
    assert (seen.appeal.state, seen.ruling, seen.may_decide) == (AppealState.OPEN, CONFIRM, True)
    await desk.decide(finding, OVERTURN, "再听，不是", who=SECOND)
    assert (await desk.of(finding)).appeal.state == AppealState.ACCEPTED


async def test_once_and_not_against_what_does_not_stand(desk: ReviewDesk) -> None:
    first, second, *_ = await reviewed(desk)
    await desk.appeals.appeal(INSPECTED, first, "一")
    with pytest.raises(AppealTwice):
        await desk.appeals.appeal(INSPECTED, first, "二")
    await desk.decide(second, OVERTURN, "误报")
    with pytest.raises(AppealPointless):
        await desk.appeals.appeal(INSPECTED, second, "三")
    with pytest.raises(FindingUnknown):
        await desk.appeals.appeal(principal(Role.AGENT, "f" * 32), second, "四")


async def test_the_time_runs_from_the_decision_or_the_inspection(desk: ReviewDesk) -> None:
    findings = await desk.findings(await desk.inspected())
    span = desk.policy.appeal_span
    desk.clock.advance(span - timedelta(hours=1))
    await desk.decide(findings[0].id, CONFIRM)
    desk.clock.advance(timedelta(hours=2))
    assert not (await desk.of(findings[1].id, INSPECTED)).may_appeal
    with pytest.raises(AppealLate):
        await desk.appeals.appeal(INSPECTED, findings[1].id, "迟了")
    assert (await desk.of(findings[0].id, INSPECTED)).may_appeal
    await desk.appeals.appeal(INSPECTED, findings[0].id, "还在期限内")


async def test_before_any_decision_any_reviewer_may_settle(desk: ReviewDesk) -> None:
    (found, *_) = await desk.findings(await desk.inspected())
    await desk.appeals.appeal(INSPECTED, found.id, "误报")
    await desk.decide(found.id, CONFIRM, "不是误报")
    assert (await desk.of(found.id)).appeal.state == AppealState.REJECTED
