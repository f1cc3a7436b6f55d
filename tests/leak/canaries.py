"""Numbers that must never be seen, one for each field that could carry one, and the search for them."""

import base64
import json
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ahocorasick_rs import BytesAhoCorasick

_HEX_START, _HEX_END = re.compile(rb"[0-9a-f]+"), re.compile(rb"[0-9a-f]+$")
_DECIMAL, _DECIMAL_END = re.compile(rb"[0-9.]+"), re.compile(rb"[0-9.]+$")
_SIGNS = {
    "full width": "".join(chr(0xFF10 + digit) for digit in range(10)),
    "Chinese": "零一二三四五六七八九",
    "aloud": "洞幺二三四五六拐八九",
}
SPELLINGS = ("digits", "full width", "blanks", "spaced", "dashes", "Chinese", "aloud")
"""How people write a number."""


def spelled(number: str, how: str) -> str:
    """Write a number as people do; `letters` has one after each digit."""
    if how in _SIGNS:
        return number.translate(str.maketrans("0123456789", _SIGNS[how]))
    if how in {"blanks", "dashes"}:
        return ("-" if how == "dashes" else " ").join((number[:-8], number[-8:-4], number[-4:]))
    return {"digits": number, "spaced": " ".join(number), "letters": "".join(f"{one}a" for one in number)}[
        how
    ]


@dataclass
class Canaries:
    """A number for each name, the same each time; no two share their last eight digits."""

    _numbers: dict[str, str] = field(default_factory=dict)
    _dice: random.Random = field(default_factory=lambda: random.Random(4711))  # noqa: S311

    def number(self, name: str) -> str:
        """Give the eleven digits of a mobile number; a hit will name the field."""
        if name not in self._numbers:
            tail = f"{self._dice.randrange(10**7, 10**8)}"
            assert all(tail != known[3:] for known in self._numbers.values())
            self._numbers[name] = "139" + tail
        return self._numbers[name]

    def e164(self, name: str) -> str:
        return "+86" + self.number(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._numbers)

    def finder(self) -> "Finder":
        return Finder(self._numbers)


class Finder:
    """Looks for every number in every form. The last eight digits give it away, whatever stands before.

    Only within ids, hashes and measured values (decimal numbers of many digits), where eight digits in a row come
    about by chance in one run of some dozens, all eleven digits must stand there.
    """

    def __init__(self, numbers: dict[str, str]) -> None:
        self._names: list[str] = []
        self._whole: list[bytes | None] = []
        patterns: list[bytes] = []
        for name, number in numbers.items():
            whole = {number[-8:].encode(): number.encode(), number[:-9:-1].encode(): number[::-1].encode()}
            for how, pattern in forms(number):
                self._names.append(f"{name} ({how})")
                self._whole.append(whole.get(pattern))
                patterns.append(pattern)
        self._automaton = BytesAhoCorasick(patterns)

    def find(self, data: bytes | str) -> set[str]:
        """Name the fields whose number is in `data`, and in which form."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        found = self._automaton.find_matches_as_indexes(data, overlapping=True)
        return {self._names[hit] for hit, at, end in found if not self._by_chance(hit, data, at, end)}

    def _by_chance(self, hit: int, data: bytes, at: int, end: int) -> bool:
        whole = self._whole[hit]
        if whole is None or whole in data[max(at - 3, 0) : end + 3]:
            return False
        before, after = _HEX_END.search(data[max(at - 64, 0) : at]), _HEX_START.match(data[end : end + 64])
        around = (before[0] if before else b"") + (after[0] if after else b"")
        if len(around) >= 8 and any(sign in b"abcdef" for sign in around):
            return True
        before, after = _DECIMAL_END.search(data[max(at - 24, 0) : at]), _DECIMAL.match(data[end : end + 24])
        around = (before[0] if before else b"") + (after[0] if after else b"")
        return around.count(b".") == 1 and len(around) >= 3 and not around.endswith(b".")

    def find_all(self, sources: Iterable[tuple[str, bytes]]) -> dict[str, set[str]]:
        """Search many things; give the ones with a hit."""
        found = {}
        for where, data in sources:
            if hits := self.find(data):
                found[where] = hits
        return found


def forms(number: str) -> list[tuple[str, bytes]]:
    """Every way in which a number may stand somewhere. The first of each kind needs no prefix."""
    tail = number[-8:]
    found = []
    for how in (*SPELLINGS, "letters"):
        written = spelled(number, how)
        written = written[len(written) - len(spelled(tail, how).lstrip(" -")) :]
        found.append((how, written.encode()))
        found.append((f"{how}, hexadecimal", written.encode().hex().encode()))
        found += [(f"{how}, {code}", written.encode(code)) for code in ("utf-16-le", "utf-16-be")]
        found += [
            (f"{how}, {code}, hexadecimal", written.encode(code).hex().encode())
            for code in ("utf-16-le", "utf-16-be")
        ]
        if not written.isascii():
            found.append((f"{how}, escaped", json.dumps(written)[1:-1].encode()))
    found += [
        ("escaped hexadecimal", "".join(f"\\x{ord(digit):02x}" for digit in tail).encode()),
        ("percent", "".join(f"%{ord(digit):02X}" for digit in tail).encode()),
        ("backwards", tail[::-1].encode()),
    ]
    for whole in (number, "86" + number, "+86" + number, "0086" + number, tail):
        for shift in range(3):  # a text may begin at any of three places of base64
            encoded = base64.b64encode(b"\0" * shift + whole.encode() + b"\0" * 3)
            first = -(-8 * shift // 6)
            last = 8 * (shift + len(whole)) // 6
            found.append(("base64", encoded[first:last]))
    swapped = number + "f" if len(number) % 2 else number
    tbcd = bytes.fromhex("".join(swapped[i + 1] + swapped[i] for i in range(0, len(swapped), 2)))
    return [*found, ("TBCD", tbcd)]
