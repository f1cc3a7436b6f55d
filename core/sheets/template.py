"""The file to fill in: our columns with one row that shows their form, as CSV or as XLSX."""

import csv
import io
from collections.abc import Mapping, Sequence

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from core.sheets.layout import Layout

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TEXT = "@"
_WIDTH = 18
_PREPARED_ROWS = 500


def headings(layout: Layout) -> list[str]:
    """Give the first heading of every column; a star marks what is required."""
    return [names[0] + ("*" if column in layout.required else "") for column, names in layout.columns.items()]


def rows(layout: Layout, example: Mapping[str, str]) -> Sequence[Sequence[str]]:
    """Give the heading row and the example's."""
    return [headings(layout), [example[column] for column in layout.columns]]


def as_csv(layout: Layout, example: Mapping[str, str]) -> bytes:
    """Give UTF-8 with a mark, which spreadsheets need to see Chinese."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows(layout, example))
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(layout: Layout, example: Mapping[str, str]) -> bytes:
    """Give a workbook whose cells are text, so that no number loses its digits."""
    book = Workbook()
    sheet = book.active
    if sheet is None:
        raise RuntimeError("a new workbook has a sheet")
    for number, row in enumerate(rows(layout, example), start=1):
        for column, value in enumerate(row, start=1):
            sheet.cell(number, column, value)
    for number in range(1, _PREPARED_ROWS + 1):
        for column in range(1, len(layout.columns) + 1):
            sheet.cell(number, column).number_format = _TEXT
    for column in range(1, len(layout.columns) + 1):
        letter = get_column_letter(column)
        sheet.column_dimensions[letter].width = _WIDTH
        sheet[f"{letter}1"].font = Font(bold=True)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
