"""Text that comes from phones: short, printable, and never with a number in it that could be somebody's."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from core.web.schema import FieldProblem

_DIGITS = re.compile(r"(?:\d[ \-.()]?){7,}")


def refuse_numbers(text: str) -> str:
    """Refuse control characters and seven digits in a row, however they are parted."""
    if not text.isprintable():
        raise FieldProblem("不能含控制字符。", "No control characters.")
    if _DIGITS.search(text):
        raise FieldProblem("不能含七位以上的数字。", "No seven or more digits in a row.")
    return text


ShortWord = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(refuse_numbers)]
PhoneText = Annotated[str, Field(max_length=200), AfterValidator(refuse_numbers)]
