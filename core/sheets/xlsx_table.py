"""Reads the first sheet of an XLSX file as a stream, after looking whether it is a zip bomb."""

import io
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from openpyxl import DEFUSEDXML, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from core.sheets.cells import Cell, RawRow, text_cell
from core.sheets.errors import ArchiveSuspicious, FileUnreadable, FormatUnsupported
from core.sheets.layout import Limits

_EXACT = 10**15  # a spreadsheet keeps 15 significant digits
_CHUNK = 1 << 20
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, InvalidFileException, ParseError, DefusedXmlException,
    KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, EOFError, NotImplementedError,
)  # fmt: skip


def read_xlsx(content: bytes, limits: Limits) -> Iterator[RawRow]:
    """Give the rows of the first sheet. Raises: ArchiveSuspicious, FileUnreadable, FormatUnsupported."""
    if not DEFUSEDXML:
        raise FormatUnsupported("defusedxml is missing.", detail_zh="缺少 defusedxml。")
    _refuse_bomb(content, limits)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        try:
            sheets = book.worksheets
            if not sheets:
                raise FileUnreadable
            sheet = sheets[0]
            sheet.reset_dimensions()  # what a file claims about its size is not to be trusted
            for number, cells in enumerate(sheet.iter_rows(max_col=limits.max_columns), start=1):
                yield RawRow(number, _row(cells, limits))
        finally:
            book.close()
    except _BROKEN:
        # The original error may quote a cell.
        raise FileUnreadable from None


def _refuse_bomb(content: bytes, limits: Limits) -> None:
    """Look at the zip's directory; unpacking never gives more than it says, so it can be believed here."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise FileUnreadable from None
    if not any(entry.filename == "[Content_Types].xml" for entry in entries):
        raise FormatUnsupported
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    names = {entry.filename for entry in entries}
    if (
        len(entries) > limits.max_entries
        or len(names) != len(entries)
        or unpacked > limits.max_unpacked_bytes
        or (unpacked > 1 << 20 and unpacked / packed > limits.max_ratio)
    ):
        raise ArchiveSuspicious
    if any(entry.flag_bits & 1 for entry in entries):
        raise FormatUnsupported
    try:
        tags = _tags(content, limits.max_tags)
    except _BROKEN:
        raise FileUnreadable from None
    if tags > limits.max_tags:
        raise ArchiveSuspicious


def _tags(content: bytes, enough: int) -> int:
    """Count opening angles: many tiny elements are a small file, and take minutes and gigabytes to parse."""
    found = 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as part:
                while found <= enough and (chunk := part.read(_CHUNK)):
                    found += chunk.count(b"<")
    return found


def _row(cells: Iterable[Any], limits: Limits) -> tuple[Cell, ...]:
    return tuple(_cell(cell, limits) for cell in cells)


def _cell(cell: Any, limits: Limits) -> Cell:
    value = cell.value
    if value is None:
        return Cell("")
    if cell.data_type == "f":
        return _formula(value, limits)
    if isinstance(value, bool):
        return Cell(str(value))
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime | date):
        return Cell(value.isoformat())
    return text_cell(str(value)[: limits.max_cell])


def _formula(value: object, limits: Limits) -> Cell:
    """A formula that is nothing but a quoted text is that text; any other is not computed here."""
    cell = text_cell(value[: limits.max_cell]) if isinstance(value, str) else Cell("=", formula=True)
    return cell if cell.formula or (isinstance(value, str) and '"' in value) else Cell("=", formula=True)


def _number(value: float) -> Cell:
    if abs(value) >= _EXACT:
        return Cell(str(value), damaged=True)
    return Cell(str(int(value)) if value == int(value) else str(value))
