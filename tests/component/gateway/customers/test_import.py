import codecs
import csv
import io
import zipfile

import pytest
from openpyxl import Workbook

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.sheets import errors
from gateway.customers.errors import OwnerInvalid
from gateway.customers.importing.report import ImportMode, ImportReport
from gateway.customers.model import CustomerFilter
from tests.support.desk import Desk

HEADER = ["手机号", "姓名", "标签", "客户编号"]


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> Desk:
    return Desk(database, clock)


@pytest.fixture
async def admin(desk: Desk) -> Principal:
    return await desk.employee(Role.ADMINISTRATOR)


def as_csv(rows: list[list[str]], encoding: str = "utf-8", delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def as_xlsx(rows: list[list[object]]) -> bytes:
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def codes(report: ImportReport) -> list[tuple[int, str, str]]:
    return [(refusal.row, refusal.column, refusal.code) for refusal in report.refusals]


async def names(desk: Desk, principal: Principal) -> list[str]:
    page = await desk.customers.find(principal, CustomerFilter())
    return sorted(f"{view.name_masked} {view.phone_masked} {'/'.join(view.tags)}" for view in page.items)


GOOD = [HEADER, ["13800138000", "张三丰", "A、B", "C-1"], ["+86 139-0013-9000", "李四", "", ""]]
WRITTEN = ["张** 138****8000 A/B", "李* 139****9000 "]


@pytest.mark.parametrize(
    "content",
    [
        as_csv(GOOD),
        as_csv(GOOD, "utf-8-sig"),
        as_csv(GOOD, "gb18030"),
        as_csv(GOOD, "utf-16"),
        as_csv(GOOD, delimiter=";"),
        as_csv(GOOD, delimiter="\t"),
        as_xlsx(GOOD),
        as_xlsx([HEADER, [13800138000, "张三丰", "A,B", "C-1"], [13900139000.0, "李四", None, None]]),
        as_csv([["Mobile", "FULL NAME *", "Tags", "ignored"], ['="13800138000"', "张三丰", "A|B", "x"],
                ["'13900139000", "李四", "", ""]]),
    ],
    ids=["utf8", "bom", "gb18030", "utf16", "semicolon", "tab", "xlsx", "xlsx-numbers", "english-excel-traces"],
)  # fmt: skip
async def test_the_same_customers_in_every_clothing(desk: Desk, admin: Principal, content: bytes) -> None:
    report = await desk.importer.run(admin, content)
    assert codes(report) == []
    assert (report.rows_read, report.good, report.written) == (2, 2, 2)
    assert await names(desk, admin) == sorted(WRITTEN)


BAD = [
    HEADER,
    ["13800138000", "张三丰", "", "C-1"],
    ["12345", "李四", "", ""],
    ["13800138000", "王五", "", ""],
    ["13900139000", "", "13900139000", ""],
    ["=1+1", "赵六", "", ""],
    ["1.38E+10", "钱七", "", ""],
    ["", "", "", ""],
    ["13700137000", "孙八", "", "C-1"],
    ["13600136000", "周九", "", "TAKEN"],
    ["13500135000", "吴十", "", ""],
]
REFUSED = [
    (3, "phone", "phone-invalid"),
    (4, "phone", "duplicate-in-file"),
    (5, "name", "missing"),
    (5, "tags", "number-in-text"),
    (6, "phone", "formula"),
    (7, "phone", "number-damaged"),
    (9, "external_id", "duplicate-in-file"),
    (10, "external_id", "duplicate-in-database"),
    (11, "phone", "duplicate-in-database"),
]


@pytest.mark.parametrize("make", [as_csv, as_xlsx], ids=["csv", "xlsx"])
async def test_every_refused_row_is_reported_and_nothing_is_half_written(
    desk: Desk, admin: Principal, make: object
) -> None:
    await desk.customer(admin, "13500135000", external_id="TAKEN")
    before = await names(desk, admin)
    content = make(BAD)  # type: ignore[operator]
    for options in ({}, {"dry_run": True}, {"dry_run": True, "mode": ImportMode.GOOD_ROWS}):
        report = await desk.importer.run(admin, content, **options)
        assert codes(report) == REFUSED
        assert (report.rows_read, report.good, report.written) == (9, 1, 0)
        assert await names(desk, admin) == before
    report = await desk.importer.run(admin, content, mode=ImportMode.GOOD_ROWS)
    assert (codes(report), report.written) == (REFUSED, 1)
    assert await names(desk, admin) == sorted([*before, "张** 138****8000 "])
    for refusal in report.refusals:
        assert refusal.zh
        assert refusal.en
        assert not any(cell in refusal.zh + refusal.en for row in BAD[1:] for cell in row if len(cell) > 3)


async def test_owners_by_user_name_within_the_importers_reach(desk: Desk) -> None:
    north, south = await desk.department("北"), await desk.department("南")
    chief = await desk.employee(Role.SUPERVISOR, north)
    worker = await desk.employee(Role.AGENT, north)
    stranger = await desk.employee(Role.AGENT, south)
    rows = [
        ["手机号", "姓名", "负责人"],
        ["13800138000", "张三", f"u{worker.employee_id}"],
        ["13900139000", "李四", f"u{stranger.employee_id}"],
        ["13700137000", "王五", "nobody"],
        ["13600136000", "赵六", ""],
    ]
    report = await desk.importer.run(chief, as_csv(rows), mode=ImportMode.GOOD_ROWS)
    assert codes(report) == [(3, "owner", "owner-invalid"), (4, "owner", "owner-invalid")]
    assert await names(desk, worker) == ["张* 138****8000 "]
    with pytest.raises(OwnerInvalid):
        await desk.importer.run(chief, as_csv(rows), owner_id=stranger.employee_id)
    with pytest.raises(Forbidden):
        await desk.importer.run(worker, as_csv(rows))


def bomb() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (70 * 1024 * 1024))
    return content.getvalue()


