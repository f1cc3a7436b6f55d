"""Toneless pinyin: every syllable is one private character, so sound is matched like text.

A text character gives its most usual reading; a term is written down with the usual reading of each
character *and* the reading it has inside the term. So 海款, which a recogniser hears for 还款, is the
same sound. Runs of Latin letters that are nothing but syllables (weixin, wei xin) count as them.
"""

import re
from functools import cache, lru_cache
from itertools import islice, product

from pypinyin.contrib.tone_convert import to_normal
from pypinyin.phrases_dict import phrases_dict
from pypinyin.pinyin_dict import pinyin_dict

from qa.lexicon.normalise import Folded

_FIRST_SYMBOL = 0xE100
_DIGIT_READINGS = ("ling", "yi", "er", "san", "si", "wu", "liu", "qi", "ba", "jiu")
_MOST_READINGS = 16
_RUN = re.compile(r"[a-z]+")
_LONGEST_SYLLABLE = 6


@cache
def syllables() -> tuple[str, ...]:
    """All toneless syllables of the reading table, ü written v, in a fixed order."""
    found = {syllable for code in pinyin_dict for syllable in _readings(chr(code))}
    return tuple(sorted(syllable for syllable in found if syllable.isascii() and syllable.isalpha()))


def _readings(character: str) -> tuple[str, ...]:
    """Give the toneless readings of a character, the most usual one first."""
    if character.isascii() and character.isdigit():
        return (_DIGIT_READINGS[int(character)],)
    listed = pinyin_dict.get(ord(character), "")
    return tuple(dict.fromkeys(_plain(reading) for reading in listed.split(",") if reading))


@lru_cache(maxsize=8192)
def _plain(reading: str) -> str:
    return str(to_normal(reading, v_to_u=False)).replace("ü", "v")


@cache
def _symbols() -> dict[str, str]:
    return {name: chr(_FIRST_SYMBOL + index) for index, name in enumerate(syllables())}


def _merged(syllable: str) -> str:
    """Take together what many speakers do not tell apart: zh/z ch/c sh/s, n/l, ng/n."""
    if syllable[:2] in {"zh", "ch", "sh"}:
        syllable = syllable[0] + syllable[2:]
    if syllable.startswith("l"):
        syllable = "n" + syllable[1:]
    return syllable[:-1] if syllable.endswith(("ang", "eng", "ing")) else syllable


@cache
def _merge_table() -> dict[int, str]:
    """Map each syllable's symbol to the symbol of the first syllable that merges to the same sound."""
    first: dict[str, str] = {}
    return {ord(symbol): first.setdefault(_merged(name), symbol) for name, symbol in _symbols().items()}


def merge(sounds: str) -> str:
    """Rewrite a string of symbols so that easily mixed-up syllables are equal."""
    return sounds.translate(_merge_table())


class _SoundTable(dict[int, str]):
    """Fills itself: folded code point to its syllable's symbol, or to itself."""

    def __missing__(self, code: int) -> str:
        readings = _readings(chr(code))
        value = _symbols().get(readings[0], chr(code)) if readings else chr(code)
        self[code] = value
        return value


_TABLE = _SoundTable()


def sounds_of(folded: Folded) -> str:
    """Give one symbol for each folded character; what has no reading stays as it is."""
    return folded.text.translate(_TABLE)


def has_latin(folded: Folded) -> bool:
    return _RUN.search(folded.text) is not None


def with_latin_read(folded: Folded) -> tuple[Folded, frozenset[int]]:
    """Give the sounds with Latin syllables read; the set names the positions that were Latin."""
    symbols: list[str] = []
    offsets: list[tuple[int, int]] = []
    latin: set[int] = set()
    position = 0
    for run in _RUN.finditer(folded.text):
        _copy(folded, position, run.start(), symbols, offsets)
        for begin, end in _split_run(folded, run.start(), run.end()):
            syllable = folded.text[begin:end]
            symbol = _symbols().get(syllable)
            if symbol is None or end - begin < 2:
                _copy(folded, begin, end, symbols, offsets)
                continue
            latin.add(len(symbols))
            symbols.append(symbol)
            offsets.append(folded.span(begin, end))
        position = run.end()
    _copy(folded, position, len(folded.text), symbols, offsets)
    return Folded(folded.original, "".join(symbols), tuple(offsets)), frozenset(latin)


