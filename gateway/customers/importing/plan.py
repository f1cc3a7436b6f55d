"""Turns a raw table into checked drafts and refusals; knows nothing of the database."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.customers.errors import CustomerInvalid, Fault
from gateway.customers.fields import FieldChecker
from gateway.customers.importing.errors import HeaderInvalid
from gateway.customers.importing.format import REQUIRED, ImportFormat, fold
from gateway.customers.importing.rows import Cell, RawRow
from gateway.customers.importing.table import RawTable
from gateway.customers.model import CustomerDraft, CustomerInput

_TAG_SPLIT = re.compile(r"[,，;；、|]")


@dataclass(frozen=True, slots=True)
class RowRefusal:
    """Why a row was not taken: where and what, never the value."""

    row: int
    column: str
    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True, repr=False)
class PlannedRow:
    """A row whose fields are sound. `owner` is a user name, or empty for the import's own."""

    number: int
    draft: CustomerDraft
    owner: str


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """What can be written, what cannot, and which columns (from 1) mean nothing to us."""

    rows: tuple[PlannedRow, ...]
    refusals: tuple[RowRefusal, ...]
    ignored_columns: tuple[int, ...]
    rows_read: int


def make_plan(table: RawTable, layout: ImportFormat, checker: FieldChecker) -> Plan:
    """Check every row by itself and against the earlier rows. Raises HeaderInvalid."""
    places, ignored = _places(table.header, layout)
    planned: list[PlannedRow] = []
    refusals: list[RowRefusal] = []
    phones: dict[str, int] = {}
    external_ids: dict[str, int] = {}
    for raw in table.rows:
        faults = _cell_faults(raw, places, layout)
        draft = None
        if not faults:
            try:
                draft = checker.check(_input(raw, places))
            except CustomerInvalid as error:
                faults = list(error.faults)
        if draft is not None:
            faults += _repeated("phone", draft.phone.e164, raw.number, phones)
            faults += _repeated("external_id", draft.external_id, raw.number, external_ids)
        if draft is None or faults:
            refusals += [refusal(raw.number, fault) for fault in faults]
        else:
            planned.append(PlannedRow(raw.number, draft, _text(raw, places.get("owner"))))
    return Plan(tuple(planned), tuple(refusals), ignored, len(table.rows))


def refusal(row: int, fault: Fault) -> RowRefusal:
    return RowRefusal(row, fault.column, fault.code, fault.zh, fault.en)


def _places(header: RawRow | None, layout: ImportFormat) -> tuple[dict[str, int], tuple[int, ...]]:
    headings = layout.headings()
    places: dict[str, int] = {}
    ignored: list[int] = []
    for position, cell in enumerate(header.cells if header else ()):
        column = headings.get(fold(cell.text))
        if column is None:
            if cell.text:
                ignored.append(position + 1)
        elif column in places:
            raise HeaderInvalid(
                f"Two columns mean {column}.", detail_zh=f"有两列都表示“{layout.columns[column][0]}”。"
            )
        else:
            places[column] = position
    missing = [column for column in REQUIRED if column not in places]
    if missing:
        zh = "、".join(layout.columns[column][0] for column in missing)
        raise HeaderInvalid(f"Missing: {', '.join(missing)}.", detail_zh=f"缺少：{zh}。")
    return places, tuple(ignored)


def _cell_faults(raw: RawRow, places: dict[str, int], layout: ImportFormat) -> list[Fault]:
    faults = []
    for column, position in places.items():
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


def _input(raw: RawRow, places: dict[str, int]) -> CustomerInput:
    def text(column: str) -> str:
        return _text(raw, places.get(column))

    return CustomerInput(
        phone=text("phone"),
        name=text("name"),
        id_number=text("id_number"),
        tags=tuple(_TAG_SPLIT.split(text("tags"))),
        external_id=text("external_id"),
        time_zone=text("time_zone"),
        city=text("city"),
    )


def _text(raw: RawRow, position: int | None) -> str:
    return raw.cells[position].text if position is not None and position < len(raw.cells) else ""


def _repeated(column: str, value: str | None, row: int, seen: dict[str, int]) -> Sequence[Fault]:
    if value is None:
        return []
    first = seen.setdefault(value, row)
    if first == row:
        return []
    zh, en = f"与第 {first} 行重复。", f"The same as in row {first}."
    return [Fault(column, "duplicate-in-file", zh, en)]
