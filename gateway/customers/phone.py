"""A phone number: E.164 inside, masked wherever it could be printed."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import NoReturn

import phonenumbers

from core.errors import Invalid
from core.masking import mask_number

MAX_TEXT = 32
# Only what people write a number with: the library would dig a number out of any text.
_WRITTEN = re.compile(r"\+?[0-9(][0-9\s().\-]*")


class PhoneInvalid(Invalid):
    """This is not a valid phone number."""

    code = "phone-invalid"
    zh = "不是有效的电话号码。"


@dataclass(frozen=True, slots=True, repr=False)
class PhoneNumber:
    """A valid number. `e164` is the only way to the digits; `str`, `repr` and `format` are masked."""

    e164: str = field(repr=False)

    @classmethod
    def parse(cls, text: str, region: str = "CN") -> "PhoneNumber":
        """Read a number as people of `region` (ISO 3166-1 alpha-2) write it.

        Raises `PhoneInvalid`, which never quotes the text. Extensions are refused: they cannot be dialled.
        """
        text = unicodedata.normalize("NFKC", text).strip()
        if len(text) > MAX_TEXT or not _WRITTEN.fullmatch(text):
            raise PhoneInvalid
        try:
            parsed = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            raise PhoneInvalid from None
        if parsed.extension or not phonenumbers.is_valid_number(parsed):
            raise PhoneInvalid
        return cls(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))

    @property
    def last_four(self) -> str:
        return self.e164[-4:]

    @property
    def national(self) -> str:
        """Give the national significant number, e.g. 13800138000 or 1087654321."""
        parsed = phonenumbers.parse(self.e164, None)
        return str(phonenumbers.national_significant_number(parsed))

    @property
    def masked(self) -> str:
        return mask_number(self.e164)

    def __str__(self) -> str:
        return self.masked

    def __format__(self, spec: str) -> str:
        return format(self.masked, spec)

    def __repr__(self) -> str:
        return f"PhoneNumber({self.masked})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a phone number does not leave the process by serialisation")
