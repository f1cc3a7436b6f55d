"""Take out what one side's microphone picked up of the other side.

Two people who talk at once are both kept. A sentence goes only if the other channel says the same at
the same time and far louder: then it is an echo, and would put words into the wrong mouth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from pypinyin import Style, lazy_pinyin

from qa.speech.engine import Sentence

MIN_LOUDER_DB = 12.0
"""An echo comes back weaker than that from any usable handset. Alone this would also catch a quiet
speaker; the words must be the same too."""

MAX_DELAY_MS = 600
MIN_LIKENESS = 0.6


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence and the level of its channel while it was said (dB relative to full scale)."""

    sentence: Sentence
    level_db: float


def _sound(text: str) -> list[str]:
    return lazy_pinyin([sign for sign in text if sign.isalnum()], style=Style.NORMAL)


def is_echo(candidate: Heard, other: Heard) -> bool:
    """Say whether `candidate` is `other`, heard again on the wrong channel."""
    quiet, loud = candidate.sentence, other.sentence
    if quiet.role is loud.role or other.level_db - candidate.level_db < MIN_LOUDER_DB:
        return False
    if quiet.begin_ms < loud.begin_ms - MAX_DELAY_MS or quiet.end_ms > loud.end_ms + MAX_DELAY_MS:
        return False
    said = _sound(quiet.text)
    matcher = SequenceMatcher(None, said, _sound(loud.text), autojunk=False)
    same = sum(block.size for block in matcher.get_matching_blocks())
    return bool(said) and same / len(said) >= MIN_LIKENESS


def without_echoes(heard: Sequence[Heard]) -> list[Sentence]:
    """Drop echoes; order is kept. `heard` is in the order of time."""
    kept = []
    for index, candidate in enumerate(heard):
        around = heard[max(0, index - 6) : index + 7]
        if not any(is_echo(candidate, other) for other in around if other is not candidate):
            kept.append(candidate.sentence)
    return kept
