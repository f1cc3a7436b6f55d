"""Cuts sentences where findings begin and end, so that the words can be marked inside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from qa.inspection.views import FindingView, SentenceView
from qa.lexicon.model import Severity


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a sentence and the findings that cover them; none for plain words."""

    text: str
    findings: tuple[FindingView, ...]

    @property
    def worst(self) -> FindingView | None:
        return max(self.findings, key=lambda found: Severity(found.severity).rank, default=None)


@dataclass(frozen=True, slots=True)
class Turn:
    """One sentence with its pieces."""

    sentence: SentenceView
    pieces: tuple[Piece, ...]


def turns(sentences: Sequence[SentenceView], findings: Sequence[FindingView]) -> tuple[Turn, ...]:
    """Put the findings into their sentences."""
    by_sentence: dict[int, list[FindingView]] = {}
    for found in findings:
        if found.sentence_index is not None:
            by_sentence.setdefault(found.sentence_index, []).append(found)
    return tuple(
        Turn(sentence, pieces(sentence.text, by_sentence.get(sentence.index, ()))) for sentence in sentences
    )


def pieces(text: str, findings: Sequence[FindingView]) -> tuple[Piece, ...]:
    """Cut `text` at every edge of a finding. Offsets beyond the text (an erased one) are cut off."""
    edges = {0, len(text)}
    for found in findings:
        edges |= {min(found.char_begin, len(text)), min(found.char_end, len(text))}
    cuts = sorted(edges)
    return tuple(
        Piece(
            text[begin:end],
            tuple(found for found in findings if found.char_begin < end and begin < found.char_end),
        )
        for begin, end in pairwise(cuts)
    )
