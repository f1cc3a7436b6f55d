"""No number that can be called is left to read, and nothing moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.speech.digits import mask_digits, mask_sentences

NUMERALS = ["0零〇０", "1一幺壹１", "2二两２", "3三叁３", "4四肆", "5五⑤", "6六陆", "7七柒", "8八捌", "9九玖"]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("我的电话是13800138000。", "我的电话是***********。"),
        ("幺三八，零零一三，八零零零", "***，****，****"),
        ("腰三八零零腰三八零零零", "***********"),
        ("１３８ ００１３ ８０００", "*** **** ****"),
        ("打138-0013-8000找我", "打***-****-****找我"),
        ("一三八，呃，零零一三八零零零", "***，呃，********"),
        (
            "1\u200b3\u200b8\u200b0\u200b0\u200b1\u200b38000",
            "*\u200b*\u200b*\u200b*\u200b*\u200b*\u200b*****",
        ),
        ("座机8765432", "座机*******"),
    ],
)
def test_numbers_are_hidden(text, masked):
    assert mask_digits(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "二零二六年十一月二十一日",
        "一个月三千五百二十元，一共还七期",
        "客服热线九五五八八",
        "百分之十二",
        "一五一十地说，一是一，二是二",
    ],
)
def test_other_figures_stay(text):
    assert mask_digits(text) == text


digits = st.lists(st.integers(0, 9), min_size=7, max_size=19)


@given(digits, st.data())
def test_any_mixture_of_scripts_and_separators_is_hidden(number, data):
    signs = [data.draw(st.sampled_from(NUMERALS[figure])) for figure in number]
    text = signs[0] + "".join(
        data.draw(st.sampled_from(["", " ", "-", "，", "、 ", "。"])) + sign for sign in signs[1:]
    )
    masked = mask_digits(f"号码{text}谢谢")
    assert masked.count("*") == len(number)
    assert not set(masked) & set("".join(NUMERALS))


@given(st.text())
def test_length_and_other_signs_stay(text):
    masked = mask_digits(text)
    assert len(masked) == len(text)
    assert all(two in (one, "*") for one, two in zip(text, masked, strict=True))


@given(st.text())
def test_masking_again_changes_nothing(text):
    assert mask_digits(mask_digits(text)) == mask_digits(text)


def test_a_number_dictated_over_two_sentences_is_one_number():
    assert mask_sentences(["记一下，13800", "138000", "好的"]) == ["记一下，*****", "******", "好的"]
    assert mask_sentences([]) == []
