"""Reads CSV: UTF-8 with or without a mark, GB18030, UTF-16 with a mark; comma, semicolon or tab."""

import codecs
import csv
import io
from collections.abc import Iterator

from core.sheets.cells import Cell, RawRow, text_cell
from core.sheets.errors import EncodingUnknown, FileUnreadable
from core.sheets.layout import Limits

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_csv(content: bytes, limits: Limits) -> Iterator[RawRow]:
    """Give the rows. Raises: EncodingUnknown, FileUnreadable (quotes that never close, NUL, huge cells)."""
    text = decode(content)
    if "\0" in text:
        raise FileUnreadable
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        for number, fields in enumerate(lines, start=1):
            yield RawRow(number, tuple(_cell(field, limits) for field in fields[: limits.max_columns]))
    except csv.Error:
        raise FileUnreadable from None


def decode(content: bytes) -> str:
    """Decode by mark, else strictly as UTF-8, else strictly as GB18030."""
    marked = [name for mark, name in _MARKS if content.startswith(mark)]
    for encoding in marked or ["utf-8", "gb18030"]:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise EncodingUnknown from None


def _delimiter(text: str) -> str:
    heading = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
    return max(",;\t", key=heading.count)


def _cell(field: str, limits: Limits) -> Cell:
    return text_cell(field[: limits.max_cell])
