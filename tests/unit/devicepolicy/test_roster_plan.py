"""A list of phones, line by line: what is taken, what is refused and why, without a database."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.sheets import template
from core.sheets.errors import HeaderInvalid
from core.sheets.table import read_table
from devicepolicy.roster.hardware import is_imei, normalise, tail
from devicepolicy.roster.model import HardwareKind
from devicepolicy.roster.plan import EXAMPLE, Plan, load_roster_layout, make_plan

IMEI = "490154203237518"
LAYOUT = load_roster_layout()


def plan(*rows: list[str], header: list[str] | None = None) -> Plan:
    text = io.StringIO()
    csv.writer(text).writerows([header or ["序列号", "IMEI", "资产编号", "型号", "员工账号"], *rows])
    return make_plan(read_table(text.getvalue().encode(), LAYOUT.limits), LAYOUT)


def test_bad_lines_are_told_one_by_one_and_stop_no_good_one() -> None:
    found = plan(
        ["sn-0001", "490154-20-323751-8", "ZC-001", "Pura 80", "wang"],
        ["", "", "ZC-002", "", ""],
        ["SN-0003", "490154203237519", "", "", ""],
        ["SN-0004", "", "13800138000", "", ""],
        ["SN-0005", "", "", "机主 13800138000", ""],
        ["SN-0001", "", "", "", ""],
        ["a b", "", "", "", ""],
        ['=HYPERLINK("x")', "", "", "", ""],
        ["SN-0009", "", "2024000123", "", ""],
    )
    assert [(one.number, dict(one.hardware)) for one in found.rows] == [
        (2, {HardwareKind.SERIAL: "SN-0001", HardwareKind.IMEI: IMEI}),
        (10, {HardwareKind.SERIAL: "SN-0009"}),
    ]
    assert [(one.row, one.column, one.code) for one in found.refusals] == [
        (3, "serial", "hardware-missing"),
        (4, "imei", "imei-invalid"),
        (5, "asset_number", "asset-number-invalid"),
        (6, "model", "model-invalid"),
        (7, "serial", "duplicate-in-file"),
        (8, "serial", "serial-invalid"),
        (9, "serial", "formula"),
    ]
    told = repr(found.refusals)
    assert "13800138000" not in told
    assert "490154203237519" not in told
    assert found.rows_read == 9


def test_an_id_is_one_whether_it_is_given_as_serial_or_as_imei() -> None:
    found = plan(["SN-0001", IMEI, "", "", ""], [IMEI, "", "", "", ""])
    assert [(one.row, one.code) for one in found.refusals] == [(3, "duplicate-in-file")]


def test_a_file_without_any_hardware_column_is_refused_whole() -> None:
    with pytest.raises(HeaderInvalid):
        plan(["ZC-1"], header=["资产编号"])


def test_the_template_can_be_filled_in_and_brought_back() -> None:
    for content in (template.as_csv(LAYOUT, EXAMPLE), template.as_xlsx(LAYOUT, EXAMPLE)):
        found = make_plan(read_table(content, LAYOUT.limits), LAYOUT)
        assert (len(found.rows), found.refusals, found.ignored_columns) == (1, (), ())


@given(st.text(alphabet="0123456789", min_size=15, max_size=15), st.integers(0, 14), st.integers(1, 9))
def test_luhn_finds_every_single_wrong_digit(digits: str, place: int, more: int) -> None:
    wrong = digits[:place] + str((int(digits[place]) + more) % 10) + digits[place + 1 :]
    assert not (is_imei(digits) and is_imei(wrong))


def test_ids_are_compared_in_one_writing_and_shown_by_their_end() -> None:
    assert normalise(" 490154-20-323751-8 ") == IMEI
    assert normalise(" sn-1 ") == "SN-1"
    assert is_imei(IMEI)
    assert tail(IMEI) == "…7518"
