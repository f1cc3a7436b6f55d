"""Masks show what people may see, and nothing more whatever they are given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.masking import last_four, mask_name, mask_number


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+8613800138000", "138****8000"),
        ("13800138000", "138****8000"),
        ("8613800138000", "138****8000"),
        ("+86 138-0013-8000", "138****8000"),
        ("１３８００１３８０００", "138****8000"),
        ("+861088886666", "****6666"),
        ("010-88886666", "****6666"),
        ("+14155552671", "****2671"),
        ("95533", "****"),
        ("", "****"),
        ("abc", "****"),
    ],
)
def test_number(number: str, masked: str) -> None:
    assert mask_number(number) == masked


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张三", "张*"),
        ("张三丰", "张**"),
        ("欧阳娜娜", "欧***"),
        ("阿卜杜热合曼", "阿***"),
        ("张", "*"),
        ("", ""),
        (" 李四 ", "李*"),
        ("John Smith", "J***"),
        ("Li", "L***"),
    ],
)
def test_name(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(("number", "four"), [("+8613800138000", "8000"), ("95533", ""), ("1234567", "4567")])
def test_last_four(number: str, four: str) -> None:
    assert last_four(number) == four


@given(number=st.from_regex(r"\+?[0-9]{5,15}", fullmatch=True))
def test_mask_never_shows_more_than_seven_digits_nor_half_of_a_short_number(number: str) -> None:
    digits = [character for character in mask_number(number) if character.isdigit()]
    total = sum(character.isdigit() for character in number)
    assert len(digits) <= 7
    assert total - len(digits) >= 3