def _copy(folded: Folded, begin: int, end: int, symbols: list[str], offsets: list[tuple[int, int]]) -> None:
    symbols.extend(folded.text[begin:end].translate(_TABLE))
    offsets.extend(folded.span(index, index + 1) for index in range(begin, end))


def _split_run(folded: Folded, begin: int, end: int) -> list[tuple[int, int]]:
    """Split a run into syllables: word by word as it was typed, else as a whole, else not at all."""
    words = _words(folded, begin, end)
    parts: list[tuple[int, int]] = []
    for first, last in words:
        lengths = split_syllables(folded.text[first:last])
        if lengths is None:
            whole = split_syllables(folded.text[begin:end])
            if whole is not None:
                return _cut(begin, whole)
            parts.append((first, last))
        else:
            parts.extend(_cut(first, lengths))
    return parts


def _words(folded: Folded, begin: int, end: int) -> list[tuple[int, int]]:
    cuts = [
        index
        for index in range(begin + 1, end)
        if folded.span(index - 1, index)[1] != folded.span(index, index + 1)[0]
    ]
    return list(zip([begin, *cuts], [*cuts, end], strict=True))


def _cut(begin: int, lengths: tuple[int, ...]) -> list[tuple[int, int]]:
    parts = []
    for length in lengths:
        parts.append((begin, begin + length))
        begin += length
    return parts


@lru_cache(maxsize=4096)
def split_syllables(letters: str) -> tuple[int, ...] | None:
    """Give the lengths of the fewest syllables that make up `letters`, or None."""
    if len(letters) > 64:
        return None
    known = _symbols()
    best: list[tuple[int, ...] | None] = [()]
    for end in range(1, len(letters) + 1):
        choices = [
            (*before, end - start)
            for start in range(max(0, end - _LONGEST_SYLLABLE), end)
            if (before := best[start]) is not None and letters[start:end] in known
        ]
        best.append(min(choices, key=len, default=None))
    return best[-1]


@cache
def _words_read_otherwise() -> dict[str, tuple[str, ...]]:
    """Words of two to four characters in which some character has not its usual reading (银行)."""
    found: dict[str, tuple[str, ...]] = {}
    for word, readings in phrases_dict.items():
        if not 2 <= len(word) == len(readings) <= 4:
            continue
        inside = tuple(_plain(reading[0]) for reading in readings)
        usual = (_readings(character)[:1] for character in word)
        if any((reading,) != first for reading, first in zip(inside, usual, strict=True)):
            found[word] = inside
    return found


def spellings(folded: str) -> tuple[str, ...]:
    """Write a folded term down in sound: usual readings and readings inside words, at most 16 ways."""
    usual = folded.translate(_TABLE)
    choices = [{symbol: None} for symbol in usual]
    words, symbols = _words_read_otherwise(), _symbols()
    for start in range(len(folded) - 1):
        for end in range(start + 2, min(start + 4, len(folded)) + 1):
            for offset, reading in enumerate(words.get(folded[start:end], ())):
                if reading in symbols:
                    choices[start + offset][symbols[reading]] = None
    if all(len(choice) == 1 for choice in choices):
        return (usual,)
    return tuple("".join(choice) for choice in islice(product(*choices), _MOST_READINGS))


def count_syllables(sounds: str) -> int:
    """How many of the symbols are syllables."""
    return sum(_FIRST_SYMBOL <= ord(symbol) < _FIRST_SYMBOL + len(syllables()) for symbol in sounds)


def initials(sounds: str) -> str | None:
    """The first letters of the syllables (weixin: wx), or None if the term is not only syllables."""
    names = syllables()
    letters = [
        names[ord(symbol) - _FIRST_SYMBOL][0]
        for symbol in sounds
        if _FIRST_SYMBOL <= ord(symbol) < _FIRST_SYMBOL + len(names)
    ]
    return "".join(letters) if len(letters) == len(sounds) else None
