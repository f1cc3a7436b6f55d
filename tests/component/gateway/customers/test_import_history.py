"""Imports leave their reports: checked ones, stopped ones and written ones, seen within scope, without a value."""

import pytest
from sqlalchemy import text

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.sheets.table import read_table
from gateway.customers.importing import template
from gateway.customers.importing.errors import ImportUnknown
from gateway.customers.importing.format import COLUMNS, load_format
from gateway.customers.importing.history import ImportHistory
from gateway.customers.importing.report import ImportMode
from tests.support.desk import Desk

FILE = "手机号,姓名,备注\n13800138000,张三丰,x\n13900139000,,x\n12,李四,x\n".encode()


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> Desk:
    return Desk(database, clock)


@pytest.fixture
async def admin(desk: Desk) -> Principal:
    return await desk.employee(Role.ADMINISTRATOR)


async def test_every_import_leaves_its_report(desk: Desk, admin: Principal) -> None:
    history = ImportHistory(desk.database)
    checked = await desk.importer.run(admin, FILE, dry_run=True)
    stopped = await desk.importer.run(admin, FILE)
    written = await desk.importer.run(admin, FILE, mode=ImportMode.GOOD_ROWS, owner_id=admin.employee_id)
    past, following = await history.page(admin)
    assert following is None
    assert [one.report for one in past] == [written, stopped, checked]
    assert [one.report.written for one in past] == [1, 0, 0]
    assert [one.owner_id for one in past] == [admin.employee_id, None, None]
    assert {one.by for one in past} == {admin.employee_id}
    seen = await history.get(admin, written.import_id)
    assert [(found.row, found.column) for found in seen.report.refusals] == [(3, "name"), (4, "phone")]
    assert seen.report.ignored_columns == (3,)


async def test_the_books_of_imports_hold_no_value(desk: Desk, admin: Principal) -> None:
    await desk.importer.run(admin, FILE, mode=ImportMode.GOOD_ROWS)
    async with desk.database.read() as session:
        stored = str((await session.execute(text("SELECT * FROM gw_imports"))).all())
    for value in ("13800138000", "13900139000", "张三丰", "李四"):
        assert value not in stored


async def test_imports_are_seen_within_scope(desk: Desk, admin: Principal) -> None:
    history = ImportHistory(desk.database)
    report = await desk.importer.run(admin, FILE)
    chief = await desk.employee(Role.SUPERVISOR, await desk.department("销售"))
    assert (await history.page(chief))[0] == []
    with pytest.raises(ImportUnknown):
        await history.get(chief, report.import_id)
    with pytest.raises(Forbidden):
        await history.page(await desk.employee(Role.AGENT))


@pytest.mark.parametrize("make", [template.as_csv, template.as_xlsx])
async def test_the_template_is_understood_and_its_example_is_a_row(
    desk: Desk, admin: Principal, make: object
) -> None:
    layout = load_format()
    content = make(layout)  # type: ignore[operator]
    table = read_table(content, layout.limits)
    assert table.header is not None
    known = layout.headings()
    report = await desk.importer.run(admin, content, dry_run=True)
    assert (report.rows_read, report.ignored_columns) == (1, ())
    assert report.good == 1, report.refusals
    assert set(known.values()) == set(COLUMNS)
