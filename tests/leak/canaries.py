"""Numbers that must never be seen, one for each field that could carry one, and the search for them."""

import base64
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from ahocorasick_rs import BytesAhoCorasick


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
    """Looks for every number in every form. The last eight digits give it away, whatever stands before."""

    def __init__(self, numbers: dict[str, str]) -> None:
        self._names: list[str] = []
        patterns: list[bytes] = []
        for name, number in numbers.items():
            for how, pattern in forms(number):
                self._names.append(f"{name} ({how})")
                patterns.append(pattern)
        self._automaton = BytesAhoCorasick(patterns)

    def find(self, data: bytes | str) -> set[str]:
        """Name the fields whose number is in `data`, and in which form."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        return {self._names[hit] for hit, _, _ in self._automaton.find_matches_as_indexes(data)}

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
    spoken = f"{number[:3]}-{number[3:7]}-{number[7:]}"
    found = [
        ("digits", tail.encode()),
        ("dashes", spoken[4:].encode()),
        ("blanks", spoken[4:].replace("-", " ").encode()),
        ("UTF-16", tail.encode("utf-16-le")[:-1]),  # in both orders of bytes
        ("full width", "".join(chr(ord(digit) + 0xFEE0) for digit in tail).encode()),
        ("hexadecimal", tail.encode().hex().encode()),
        ("escaped hexadecimal", "".join(f"\\x{ord(digit):02x}" for digit in tail).encode()),
        ("percent", "".join(f"%{ord(digit):02X}" for digit in tail).encode()),
        ("UTF-16 hexadecimal", tail.encode("utf-16-le").hex().encode()),
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
