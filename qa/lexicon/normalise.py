"""Fold a text once for matching, and keep the way back to the original characters.

Each character of the original becomes one folded character or none (it is skipped): NFKC for width
and styles, lower case, accents off, traditional to simplified character by character, every form of a
digit to 0-9, 您 to 你. What stands between words without meaning (spaces, signs, emoji, zero-width
characters) is skipped. The punctuation that ends a clause is kept as `BARRIER`, for no word runs over
it: 稍微，信用卡 holds no 微信.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache

import opencc

BARRIER = "\ue000"
_SKIP = "\ue001"
_LONG = "\ue002"
_CLAUSE_ENDS = frozenset("，。！？；：、,!?;:\n\r\v\f\u2028\u2029…")
_HAN_DIGITS = {
    **dict(zip("〇一二三四五六七八九", "0123456789", strict=True)),
    **dict(zip("零壹贰叁肆伍陆柒捌玖", "0123456789", strict=True)),
    "貳": "2", "叄": "3", "參": "参", "陸": "6", "弌": "1", "弍": "2", "弎": "3", "幺": "1",
}  # fmt: skip
_POLITE = {"您": "你", "妳": "你"}
_LOOK_ALIKE = dict(
    zip("аеорсухіјѕԁһαορνχϲ", "aeopcyxijsdhaopvxc", strict=True)
)  # Cyrillic and Greek letters that pass for Latin ones
_SPECIAL = {**_HAN_DIGITS, **_POLITE, **_LOOK_ALIKE}
_LETTER_RANGES = ((0x249C, 26), (0x1F110, 26), (0x1F130, 26), (0x1F150, 26), (0x1F170, 26), (0x1F1E6, 26))


class Folded:
    """A folded text. `offsets` is None where each character stayed in its place.

    Where characters were only skipped, the offsets are worked out when somebody asks: most texts hold no hit,
    and nobody does. `marked` is then the text with its skipped characters still marked.
    """

    __slots__ = ("_marked", "_offsets", "original", "text")

    def __init__(
        self,
        original: str,
        text: str,
        offsets: tuple[tuple[int, int], ...] | None = None,
        *,
        marked: str | None = None,
    ) -> None:
        self.original = original
        self.text = text
        self._offsets = offsets
        self._marked = marked

    @property
    def offsets(self) -> tuple[tuple[int, int], ...] | None:
        """The span of each folded character in the original."""
        if self._offsets is None and self._marked is not None:
            self._offsets = tuple(
                (index, index + 1) for index, character in enumerate(self._marked) if character != _SKIP
            )
        return self._offsets

    def rewritten(self, text: str) -> "Folded":
        """Give another writing of the same characters, one for one."""
        return Folded(self.original, text, self._offsets, marked=self._marked)

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Translate a non-empty span of the folded text to the original."""
        if self.offsets is None:
            return begin, end
        return self.offsets[begin][0], self.offsets[end - 1][1]

    def index(self, offset: int) -> int:
        """Translate an offset of the original: the first folded character at or behind it."""
        if self.offsets is None:
            return offset
        return bisect_left(self.offsets, (offset, offset))

    def widest_gap(self, begin: int, end: int) -> int:
        """How many original characters were skipped at most between two neighbours of a span."""
        if self.offsets is None:
            return 0
        offsets = self.offsets
        return max(
            (offsets[index + 1][0] - offsets[index][1] for index in range(begin, end - 1)),
            default=0,
        )


class _FoldTable(dict[int, str]):
    """Fills itself: code point to one folded character or a marker, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        folded = fold_character(chr(code))
        value = _SKIP if not folded else folded if len(folded) == 1 else _LONG
        if len(self) < 200_000:
            self[code] = value
        return value


@cache
def _to_simplified() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def fold_character(character: str) -> str:
    """Fold one character: usually to one, to none if it is skipped, to several for ligatures such as ㎏."""
    if character in _CLAUSE_ENDS:
        return BARRIER
    lower = character.lower()
    special = _SPECIAL.get(lower) or _letter(ord(character))
    if special:
        return special
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    if character in "üÜǖǘǚǜǕǗǙǛ":
        return "v"
    folded = "".join(_fold_part(part) for part in unicodedata.normalize("NFKC", character))
    if len(folded) > 1 and folded.startswith("(") and folded.endswith(")"):
        folded = folded[1:-1]  # ㈠ is (一)
    return "".join(part for part in folded if part == BARRIER or part.isalnum())


def _fold_part(character: str) -> str:
    """Fold one character of an NFKC form."""
    if character in _CLAUSE_ENDS:
        return BARRIER
    category = unicodedata.category(character)
    if category in {"Co", "Cs"}:
        return BARRIER  # private use and lone surrogates: nobody knows what they show
    kind = category[0]
    if kind == "M":
        return ""
    if character >= "\u2e80":
        simple: str = _to_simplified().convert(character)
        return _HAN_DIGITS.get(simple, simple if len(simple) == 1 else character)
    if kind == "L":
        base = unicodedata.normalize("NFKD", character)[0]
        return (base if base.isascii() else character).lower()
    return character


def _letter(code: int) -> str | None:
    """Read parenthesised, squared and circled letters that NFKC leaves alone or takes apart."""
    for start, count in _LETTER_RANGES:
        if start <= code < start + count:
            return chr(ord("a") + code - start)
    return None


_TABLE = _FoldTable()


def fold(text: str) -> Folded:
    """Fold a text. Cheap when nothing is skipped: then no map of offsets is needed."""
    folded = text.translate(_TABLE)
    if _LONG not in folded:
        if _SKIP not in folded:
            return Folded(text, folded)
        return Folded(text, folded.replace(_SKIP, ""), marked=folded)
    kept = list(_kept(text, folded))
    return Folded(text, "".join(item[0] for item in kept), tuple((item[1], item[2]) for item in kept))


def _kept(text: str, folded: str) -> Iterator[tuple[str, int, int]]:
    for index, character in enumerate(folded):
        if character == _SKIP:
            continue
        if character != _LONG:
            yield character, index, index + 1
            continue
        for part in fold_character(text[index]):
            yield part, index, index + 1


def fold_repeats(folded: Folded) -> tuple[Folded, tuple[int, ...]] | None:
    """Draw repeated characters together; gives the text and how often each stood there, or None.

    Digits are left alone: 11 is not 1.
    """
    text = folded.text
    kept: list[tuple[str, int, int]] = []
    counts: list[int] = []
    for index, character in enumerate(text):
        begin, end = folded.span(index, index + 1)
        if kept and kept[-1][0] == character and not character.isdigit():
            kept[-1] = (character, kept[-1][1], end)
            counts[-1] += 1
        else:
            kept.append((character, begin, end))
            counts.append(1)
    if len(kept) == len(text):
        return None
    squeezed = Folded(
        folded.original, "".join(item[0] for item in kept), tuple((item[1], item[2]) for item in kept)
    )
    return squeezed, tuple(counts)
