"""Text that comes from phones: short, printable, and never with a number in it that could be somebody's."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from core.web.schema import FieldProblem

_IN_TEXT = re.compile(r"(?:\d[ \-.()]*){7}")
_IN_VERSION = re.compile(r"(?:\d[ \-()]*){7}")


def refuse_numbers(text: str) -> str:
    """Refuse control characters and seven digits, however they are parted."""
    return _without(_IN_TEXT, text)


def refuse_numbers_in_version(text: str) -> str:
    """Refuse them, but dots part: 10.0.0.168 is a version."""
    return _without(_IN_VERSION, text)


def _without(numbers: re.Pattern[str], text: str) -> str:
    if not text.isprintable():
        raise FieldProblem("不能含控制字符。", "No control characters.")
    if numbers.search(text):
        raise FieldProblem("不能含七位以上的数字。", "No seven or more digits in a row.")
    return text


ShortWord = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(refuse_numbers_in_version)]
PhoneText = Annotated[str, Field(max_length=200), AfterValidator(refuse_numbers)]
