"""What is wrong with a row: where and why, never the value; and the checks that every file shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.sheets.cells import Cell, RawRow
from core.sheets.errors import HeaderInvalid
from core.sheets.layout import Layout, fold


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with one field; it never quotes the value."""

    column: str
    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class RowRefusal:
    """Why a row was not taken: where and what, never the value."""

    row: int
    column: str
    code: str
    zh: str
    en: str


def refusal(row: int, fault: Fault) -> RowRefusal:
    """Say of which row a fault is."""
    return RowRefusal(row, fault.column, fault.code, fault.zh, fault.en)


def places(header: RawRow | None, layout: Layout) -> tuple[dict[str, int], tuple[int, ...]]:
    """Give where each of our columns stands, and the columns (from 1) that mean nothing to us.

    Raises:
        HeaderInvalid: a required column is missing, or two mean the same.
    """
    headings = layout.headings()
    found: dict[str, int] = {}
    ignored: list[int] = []
    for position, cell in enumerate(header.cells if header else ()):
        column = headings.get(fold(cell.text))
        if column is None:
            if cell.text:
                ignored.append(position + 1)
        elif column in found:
            raise HeaderInvalid(
                f"Two columns mean {column}.", detail_zh=f"有两列都表示“{layout.columns[column][0]}”。"
            )
        else:
            found[column] = position
    missing = [column for column in layout.required if column not in found]
    if missing:
        zh = "、".join(layout.columns[column][0] for column in missing)
        raise HeaderInvalid(f"Missing: {', '.join(missing)}.", detail_zh=f"缺少：{zh}。")
    return found, tuple(ignored)


def cell_faults(raw: RawRow, at: Mapping[str, int], layout: Layout) -> list[Fault]:
    """Find what no cell may be: computed, damaged by a spreadsheet, too long."""
    faults = []
    for column, position in at.items():
        cell = raw.cells[position] if position < len(raw.cells) else Cell("")
        if cell.formula:
            zh, en = "单元格是公式，请粘贴为数值。", "The cell is a formula; paste it as a value."
            faults.append(Fault(column, "formula", zh, en))
        elif cell.damaged:
            zh = "长数字已被表格软件丢失末位，请以文本格式重新录入。"
            en = "A spreadsheet has lost the last digits of a long number; enter it as text."
            faults.append(Fault(column, "number-damaged", zh, en))
        elif len(cell.text) >= layout.limits.max_cell:
            faults.append(Fault(column, "too-long", "内容过长。", "The cell is too long."))
    return faults


def text_at(raw: RawRow, position: int | None) -> str:
    """Give a cell's text; nothing where the row or the column ends before it."""
    return raw.cells[position].text if position is not None and position < len(raw.cells) else ""


def repeated(column: str, value: str | None, row: int, seen: dict[str, int]) -> Sequence[Fault]:
    """Note a value, and say if an earlier row had it."""
    if value is None:
        return []
    first = seen.setdefault(value, row)
    if first == row:
        return []
    zh, en = f"与第 {first} 行重复。", f"The same as in row {first}."
    return [Fault(column, "duplicate-in-file", zh, en)]
