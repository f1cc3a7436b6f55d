import copy

import pytest

from gateway.customers.phone import PhoneInvalid, PhoneNumber


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("13800138000", "+8613800138000"),
        ("+86 138-0013-8000", "+8613800138000"),
        ("8613800138000", "+8613800138000"),
        ("013800138000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("(010) 8888 6666", "+861088886666"),
        ("+1 212 555 0123", "+12125550123"),
    ],
)
def test_reads_what_people_write(text: str, e164: str) -> None:
    assert PhoneNumber.parse(text).e164 == e164


@pytest.mark.parametrize(
    "text",
    [
        "",
        "123",
        "=13800138000",
        "tel:13800138000",
        "call 13800138000",
        "13800138000 x1",
        "138001380001234",
        "1" * 500,
    ],
)
def test_refuses_without_quoting(text: str) -> None:
    with pytest.raises(PhoneInvalid) as caught:
        PhoneNumber.parse(text)
    if len(text) > 5:
        assert text not in f"{caught.value} {caught.value!r} {caught.value.facts}"
        assert caught.value.__cause__ is None


def test_prints_masked_only() -> None:
    phone = PhoneNumber.parse("13800138000")
    for shown in (str(phone), repr(phone), f"{phone}", f"{phone!r}", f"{[phone]}", f"{phone:>20}"):
        assert "138****8000" in shown
        assert "00138" not in shown
    assert phone == PhoneNumber.parse("+8613800138000")
    with pytest.raises(TypeError):
        copy.copy(phone)
