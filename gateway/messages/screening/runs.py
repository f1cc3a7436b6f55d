"""Runs of digits as people write them: together, grouped, or pulled apart by signs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.messages.screening.fold import Folded

# Up to three signs or spaces between two digits: 138-0013-8000, 1.3.8 0 0..., 138／0013／8000, 138 ⭐ 0013.
# Letters and Chinese characters end a run; ( ) belong to area codes, + to the country.
_GAP = r"[^0-9A-Za-z\u3400-\u9fff元¥￥%：:]{0,3}"
_LOOKALIKE = str.maketrans("oOlI|", "00111")
_RUN = re.compile(rf"(?<![0-9])\+?[0-9](?:{_GAP}[0-9])*", re.DOTALL)
_LETTERED = re.compile(r"(?<![0-9A-Za-z])[0-9][0-9oOlI|]{9,13}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Run:
    """Digits that may be one number. `places[i]` is where digit i stands in the folded text."""

    digits: str
    places: tuple[int, ...]
    plus: bool = False
    grouped: bool = False
    after: str = ""
    before: str = ""

    def part(self, begin: int, end: int) -> tuple[int, int]:
        """Give the folded span of digits `begin` to before `end`."""
        return self.places[begin], self.places[end - 1] + 1


def runs(folded: Folded, least: int) -> Iterator[Run]:
    """Give every run of at least `least` digits."""
    text = folded.text
    for match in _RUN.finditer(text):
        places = tuple(place for place in range(match.start(), match.end()) if text[place] in "0123456789")
        if len(places) < least:
            continue
        yield Run(
            "".join(text[place] for place in places),
            places,
            plus=match.group().startswith("+"),
            grouped=places[-1] - places[0] + 1 > len(places),
            after=text[match.end() : match.end() + 2],
            before=text[max(0, match.start() - 2) : match.start()],
        )


def lettered_runs(folded: Folded) -> Iterator[Run]:
    """Give runs in which letters stand for 0 and 1 (138OO138OOO); at least half are digits."""
    for match in _LETTERED.finditer(folded.text):
        written = match.group()
        real = sum(character.isdigit() for character in written)
        if real == len(written) or real * 2 < len(written):
            continue
        yield Run(written.translate(_LOOKALIKE), tuple(range(match.start(), match.end())))
