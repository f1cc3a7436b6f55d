"""Alerts: raised with the inspection, taken by one, closed with a note; each step in the ledger."""

import pytest
from sqlalchemy import select

from core.access.model import Role
from core.clock import ManualClock
from core.db import Database
from core.ledger.models import EntryRow
from qa.inspection.errors import AlertClosed, AlertTaken, AlertUnknown
from qa.inspection.sealing import ERASED_TEXT
from qa.memory import ScriptedTranscriber
from tests.support.inspection import InspectionDesk, principal, say

CALL = say(("staff", "我是催收员，我弄死你，打断你的腿"), ("staff", "后果自负，加我微信"))
ONE, OTHER = principal(Role.REVIEWER, "1" * 32), principal(Role.REVIEWER, "2" * 32)


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> InspectionDesk:
    return InspectionDesk(database, clock, ScriptedTranscriber(CALL))


async def test_one_alert_for_a_category_and_its_life(desk: InspectionDesk) -> None:
    facts = await desk.call()
    await desk.service.inspect(facts.contact_id)
    (alert,), _ = await desk.reader.alerts(ONE)
    assert (alert.category, alert.hits, alert.severity, alert.state) == ("threat", 2, "severe", "open")
    await desk.alerts.take(ONE, alert.id)
    await desk.alerts.take(ONE, alert.id)
    with pytest.raises(AlertTaken):
        await desk.alerts.take(OTHER, alert.id)
    with pytest.raises(AlertTaken):
        await desk.alerts.close(OTHER, alert.id, "mine")
    await desk.alerts.close(ONE, alert.id, "已约谈，电话13800138000")
    with pytest.raises(AlertClosed):
        await desk.alerts.close(ONE, alert.id, "again")
    seen = await desk.reader.alert(ONE, alert.id)
    assert (seen.state, seen.taken_by, seen.closed_by) == ("closed", "1" * 32, "1" * 32)
    assert seen.note == "已约谈，电话***********"
    async with desk.database.begin() as session:
        kinds = (await session.scalars(select(EntryRow.kind).order_by(EntryRow.seq))).all()
        await desk.keys.destroy(session, facts.subject_id)
    assert kinds == ["alert.raised", "inspection.done", "alert.taken", "alert.closed"]
    assert (await desk.reader.alert(ONE, alert.id)).note == ERASED_TEXT


async def test_nobody_handles_an_alert_about_themselves_or_out_of_reach(desk: InspectionDesk) -> None:
    reviewer = principal(Role.REVIEWER, "3" * 32)
    facts = await desk.call(agent="3" * 32)
    await desk.service.inspect(facts.contact_id)
    (alert,), _ = await desk.reader.alerts(reviewer)
    with pytest.raises(AlertUnknown):
        await desk.alerts.take(reviewer, alert.id)
    with pytest.raises(AlertUnknown):
        await desk.alerts.take(principal(Role.SUPERVISOR, "4" * 32), alert.id)
    await desk.alerts.close(ONE, alert.id, "checked")


async def test_suspected_severe_finding_alerts_as_such(desk: InspectionDesk) -> None:
    service = desk.build(ScriptedTranscriber(say(("staff", "告诉你家仁"), confidence=0.3)))
    facts = await desk.call()
    await service.inspect(facts.contact_id)
    (alert,), _ = await desk.reader.alerts(ONE, state="open")
    assert alert.suspected
    assert (await desk.reader.of_contact(ONE, facts.contact_id)).summary.score == 100
