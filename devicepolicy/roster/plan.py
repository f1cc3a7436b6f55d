"""Turns a raw table into checked lines and refusals; knows nothing of the database."""

import re
from dataclasses import dataclass
from pathlib import Path

from core.sheets.cells import RawRow
from core.sheets.errors import HeaderInvalid
from core.sheets.faults import Fault, RowRefusal, cell_faults, places, refusal, repeated, text_at
from core.sheets.layout import Layout, load_layout
from core.sheets.table import RawTable
from devicepolicy.roster.hardware import is_imei, is_serial, normalise
from devicepolicy.roster.model import Draft, HardwareKind
from devicepolicy.texts import refuse_numbers_in_version

DATA = Path(__file__).with_name("roster.yaml")
EXAMPLE = {
    "serial": "SN-EXAMPLE-1",
    "imei": "",
    "imei2": "",
    "asset_number": "ZC-0001",
    "model": "Pura 80",
    "employee": "",
    "department": "",
}
_ASSET = re.compile(r"[\w.\-/# ]{1,40}")
_TELEPHONE = re.compile(r"\+|(?<!\d)(?:86)?1[3-9]\d{9}(?!\d)|(?<!\d)0\d{9,11}(?!\d)")
_MAX_MODEL = 60


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """What can be taken, what cannot, and which columns (from 1) mean nothing to us."""

    rows: tuple[Draft, ...]
    refusals: tuple[RowRefusal, ...]
    ignored_columns: tuple[int, ...]
    rows_read: int


def load_roster_layout() -> Layout:
    """Read the limits and headings."""
    return load_layout(DATA)


def make_plan(table: RawTable, layout: Layout) -> Plan:
    """Check every line by itself and against the earlier ones. Raises HeaderInvalid."""
    at, ignored = places(table.header, layout)
    if not {"serial", "imei"} & set(at):
        raise HeaderInvalid("Missing: serial or imei.", detail_zh="缺少：序列号或 IMEI，至少其一。")
    drafts: list[Draft] = []
    refusals: list[RowRefusal] = []
    seen: dict[str, int] = {}
    for raw in table.rows:
        draft, faults = _line(raw, at, layout)
        for kind, value in draft.hardware.items():
            faults += repeated(kind.value, value, raw.number, seen)
        if faults:
            refusals += [refusal(raw.number, fault) for fault in faults]
        else:
            drafts.append(draft)
    return Plan(tuple(drafts), tuple(refusals), ignored, len(table.rows))


def _line(raw: RawRow, at: dict[str, int], layout: Layout) -> tuple[Draft, list[Fault]]:
    def text(column: str) -> str:
        return text_at(raw, at.get(column))

    faults = cell_faults(raw, at, layout)
    hardware = {kind: normalise(text(kind.value)) for kind in HardwareKind if text(kind.value)}
    bad = {fault.column for fault in faults}
    for kind, value in hardware.items():
        if kind.value not in bad:
            faults += _hardware_faults(kind, value)
    if not hardware and not faults:
        zh, en = "序列号和 IMEI 至少填一项。", "Give a serial number or an IMEI."
        faults.append(Fault("serial", "hardware-missing", zh, en))
    asset, model = text("asset_number"), text("model")
    if asset and not bad & {"asset_number"} and (not _ASSET.fullmatch(asset) or _TELEPHONE.search(asset)):
        zh = "资产编号只能由字母、数字和 . - / # 组成，至多 40 个字符，且不得是电话号码。"
        en = "Letters, digits and . - / # only, 40 at most, and no telephone number."
        faults.append(Fault("asset_number", "asset-number-invalid", zh, en))
    if model and not bad & {"model"} and not _fits_model(model):
        zh, en = "型号过长或含有号码。", "The model is too long or holds a number."
        faults.append(Fault("model", "model-invalid", zh, en))
    draft = Draft(raw.number, hardware, asset or None, model or None, text("employee"), text("department"))
    return draft, faults


def _hardware_faults(kind: HardwareKind, value: str) -> list[Fault]:
    if kind is HardwareKind.SERIAL:
        if is_serial(value):
            return []
        zh, en = "序列号应为 4 至 64 位字母和数字。", "A serial number is 4 to 64 letters and digits."
        return [Fault(kind.value, "serial-invalid", zh, en)]
    if is_imei(value):
        return []
    zh, en = "IMEI 应为 15 位数字，校验位须正确。", "An IMEI is 15 digits, and the last one must check."
    return [Fault(kind.value, "imei-invalid", zh, en)]


def _fits_model(text: str) -> bool:
    try:
        refuse_numbers_in_version(text)
    except ValueError:
        return False
    return len(text) <= _MAX_MODEL
