"""What a recogniser wrote, made readable: simplified characters, Chinese marks, one sentence at a time."""

import re
from functools import cache

from opencc import OpenCC

from qa.speech.engine import Segment, Word

_HAN = r"[\u3400-\u9fff]"
_WIDE = str.maketrans(",?!;:", "，？！；：")
_MARK_BY_HAN = re.compile(rf"(?<={_HAN})[,?!;:]|[,?!;:](?=\s?{_HAN})")
_STOP_BY_HAN = re.compile(rf"(?<={_HAN})\.(?![\w.])")
_SPACE_BETWEEN_HAN = re.compile(rf"(?<={_HAN}) (?={_HAN})")
_SAYS_SOMETHING = re.compile(r"\w")
_END = frozenset("。？！!?；…")
_CLAUSE = frozenset("，,、：")


@cache
def _converter() -> OpenCC:
    return OpenCC("t2s")


def fold(text: str) -> str:
    """Fold traditional characters to simplified ones, character by character if phrases change the length."""
    folded: str = _converter().convert(text)
    if len(folded) == len(text):
        return folded
    return "".join(_one(character) for character in text)


def _one(character: str) -> str:
    converted: str = _converter().convert(character)
    return converted if len(converted) == 1 else character


def tidy(text: str) -> str:
    """Fold, and put Chinese marks where the model set Latin ones or a bare space; keeps the length."""
    text = _MARK_BY_HAN.sub(lambda hit: hit.group().translate(_WIDE), fold(text))
    text = _STOP_BY_HAN.sub("。", text)
    return _SPACE_BETWEEN_HAN.sub("，", text)


def tidy_segment(segment: Segment) -> Segment:
    """Tidy a segment and its words alike, so that the words joined are still the text."""
    if not segment.words:
        return Segment(segment.begin_ms, segment.end_ms, tidy(segment.text.strip()), segment.confidence)
    text = tidy("".join(word.text for word in segment.words))
    words, at = [], 0
    for word in segment.words:
        part = text[at : at + len(word.text)]
        at += len(word.text)
        words.append(Word(word.begin_ms, word.end_ms, part, word.confidence))
    return Segment(segment.begin_ms, segment.end_ms, text, segment.confidence, tuple(words))


def join_words(words: list[str]) -> list[str]:
    """Give each word the space that must stand before it: none between two Han characters."""
    joined: list[str] = []
    for word in words:
        glue = joined and not (re.match(_HAN, word) and re.search(rf"{_HAN}$", joined[-1]))
        joined.append(f" {word}" if glue else word)
    return joined


def split_sentences(segment: Segment, *, pause_ms: int = 800, long_ms: int = 10_000) -> list[Segment]:
    """Cut a segment into sentences: after a full stop, at a pause, and at a comma where it gets too long.

    Without word times it stays whole: a time would be invented. Parts that say nothing are left out.
    """
    if not segment.words:
        return [segment] if _SAYS_SOMETHING.search(segment.text) else []
    parts: list[list[Word]] = [[]]
    for word in segment.words:
        current = parts[-1]
        if current and _must_cut(current, word, pause_ms, long_ms):
            parts.append([word])
        else:
            current.append(word)
    return [sentence for part in parts if (sentence := _sentence(part)) is not None]


def _must_cut(current: list[Word], word: Word, pause_ms: int, long_ms: int) -> bool:
    before = current[-1].text.strip()[-1:]
    if not _SAYS_SOMETHING.search(word.text):
        return False  # a lone mark belongs to what it follows
    if before in _END or word.begin_ms - current[-1].end_ms >= pause_ms:
        return True
    return before in _CLAUSE and word.end_ms - current[0].begin_ms > long_ms


def _sentence(words: list[Word]) -> Segment | None:
    text = "".join(word.text for word in words).strip()
    text = re.sub(r"[，、]$", "。", text)  # cut at a pause
    spoken = [word for word in words if _SAYS_SOMETHING.search(word.text)]
    if not spoken:
        return None
    confidence = sum(word.confidence for word in spoken) / len(spoken)
    return Segment(spoken[0].begin_ms, spoken[-1].end_ms, text, round(confidence, 3), tuple(words))
