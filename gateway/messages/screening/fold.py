"""Folds a text for the detectors (width, digit forms, invisible signs) and keeps the way back to it."""

import unicodedata
from dataclasses import dataclass

_DIGITS = {
    **dict(zip("〇零一二三四五六七八九", "00123456789", strict=True)),
    **dict(zip("壹贰貳叁參肆伍陆陸柒捌玖", "122334566789", strict=True)),
    # How numbers are read aloud, and how they are hidden: 幺 1, 两 2, 拐 7, 洞 0, 勾 9.
    **dict(zip("幺么两兩俩拐洞勾○◯", "1122270900", strict=True)),
}
_IGNORED = {"Cf", "Mn", "Me", "Cc"}  # zero-width signs, combining marks, keycaps, control characters
_KEPT_CONTROLS = "\n\r\t"


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text; `offsets[i]` is the place in `original` from which character i came."""

    original: str
    text: str
    offsets: tuple[int, ...]

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """Give the place in the original of folded characters `begin` to before `end` (not empty)."""
        last = self.offsets[end - 1] + 1
        # What was ignored after the last character (a keycap, a joiner) goes with it.
        following = self.offsets[end] if end < len(self.offsets) else len(self.original)
        while last < following and unicodedata.category(self.original[last]) in _IGNORED:
            last += 1
        return self.offsets[begin], last

    def only(self, keep: str) -> "Folded":
        """Keep the characters at which `keep` has a 1: a stream of its own over the same original."""
        places = [place for place, flag in enumerate(keep) if flag == "1"]
        return Folded(
            self.original,
            "".join(self.text[place] for place in places),
            tuple(self.offsets[place] for place in places),
        )


def fold(text: str, *, digits: bool = True) -> Folded:
    """Fold widths and, with `digits`, every way to write a digit; drop what cannot be seen."""
    characters: list[str] = []
    offsets: list[int] = []
    for place, character in enumerate(text):
        for piece in unicodedata.normalize("NFKC", character):
            if unicodedata.category(piece) in _IGNORED and piece not in _KEPT_CONTROLS:
                continue
            characters.append(_digit(piece) if digits else piece)
            offsets.append(place)
    return Folded(text, "".join(characters), tuple(offsets))


def _digit(character: str) -> str:
    known = _DIGITS.get(character)
    if known is not None:
        return known
    value = unicodedata.digit(character, None) if not character.isascii() else None
    return character if value is None else str(value)
