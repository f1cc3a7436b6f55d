"""Lists of customers to take along: masked, after approval, once, for a while, by who asked."""

import asyncio
import hashlib
import io
from datetime import timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import delete, select

from core.access.events import EmployeeSuspended
from core.access.models import EmployeeRole
from core.audit import AuditService, NoNotes
from core.audit.models import AccessRow
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from gateway.customers.approvals.errors import (
    ExportEmpty,
    ExportTooLarge,
    FileGone,
    OwnRequest,
    RequestNotWaiting,
    RequestPending,
    RequestStale,
    RequestUnknown,
)
from gateway.customers.approvals.model import ExportWish, RequestState, SheetFormat
from gateway.customers.errors import CustomerInvalid
from tests.support.approving import ApprovalDesk, table_of
from tests.support.desk import ALONE

CSV = ExportWish(SheetFormat.CSV)


@pytest.fixture
async def house(database: Database, clock: ManualClock) -> ApprovalDesk:
    house = await ApprovalDesk(database, clock).set_up()
    await house.desk.customer(house.agent, "13800138000", name="张三丰", external_id="A-1", city="北京")
    await house.desk.customer(house.agent, "+12125550123", name="Mary Smith", tags=("老客户",))  # type: ignore[arg-type]
    stranger = await house.person(next(iter(house.agent.roles)), house.second)
    await house.desk.customer(stranger, "13700137000", name="外人")
    return house


async def test_an_approved_list_is_masked_taken_once_and_in_the_books(house: ApprovalDesk) -> None:
    asked = await house.ask.export(house.chief, CSV, "季度核对")
    assert (await house.see(house.chief, asked)).rows == 2
    with pytest.raises(OwnRequest):
        await house.decider.approve(house.chief, asked)
    with pytest.raises(FileGone):
        await house.parts.exports.take(house.chief, asked)
    await house.decider.approve(house.admin, asked)
    seen = await house.see(house.chief, asked)
    assert seen.file is not None
    assert (seen.state, seen.file.rows, seen.file.ready) == (RequestState.DONE, 2, True)
    for other in (house.admin, house.other_chief):
        with pytest.raises(RequestUnknown):
            await house.parts.exports.take(other, asked)
    file = await house.parts.exports.take(house.chief, asked)
    assert hashlib.sha256(file.content).hexdigest() == seen.file.sha256
    assert file.content.startswith(b"\xef\xbb\xbf")
    (_, *rows) = table_of(file.content)
    assert sorted((row[1], row[2], row[4]) for row in rows) == [
        ("M***", "****0123", "老客户"), ("张**", "138****8000", ""),
    ]  # fmt: skip
    with pytest.raises(FileGone):
        await house.parts.exports.take(house.chief, asked)
    assert house.blobs._stored == {}
    assert await house.entries("customers.export") == [
        {
            "request": asked, "rows": 2, "sha256": seen.file.sha256, "sheet": "csv",
            "approved_by": house.admin.employee_id, "by": house.chief.employee_id,
        }
    ]  # fmt: skip


async def test_each_download_is_a_line_of_the_access_log_with_its_rows(house: ApprovalDesk) -> None:
    asked = await house.ask.export(house.chief, CSV, "核对")
    await house.decider.approve(house.admin, asked)
    await house.parts.exports.take(house.chief, asked)
    await AuditService(house.database, ledger=house.desk.ledger, notes=NoNotes()).catch_up()
    async with house.database.read() as session:
        (line,) = await session.scalars(select(AccessRow).where(AccessRow.kind == "customers.export"))
    assert (line.actor_id, line.target_id, line.amount) == (house.chief.employee_id, asked, 2)


async def test_a_workbook_computes_nothing(database: Database, clock: ManualClock) -> None:
    house = await ApprovalDesk(database, clock, ALONE).set_up()
    await house.desk.customer(house.chief, "13800138000", name="张三丰")
    asked = await house.ask.export(house.chief, ExportWish(), "核对")
    file = await house.parts.exports.take(house.chief, asked)
    page = load_workbook(io.BytesIO(file.content)).worksheets[0]
    cells = [cell for row in page.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert "138****8000" in {cell.value for cell in cells}
    (entry,) = await house.entries("customer-request.done")
    assert (entry["second_person"], entry["rows"], entry["by"]) == (False, 1, None)


async def test_time_and_leaving_end_a_file(house: ApprovalDesk) -> None:
    first = await house.ask.export(house.chief, CSV, "核对")
    await house.decider.approve(house.admin, first)
    house.clock.advance(timedelta(seconds=house.settings.download_s))
    with pytest.raises(FileGone):
        await house.parts.exports.take(house.chief, first)
    assert await house.parts.upkeep.sweep() == 1
    assert house.blobs._stored == {}
    second = await house.ask.export(house.chief, CSV, "核对")
    await house.decider.approve(house.admin, second)
    async with house.database.begin() as session:
        await house.desk.events.publish(session, EmployeeSuspended(house.chief.employee_id, None))
    with pytest.raises(FileGone):
        await house.parts.exports.take(house.chief, second)


async def test_what_may_be_asked_for(house: ApprovalDesk) -> None:
    with pytest.raises(Forbidden):
        await house.ask.export(house.agent, CSV, "核对")
    with pytest.raises(ExportEmpty):
        await house.ask.export(house.chief, ExportWish(tag="没有"), "核对")
    with pytest.raises(CustomerInvalid):
        await house.ask.export(house.chief, ExportWish(tag="13800138000"), "核对")
    assert await house.ask.preview(house.chief, ExportWish(tag="老客户")) == 1
    assert await house.ask.preview(house.admin, ExportWish(owner_id=house.agent.employee_id)) == 2
    await house.ask.export(house.chief, CSV, "核对")
    with pytest.raises(RequestPending):
        await house.ask.export(house.chief, CSV, "再来")


async def test_too_many_are_refused(database: Database, clock: ManualClock) -> None:
    narrow = ALONE.model_copy(update={"export_max_rows": 1})
    house = await ApprovalDesk(database, clock, narrow).set_up()
    for number in ("13800138000", "13900139000"):
        await house.desk.customer(house.chief, number)
    with pytest.raises(ExportTooLarge):
        await house.ask.export(house.chief, CSV, "核对")
    assert house.blobs._stored == {}


async def test_of_two_who_approve_at_once_one_file_stays(house: ApprovalDesk) -> None:
    asked = await house.ask.export(house.chief, CSV, "核对")
    results = await asyncio.gather(
        house.decider.approve(house.admin, asked),
        house.decider.approve(house.other_admin, asked),
        return_exceptions=True,
    )
    assert [type(found) for found in results if found is not None] == [RequestNotWaiting]
    assert len(house.blobs._stored) == 1


async def test_who_may_not_export_any_more_gets_nothing(house: ApprovalDesk) -> None:
    asked = await house.ask.export(house.chief, CSV, "核对")
    async with house.database.begin() as session:
        gone = delete(EmployeeRole).where(EmployeeRole.employee_id == house.chief.employee_id)
        await session.execute(gone)
    with pytest.raises(RequestStale):
        await house.decider.approve(house.admin, asked)
    assert (await house.see(house.admin, asked)).state is RequestState.STALE
    assert house.blobs._stored == {}