def entity_bomb() -> bytes:
    source = as_xlsx([HEADER, ["13800138000", "张三", "", ""]])
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as old, zipfile.ZipFile(content, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename == "xl/worksheets/sheet1.xml":
                doctype = b'<!DOCTYPE x [<!ENTITY a "13800138000"><!ENTITY b "&a;&a;&a;&a;">]>'
                data = doctype + data
            new.writestr(item, data)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", errors.HeaderInvalid),
        (b"\xff\xff\xff\xff", errors.EncodingUnknown),
        (as_csv([["电话", "名字", "手机"], ["1", "2", "3"]]), errors.HeaderInvalid),
        (as_csv([["标签"], ["1"]]), errors.HeaderInvalid),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 64, errors.FormatUnsupported),
        (b"PK\x03\x04" + b"x" * 100, errors.FileUnreadable),
        (as_xlsx(GOOD)[:-200], errors.FileUnreadable),
        (b'"13800138000' + b"x" * 200_000, errors.FileUnreadable),
        (as_csv(GOOD) + b"\x00", errors.FileUnreadable),
        (as_csv([HEADER, *([["1", "2", "3", "4"]] * 2001)]), errors.TooManyRows),
        (codecs.BOM_UTF8 + b"x" * (10 * 1024 * 1024), errors.FileTooLarge),
        (bomb(), errors.ArchiveSuspicious),
        (entity_bomb(), errors.FileUnreadable),
    ],
    ids=["empty", "binary", "two-phones", "no-phone", "xls", "not-a-zip", "cut", "open-quote", "nul", "rows", "large",
         "zip-bomb", "entity-bomb"],
)  # fmt: skip
async def test_a_bad_file_gets_one_clear_error(
    sqlite_url: str, clock: ManualClock, content: bytes, error: type[Exception]
) -> None:
    database = Database(sqlite_url)
    desk = Desk(database, clock)
    admin = await desk.employee(Role.ADMINISTRATOR)
    with pytest.raises(error) as caught:
        await desk.importer.run(admin, content, mode=ImportMode.GOOD_ROWS)
    assert "13800138000" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert await names(desk, admin) == []
    await database.close()


async def test_a_sheet_that_claims_a_million_rows_is_stopped_early(
    sqlite_url: str, clock: ManualClock
) -> None:
    database = Database(sqlite_url)
    desk = Desk(database, clock)
    admin = await desk.employee(Role.ADMINISTRATOR)
    book = Workbook()
    book.active.append(HEADER)
    book.active.cell(row=1_000_000, column=1, value="13800138000")
    content = io.BytesIO()
    book.save(content)
    with pytest.raises(errors.TooManyRows):
        await desk.importer.run(admin, content.getvalue())
    await database.close()
