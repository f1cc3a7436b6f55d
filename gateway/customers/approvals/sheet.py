"""The file of an export: masked customers as CSV or XLSX, of which no cell is ever computed."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from core.sheets.template import CSV, XLSX
from gateway.customers.approvals.model import SheetFormat
from gateway.customers.model import CustomerView

HEADINGS = (
    "系统编号 / id",
    "姓名（脱敏）/ name, masked",
    "号码（脱敏）/ number, masked",
    "证件 / identity document",
    "标签 / tags",
    "客户编号 / external id",
    "负责人 / owner",
    "城市 / city",
    "时区 / time zone",
    "建档时间 / since",
)
MEDIA_TYPE: Mapping[SheetFormat, str] = {SheetFormat.CSV: CSV, SheetFormat.XLSX: XLSX}
# OWASP: what a spreadsheet takes for a formula, full-width forms of it, and what it skips before one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")


def write(
    sheet: SheetFormat, views: Sequence[CustomerView], owners: Mapping[str, str], zone: ZoneInfo
) -> bytes:
    """Write the file; `owners` names owners by id, times are those of `zone`."""
    rows = _rows(views, owners, zone)
    return _csv(rows) if sheet is SheetFormat.CSV else _xlsx(rows)


def plain(text: str) -> str:
    """Give a cell that a spreadsheet shows and does not compute: an apostrophe before what could be."""
    return f"'{text}" if text.lstrip(" \u00a0\u3000").startswith(_FORMULA) else text


def _rows(
    views: Sequence[CustomerView], owners: Mapping[str, str], zone: ZoneInfo
) -> Iterator[Sequence[str]]:
    yield HEADINGS
    for view in views:
        cells = (
            view.id,
            view.name_masked,
            view.phone_masked,
            "有 / yes" if view.has_id_number else "无 / no",
            "，".join(view.tags),
            view.external_id or "",
            owners.get(view.owner_id, ""),
            view.city or "",
            view.time_zone,
            view.created_at.astimezone(zone).strftime("%Y-%m-%d %H:%M"),
        )
        yield [plain(cell) for cell in cells]


def _csv(rows: Iterator[Sequence[str]]) -> bytes:
    """Give UTF-8 with a mark, which spreadsheets need to see Chinese; every cell in quotes."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _xlsx(rows: Iterator[Sequence[str]]) -> bytes:
    """Give a workbook whose cells are text by type, whatever they begin with."""
    book = Workbook(write_only=True)
    page = book.create_sheet("客户")
    for number, row in enumerate(rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(page, value)
            cell.data_type = "s"
            if number == 0:
                cell.font = Font(bold=True)
            cells.append(cell)
        page.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
