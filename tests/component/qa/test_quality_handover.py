"""Work in hand of somebody who leaves: reviews are free again, alerts go to who may handle them."""

import pytest
from sqlalchemy import select

from core.access.model import Role
from core.access.models import Employee, EmployeeRole, EmployeeState
from core.clock import ManualClock
from core.db import Database
from qa.handover import QualityHandover
from qa.inspection.models import AlertRow
from qa.review.models import ReviewRow
from tests.support.inspection import AGENT
from tests.support.review import FIRST, SECOND, ReviewDesk

HANDLER, INSPECTED = "9" * 32, AGENT


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> ReviewDesk:
    desk = ReviewDesk(database, clock)
    async with database.begin() as session:
        for employee_id in (HANDLER, INSPECTED):
            session.add(
                Employee(
                    id=employee_id, username=employee_id, display_name="人", password_hash="-",
                    state=EmployeeState.ACTIVE, password_changed_at=clock.now(), created_at=clock.now(),
                )
            )  # fmt: skip
            await session.flush()
            session.add(EmployeeRole(employee_id=employee_id, role=Role.SUPERVISOR))
    return desk


async def test_reviews_are_free_again_and_alerts_go_to_who_may(desk: ReviewDesk) -> None:
    inspection_id = await desk.inspected()
    await desk.service.claim(FIRST, inspection_id)
    async with desk.database.read() as session:
        alert_id = await session.scalar(select(AlertRow.id).limit(1))
    assert alert_id is not None
    await desk.desk.alerts.take(FIRST, alert_id)
    handover = QualityHandover()
    for successor, expected in ((None, ("open", None)), (HANDLER, ("taken", HANDLER))):
        async with desk.database.begin() as session:
            (await session.get_one(AlertRow, alert_id)).state = "taken"
            (await session.get_one(AlertRow, alert_id)).taken_by = FIRST.employee_id
        async with desk.database.begin() as session:
            found = await handover.of(session, FIRST.employee_id)
            assert alert_id in found["alerts"]
            await handover.pass_on(session, FIRST.employee_id, successor)
        async with desk.database.read() as session:
            alert = await session.get_one(AlertRow, alert_id)
            assert (alert.state, alert.taken_by) == expected
            review = await session.get_one(ReviewRow, inspection_id)
            assert (review.state, review.reviewer_id) == ("unreviewed", None)
    await desk.service.claim(SECOND, inspection_id)


async def test_nobody_gets_an_alert_about_themselves(desk: ReviewDesk) -> None:
    await desk.inspected()
    async with desk.database.read() as session:
        alert_id = await session.scalar(select(AlertRow.id).where(AlertRow.employee_id == INSPECTED))
    assert alert_id is not None
    await desk.desk.alerts.take(FIRST, alert_id)
    async with desk.database.begin() as session:
        await QualityHandover().pass_on(session, FIRST.employee_id, INSPECTED)
    async with desk.database.read() as session:
        alert = await session.get_one(AlertRow, alert_id)
    assert (alert.state, alert.taken_by) == ("open", None)
