"""Hide spoken and written numbers long enough to call somebody: for what agents see of a transcript.

A recogniser writes a dictated number in any mixture: 138 零零一三 8000, 幺三八…, and hears 幺 as 腰
and 五 as 午. So a character counts as a digit if it is one or sounds like one, but a run needs real
digits to be hidden.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from pypinyin import Style, lazy_pinyin

MIN_DIGITS = 7
"""Shorter than any number that can be called: the shortest local numbers have seven digits."""

_MAX_GAP = 3
_MASK = "*"
_NUMERALS = frozenset("零〇○一二三四五六七八九幺两兩壹贰貳叁參肆伍陆陸柒捌玖")
_SOUNDS = frozenset({"yao", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu", "ling", "dong", "guai"})
"""Toneless syllables of the digits as they are dictated: 幺 一 二 三 四 五 六 七 八 九 零, 洞 (0), 拐 (7)."""

_FILLERS = frozenset("呃嗯啊哦额唔噢诶哎")
_STRONG_SHARE = 0.6


@cache
def _kind(character: str) -> str:
    """Give "digit", "sound" (may be a misheard digit), "gap" (may stand between digits) or "other"."""
    if character in _NUMERALS or unicodedata.digit(character, None) is not None:
        return "digit"
    category = unicodedata.category(character)
    if category[0] in "PZSC" or category == "Mn" or character in _FILLERS:
        return "gap"
    if "\u4e00" <= character <= "\u9fff":
        return "sound" if lazy_pinyin(character, style=Style.NORMAL)[0] in _SOUNDS else "other"
    return "other"


def mask_digits(text: str, *, min_digits: int = MIN_DIGITS) -> str:
    """Replace each digit of a run of at least `min_digits` by `*`; separators and length stay.

    A run may have up to three separators (spaces, dashes, commas …) between two digits; signs that
    nobody sees (format characters) do not count.
    """
    characters = list(text)
    for run in _runs(text):
        strong = sum(1 for index in run if _kind(text[index]) == "digit")
        if len(run) >= min_digits and strong >= _STRONG_SHARE * len(run):
            for index in run:
                characters[index] = _MASK
    return "".join(characters)


def masked_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Give the spans that `mask_digits` covers."""
    covered = mask_digits(text)
    return tuple(
        (index, index + 1) for index in range(len(text)) if text[index] != _MASK and covered[index] == _MASK
    )


def mask_sentences(texts: Sequence[str]) -> list[str]:
    """Mask sentences that follow each other: a number dictated over several of them is one number."""
    masked = mask_digits("\n".join(texts))
    parts, at = [], 0
    for text in texts:
        parts.append(masked[at : at + len(text)])
        at += len(text) + 1
    return parts


def _runs(text: str) -> Iterator[list[int]]:
    """Give rows of positions of digits and of what sounds like one, starting and ending with a digit."""
    run: list[int] = []
    gap = 0
    for index, character in enumerate(text):
        kind = _kind(character)
        if kind in {"digit", "sound"}:
            run.append(index)
            gap = 0
            continue
        if unicodedata.category(character) != "Cf":
            gap += 1
        if kind == "other" or gap > _MAX_GAP:
            yield run
            run, gap = [], 0
    yield run
