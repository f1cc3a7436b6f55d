"""A file as rows of cells: which kind it is, and what a cell can be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from core.sheets.cells import RawRow
from core.sheets.csv_table import read_csv
from core.sheets.errors import FileTooLarge, FormatUnsupported, TooManyRows
from core.sheets.layout import Limits
from core.sheets.xlsx_table import read_xlsx

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True, repr=False)
class RawTable:
    """The heading row and the data rows that are not blank, numbered as a spreadsheet shows them."""

    header: RawRow | None
    rows: tuple[RawRow, ...]


def read_table(content: bytes, limits: Limits) -> RawTable:
    """Read a CSV or XLSX file, told apart by its first bytes. Blocking: call it in a thread.

    Raises: FileTooLarge, FormatUnsupported, FileUnreadable, ArchiveSuspicious, EncodingUnknown, TooManyRows.
    """
    if len(content) > limits.max_bytes:
        raise FileTooLarge(limit_bytes=limits.max_bytes)
    if content.startswith(_OLE):
        raise FormatUnsupported
    reader: Callable[[bytes, Limits], Iterator[RawRow]]
    reader = read_xlsx if content.startswith(_ZIP) else read_csv
    header: RawRow | None = None
    rows: list[RawRow] = []
    for row in reader(content, limits):
        if row.number > limits.max_rows + 1:
            raise TooManyRows(limit=limits.max_rows)
        if all(not cell.text for cell in row.cells):
            continue
        if header is None:
            header = row
        else:
            rows.append(row)
    return RawTable(header, tuple(rows))
