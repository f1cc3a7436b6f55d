"""Detectors of numbers: phone, identity card (GB 11643-1999), bank card (ISO/IEC 7812-1 Luhn), other runs."""

import re
from collections.abc import Iterator
from datetime import date

from gateway.messages.screening.fold import Folded
from gateway.messages.screening.model import DataKind, Spot
from gateway.messages.screening.runs import Run, lettered_runs, runs

MIN_NUMBER = 7
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"
_MOBILE = re.compile(r"(?:(?:00)?86)?(1[3-9]\d{9})")
_LANDLINE = re.compile(r"0(?:10|2\d|[3-9]\d{2})[2-9]\d{6,7}")
_SERVICE = re.compile(r"[48]00\d{7}")
_CARD = re.compile(r"[2-9]\d{12,18}")
_ID_TAIL = re.compile(r"[\s\-.]{0,2}([0-9Xx])(?![0-9A-Za-z])")
_MONEY_AFTER = re.compile(r"^(?:元|块|圆|万|￥|¥|%)")
_MONEY_BEFORE = re.compile(r"(?:¥|￥|\$)\s?$")
_DATE = re.compile(
    r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:(?:[01]\d|2[0-3])(?:[0-5]\d){0,2})?"
)


def id_cards(folded: Folded) -> Iterator[Spot]:
    """Find 18-character identity numbers whose date and check character are right."""
    for run in runs(folded, 17):
        for begin in range(len(run.digits) - 16):
            body = run.digits[begin : begin + 17]
            if not _born(body[6:14]):
                continue
            check = _CHECK[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]
            _, end = run.part(begin, begin + 17)
            tail = _ID_TAIL.match(folded.text, end)
            if tail is not None and tail.group(1).upper() == check:
                yield _spot(folded, DataKind.ID_CARD, run.places[begin], tail.end())
            elif begin + 17 < len(run.digits) and run.digits[begin + 17] == check:
                yield _spot(folded, DataKind.ID_CARD, *run.part(begin, begin + 18))


def bank_cards(folded: Folded) -> Iterator[Spot]:
    """Find 13 to 19 digits with a valid Luhn check digit, as one run or in groups."""
    for run in runs(folded, 13):
        if 13 <= len(run.digits) <= 19 and _CARD.fullmatch(run.digits) and luhn(run.digits):
            yield _spot(folded, DataKind.BANK_CARD, *run.part(0, len(run.digits)))


def phones(folded: Folded) -> Iterator[Spot]:
    """Find mobile, fixed, service and international numbers, also pulled apart or with letters for digits."""
    for run in (*runs(folded, MIN_NUMBER), *lettered_runs(folded)):
        if run.plus and 8 <= len(run.digits) <= 15:
            yield _spot(folded, DataKind.PHONE, run.places[0] - 1, run.places[-1] + 1)
            continue
        for pattern in (_MOBILE, _LANDLINE, _SERVICE):
            for match in pattern.finditer(run.digits):
                if pattern is _MOBILE or match.span() == (0, len(run.digits)):
                    yield _spot(folded, DataKind.PHONE, *run.part(*match.span()))


def numbers(folded: Folded) -> Iterator[Spot]:
    """Find any other run of seven digits or more that is no date and no sum of money."""
    for run in runs(folded, MIN_NUMBER):
        if _is_date(run) or _is_money(run, folded):
            continue
        yield _spot(folded, DataKind.NUMBER, *run.part(0, len(run.digits)))


def luhn(digits: str) -> bool:
    """Tell whether the last digit is the check digit of the others (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _born(text: str) -> bool:
    try:
        born = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return 1900 <= born.year <= 2100


def _is_date(run: Run) -> bool:
    """20261121, 2026-11-21, 2026-11-21 10:30: a date, with or without the time."""
    return _DATE.fullmatch(run.digits) is not None


def _is_money(run: Run, folded: Folded) -> bool:
    """12,000.00元, ¥1234567.89: groups of three with commas, two decimals, or a currency beside it."""
    written = folded.text[run.places[0] : run.places[-1] + 1]
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?|\d+\.\d{2}", written):
        return True
    plain = re.fullmatch(r"\d+(?:\.\d{1,2})?", written) is not None and len(run.digits) <= 10
    mobile = _MOBILE.fullmatch(run.digits) is not None
    beside = _MONEY_AFTER.match(run.after) or _MONEY_BEFORE.search(run.before)
    return plain and not mobile and beside is not None


def _spot(folded: Folded, kind: DataKind, begin: int, end: int) -> Spot:
    return Spot(kind, *folded.span(begin, end))
