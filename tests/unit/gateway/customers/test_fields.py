import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from gateway.customers.errors import CustomerInvalid
from gateway.customers.fields import FieldChecker
from gateway.customers.guard import carries_number, identifier_carries_number
from gateway.customers.model import CustomerDraft, CustomerInput
from gateway.customers.phone import PhoneNumber

CHECKER = FieldChecker(
    region="CN", time_zone="Asia/Shanghai", clock=ManualClock(datetime(2026, 11, 21, 2, tzinfo=UTC))
)


def check(**fields: object) -> CustomerDraft:
    return CHECKER.check(CustomerInput(**{"phone": "13800138000", "name": "张三丰", **fields}))


def faults(**fields: object) -> set[tuple[str, str]]:
    with pytest.raises(CustomerInvalid) as caught:
        check(**fields)
    return {(fault.column, fault.code) for fault in caught.value.faults}


def test_a_sound_customer() -> None:
    draft = check(
        tags=(" A ", "A", "", "重点"), external_id="CRM-20260001", city="北京", id_number="11010519491231002x"
    )
    assert draft.tags == ("A", "重点")
    assert draft.time_zone == "Asia/Shanghai"
    assert draft.id_number == "11010519491231002X"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"phone": ""}, ("phone", "missing")),
        ({"phone": "12345"}, ("phone", "phone-invalid")),
        ({"phone": "1.38E+10"}, ("phone", "number-damaged")),
        ({"phone": "1.38001E10"}, ("phone", "number-damaged")),
        ({"name": "  "}, ("name", "missing")),
        ({"name": "张" * 61}, ("name", "too-long")),
        ({"name": "=HYPERLINK(1)"}, ("name", "formula")),
        ({"name": "@SUM(1)"}, ("name", "formula")),
        ({"name": "a\x00b"}, ("name", "control-character")),
        ({"name": "张三13900139000"}, ("name", "number-in-text")),
        ({"tags": ("x" * 41,)}, ("tags", "too-long")),
        ({"tags": tuple(str(n) for n in range(21))}, ("tags", "too-many")),
        ({"tags": ("电话139 0013 9000",)}, ("tags", "number-in-text")),
        ({"tags": ("一三九〇〇一三九〇〇〇",)}, ("tags", "number-in-text")),
        ({"external_id": "13800138000"}, ("external_id", "number-in-text")),
        ({"external_id": "CRM_138-0013-8000"}, ("external_id", "number-in-text")),
        ({"city": "北京 88886666"}, ("city", "number-in-text")),
        ({"id_number": "110105194912310021"}, ("id_number", "id-invalid")),
        ({"time_zone": "Mars/Olympus"}, ("time_zone", "zone-unknown")),
        ({"time_zone": "../../etc/passwd"}, ("time_zone", "zone-unknown")),
        ({"phone": "+1 800 555 0199"}, ("time_zone", "zone-ambiguous")),
    ],
)
def test_each_fault_is_named(fields: dict[str, object], expected: tuple[str, str]) -> None:
    assert expected in faults(**fields)


def test_all_faults_come_together_and_quote_nothing() -> None:
    with pytest.raises(CustomerInvalid) as caught:
        check(phone="99913900139000", name="", tags=("13900139000",), external_id="13900139000")
    assert len(caught.value.faults) == 4
    shown = f"{caught.value} {caught.value!r} {caught.value.facts} {caught.value.message('zh')}"
    assert "13900139000" not in shown


def test_the_zone_follows_the_number_unless_stated() -> None:
    assert check(phone="+12125550123").time_zone == "America/New_York"
    assert check(phone="+12125550123", time_zone="Asia/Tokyo").time_zone == "Asia/Tokyo"
    assert check(phone="+35316770000").time_zone == "Europe/Guernsey"  # same clock as its other zones


def test_dates_and_order_numbers_are_not_phone_numbers() -> None:
    assert not carries_number("2026-11-21批次")
    assert not identifier_carries_number("20260001234", "CN")
    assert carries_number("20261321")


@given(st.text(max_size=6), st.text(max_size=6), st.sampled_from(["-", " ", ".", "", "·"]))
def test_the_own_number_is_found_however_it_is_wrapped(before: str, after: str, between: str) -> None:
    phone = PhoneNumber.parse("13800138000")
    text = before + between.join(("138", "0013", "8000")) + after
    assert carries_number(text, phone)
    assert identifier_carries_number(text, "CN", phone)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_anything_is_taken_or_refused_and_never_crashes(phone: str, name: str, tag: str) -> None:
    given = CustomerInput(phone=phone, name=name, tags=(tag,), external_id=tag, city=tag)
    with contextlib.suppress(CustomerInvalid):
        assert CHECKER.check(given).phone.e164.startswith("+")
