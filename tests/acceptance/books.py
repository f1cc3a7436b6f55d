"""What every book must say of a call once it is over, however it ended."""

import json

from sqlalchemy import select

from core.ledger.models import EntryRow
from core.outbox import OutboxRow
from gateway.calls.models import CallRow
from maskline.wiring.quality import build_quality
from qa.inspection.model import State
from qa.inspection.models import InspectionRow
from qa.inspection.views import InspectionDetail
from tests.acceptance.talking import Talk, assert_kept
from tests.support.system_desk import SystemDesk, awaited

INSPECTED_WITHIN_S = 180.0


async def inspections_of(desk: SystemDesk, contact_id: str) -> list[InspectionRow]:
    async with desk.ground.database.read() as session:
        return list(
            await session.scalars(select(InspectionRow).where(InspectionRow.contact_id == contact_id))
        )


async def one_inspection(desk: SystemDesk, row: CallRow) -> InspectionDetail:
    """Wait for the inspection of a call; there must be one, told once, and its message acknowledged."""

    async def done() -> bool:
        return any(one.state == State.DONE for one in await inspections_of(desk, row.contact_id))

    await awaited(done, what="the inspection is done", timeout_s=INSPECTED_WITHIN_S)
    assert len(await inspections_of(desk, row.contact_id)) == 1
    async with desk.ground.database.read() as session:
        records = await session.scalars(select(EntryRow.record).where(EntryRow.kind == "inspection.done"))
        told = [body for body in (json.loads(record)["body"] for record in records)
                if body["contact_id"] == row.contact_id]  # fmt: skip
        message = await session.scalar(select(OutboxRow).where(OutboxRow.key == row.contact_id))
    assert len(told) == 1
    assert message is not None
    assert message.done_at is not None
    return await build_quality(desk.ground).reader.of_contact(desk.director, row.contact_id)


async def assert_all_right(desk: SystemDesk, talk: Talk, cause: str, until_s: float) -> CallRow:
    """One record with that cause, the recording up to a second before `until_s`, one inspection, a ledger
    that verifies."""
    row = await desk.one_call(talk.bound, cause)
    assert_kept(await desk.recording(row), until_s=until_s)
    detail = await one_inspection(desk, row)
    assert detail.transcript is not None
    assert {sentence.role for sentence in detail.transcript} == {"staff", "customer"}
    assert "disclosure" in {finding.category for finding in detail.findings}
    report = await desk.ground.ledger_service.verify()
    assert report.ok, report.findings
    return row
