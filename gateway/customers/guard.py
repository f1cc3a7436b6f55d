"""Finds phone numbers in texts that are kept or shown in the clear, so that they can be refused."""

import re
import unicodedata
from datetime import datetime

import phonenumbers

from gateway.customers.phone import PhoneInvalid, PhoneNumber

MIN_RUN = 7
_CHINESE_DIGITS = str.maketrans("〇零一幺二三四五六七八九", "001123456789")
_SEPARATORS = re.compile(r"[\s\-‐-―()\[\].·•_/\\+,，、;；:：*#|~'\"]")
_MOBILE = re.compile(r"(?=1[3-9]\d{9})")


def condense(text: str) -> str:
    """Fold widths and Chinese digits and drop what people put between digits."""
    folded = unicodedata.normalize("NFKC", text).translate(_CHINESE_DIGITS)
    return _SEPARATORS.sub("", folded)


def carries_number(text: str, own: PhoneNumber | None = None) -> bool:
    """Tell whether a free text (tag, city, source) has a run of digits that could be dialled.

    A date (20261121) is not one.
    """
    condensed = condense(text)
    if own is not None and own.national in condensed:
        return True
    return any(not _is_date(run) for run in re.findall(rf"\d{{{MIN_RUN},}}", condensed))


def identifier_carries_number(text: str, region: str, own: PhoneNumber | None = None) -> bool:
    """Tell whether an identifier, which may well be a long number, is or holds a phone number."""
    condensed = condense(text)
    if own is not None and own.national in condensed:
        return True
    for run in re.findall(rf"\d{{{MIN_RUN},}}", condensed):
        if _MOBILE.search(run) or _is_mobile(run, region) or _is_mobile(f"+{run}", region):
            return True
    return "+" in text and any(_dials(f"+{run}", region) for run in re.findall(r"\d{7,15}", condensed))


def _is_date(run: str) -> bool:
    if len(run) != 8:
        return False
    try:
        day = datetime.strptime(run, "%Y%m%d")  # noqa: DTZ007 - only asked whether it is a date
    except ValueError:
        return False
    return 1990 <= day.year <= 2099


def _dials(text: str, region: str) -> bool:
    try:
        PhoneNumber.parse(text, region)
    except PhoneInvalid:
        return False
    return True


def _is_mobile(text: str, region: str) -> bool:
    try:
        number = PhoneNumber.parse(text, region)
    except PhoneInvalid:
        return False
    kind = phonenumbers.number_type(phonenumbers.parse(number.e164, None))
    return kind == phonenumbers.PhoneNumberType.MOBILE
