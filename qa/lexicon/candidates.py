"""From raw matches to hits: confidence, edges of Latin words, contexts, and overlaps."""

from collections.abc import Iterable
from dataclasses import dataclass

from qa.lexicon.automaton import Entry
from qa.lexicon.model import Context, Hit, MatchedBy, Term
from qa.lexicon.normalise import BARRIER, Folded

SURE = 0.6
"""Below this a hit is only suspected."""

_CONFIDENCE = {
    MatchedBy.EXACT: 1.0,
    MatchedBy.FOLDED: 0.95,
    MatchedBy.REPEATED: 0.9,
    MatchedBy.INSERTED: 0.85,
    MatchedBy.PINYIN_LATIN: 0.8,
    MatchedBy.INITIALS: 0.4,
}
_FUZZY_PENALTY = 0.15


@dataclass(frozen=True, slots=True)
class Candidate:
    """A match in one folded writing of the text, before contexts and overlaps are looked at."""

    term: Term
    stream: Folded
    begin: int
    end: int
    matched_by: MatchedBy
    confidence: float

    @property
    def original(self) -> tuple[int, int]:
        return self.stream.span(self.begin, self.end)

    def clause(self, folded: Folded) -> tuple[str, str]:
        """Give what stands before and after the match in its clause, in folded characters."""
        begin, end = self.original
        first, last = folded.index(begin), folded.index(end)
        text = folded.text
        start = text.rfind(BARRIER, 0, first) + 1
        stop = text.find(BARRIER, last)
        return text[start:first], text[last : stop if stop >= 0 else len(text)]

    def hit(self) -> Hit:
        begin, end = self.original
        return Hit(
            self.term,
            begin,
            end,
            self.stream.original[begin:end],
            self.matched_by,
            round(self.confidence, 2),
        )


def by_characters(term: Term, entry: Entry, stream: Folded, begin: int, end: int) -> Candidate:
    """Say how a character match was disguised."""
    start, stop = stream.span(begin, end)
    if stream.original[start:stop] == entry.written:
        how = MatchedBy.EXACT
    elif stop - start == end - begin:
        how = MatchedBy.FOLDED
    else:
        how = MatchedBy.INSERTED
    return Candidate(term, stream, begin, end, how, _CONFIDENCE[how])


def by_repeats(term: Term, stream: Folded, begin: int, end: int) -> Candidate:
    return Candidate(term, stream, begin, end, MatchedBy.REPEATED, _CONFIDENCE[MatchedBy.REPEATED])


def by_sound(
    term: Term, stream: Folded, begin: int, end: int, *, same: float, latin: bool, fuzzy: bool
) -> Candidate:
    """Judge a match by sound: long terms and terms that share characters with the text are surer."""
    how = MatchedBy.PINYIN_FUZZY if fuzzy else MatchedBy.PINYIN_LATIN if latin else MatchedBy.PINYIN
    length = end - begin
    if how is MatchedBy.PINYIN_LATIN:
        confidence = _CONFIDENCE[how]
    else:
        confidence = min(0.9, 0.5 + 0.35 * same + 0.04 * min(length - 2, 4))
    return Candidate(term, stream, begin, end, how, confidence - (_FUZZY_PENALTY if fuzzy else 0.0))


def by_initials(term: Term, stream: Folded, begin: int, end: int) -> Candidate:
    return Candidate(term, stream, begin, end, MatchedBy.INITIALS, _CONFIDENCE[MatchedBy.INITIALS])


def cuts_a_word(stream: Folded, begin: int, end: int) -> bool:
    """Whether a match begins or ends inside a Latin word or a number: sb in usb, 69 in 695."""
    return _joined(stream, begin - 1, begin) or _joined(stream, end - 1, end)


def _joined(stream: Folded, left: int, right: int) -> bool:
    if left < 0 or right >= len(stream.text):
        return False
    left_begin, left_end = stream.span(left, left + 1)
    right_begin, right_end = stream.span(right, right + 1)
    if left_end < right_begin:
        return False
    before, after = stream.original[left_begin:left_end], stream.original[right_begin:right_end]
    if before.isdigit() and after.isdigit():
        return True
    return _is_letter(stream.text[left]) and _is_letter(stream.text[right])


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def excused(
    candidate: Candidate, folded: Folded, context: Context, allowed: Iterable[tuple[int, int]]
) -> bool:
    """Whether the words around a match say that it is none."""
    begin, end = candidate.original
    if any(start <= begin and end <= stop for start, stop in allowed):
        return True
    return context.denies(*candidate.clause(folded))


def resolve(candidates: Iterable[Candidate]) -> tuple[Hit, ...]:
    """Keep hits that do not overlap: sure before suspected, then the more severe, then the longer."""
    ordered = sorted(
        candidates,
        key=lambda item: (
            item.confidence < SURE,
            -item.term.severity.rank,
            item.begin - item.end,
            -item.confidence,
            item.original[0],
            item.term.id,
        ),
    )
    kept: list[Hit] = []
    for candidate in ordered:
        begin, end = candidate.original
        if all(end <= hit.begin or hit.end <= begin for hit in kept):
            kept.append(candidate.hit())
    return tuple(sorted(kept, key=lambda hit: hit.begin))
