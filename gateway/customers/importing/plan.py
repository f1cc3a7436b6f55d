"""Turns a raw table into checked drafts and refusals; knows nothing of the database."""

import re
from dataclasses import dataclass

from core.sheets.cells import RawRow
from core.sheets.faults import RowRefusal, cell_faults, places, refusal, repeated, text_at
from core.sheets.layout import Layout
from core.sheets.table import RawTable
from gateway.customers.errors import CustomerInvalid
from gateway.customers.fields import FieldChecker
from gateway.customers.model import CustomerDraft, CustomerInput

_TAG_SPLIT = re.compile(r"[,，;；、|]")


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


def make_plan(table: RawTable, layout: Layout, checker: FieldChecker) -> Plan:
    """Check every row by itself and against the earlier rows. Raises HeaderInvalid."""
    at, ignored = places(table.header, layout)
    planned: list[PlannedRow] = []
    refusals: list[RowRefusal] = []
    phones: dict[str, int] = {}
    external_ids: dict[str, int] = {}
    for raw in table.rows:
        faults = cell_faults(raw, at, layout)
        draft = None
        if not faults:
            try:
                draft = checker.check(_input(raw, at))
            except CustomerInvalid as error:
                faults = list(error.faults)
        if draft is not None:
            faults += repeated("phone", draft.phone.e164, raw.number, phones)
            faults += repeated("external_id", draft.external_id, raw.number, external_ids)
        if draft is None or faults:
            refusals += [refusal(raw.number, fault) for fault in faults]
        else:
            planned.append(PlannedRow(raw.number, draft, text_at(raw, at.get("owner"))))
    return Plan(tuple(planned), tuple(refusals), ignored, len(table.rows))


def _input(raw: RawRow, at: dict[str, int]) -> CustomerInput:
    def text(column: str) -> str:
        return text_at(raw, at.get(column))

    return CustomerInput(
        phone=text("phone"),
        name=text("name"),
        id_number=text("id_number"),
        tags=tuple(_TAG_SPLIT.split(text("tags"))),
        external_id=text("external_id"),
        time_zone=text("time_zone"),
        city=text("city"),
    )
