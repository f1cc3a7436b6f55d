"""The file to fill in: our columns with one row that shows their form, as CSV or as XLSX."""

import csv
import io
from collections.abc import Sequence

from openpyxl import Workbook
from openpyxl.styles import Font

from gateway.customers.importing.format import COLUMNS, REQUIRED, ImportFormat

# A number that the numbering plan gives to nobody, and nobody's name.
EXAMPLE = {
    "phone": "13800000000",
    "name": "示例（请删除本行）",
    "id_number": "",
    "tags": "老客户,按揭",
    "external_id": "KH-0001",
    "time_zone": "",
    "city": "北京",
    "owner": "",
}
_TEXT = "@"
_WIDTH = 18
_PREPARED_ROWS = 500


def headings(layout: ImportFormat) -> list[str]:
    """Give the first heading of every column; a star marks what is required."""
    return [layout.columns[column][0] + ("*" if column in REQUIRED else "") for column in COLUMNS]


def rows(layout: ImportFormat) -> Sequence[Sequence[str]]:
    return [headings(layout), [EXAMPLE[column] for column in COLUMNS]]


def as_csv(layout: ImportFormat) -> bytes:
    """Give UTF-8 with a mark, which spreadsheets need to see Chinese."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows(layout))
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(layout: ImportFormat) -> bytes:
    """Give a workbook whose cells are text, so that no number loses its digits."""
    book = Workbook()
    sheet = book.active
    if sheet is None:
        raise RuntimeError("a new workbook has a sheet")
    for number, row in enumerate(rows(layout), start=1):
        for column, value in enumerate(row, start=1):
            sheet.cell(number, column, value)
    for number in range(1, _PREPARED_ROWS + 1):
        for column in range(1, len(COLUMNS) + 1):
            sheet.cell(number, column).number_format = _TEXT
    for letter in "ABCDEFGH"[: len(COLUMNS)]:
        sheet.column_dimensions[letter].width = _WIDTH
        sheet[f"{letter}1"].font = Font(bold=True)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
