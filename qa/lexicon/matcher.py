"""Search a text for the terms of the packs, by characters and by sound."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from qa.lexicon import phonetic
from qa.lexicon.automaton import Automaton, Entry
from qa.lexicon.candidates import (
    Candidate,
    by_characters,
    by_initials,
    by_repeats,
    by_sound,
    cuts_a_word,
    excused,
    resolve,
)
from qa.lexicon.model import Context, Hit, Pack, Scene, Speaker, Term
from qa.lexicon.normalise import Folded, fold, fold_repeats

_REPEAT = re.compile(r"(\D)\1")
_RUN = re.compile(r"(\D)\1+")
_LATIN_RUN = re.compile(r"[a-z]{3,}")


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """What counts as the same. Defaults are for words that a recogniser wrote and staff typed."""

    pinyin: bool = True
    pinyin_syllables: int = 3
    """Fewest syllables of a term that is matched by sound alone; a term may say otherwise."""
    latin_syllables: int = 2
    """Fewest syllables where part of them is written in Latin letters."""
    fuzzy: bool = False
    """Take zh/z ch/c sh/s, n/l and ng/n as one: for strong accents; more false hits."""
    initials: bool = False
    """Match first letters (jwx for 加微信): many false hits."""
    repeats: bool = True
    widest_gap: int = 6
    """Most skipped characters between two characters of a term."""


class Lexicon:
    """Compiled packs. Immutable; may be used by several threads."""

    def __init__(self, packs: Sequence[Pack], options: MatchOptions | None = None) -> None:
        self.packs = tuple(packs)
        self.options = options or MatchOptions()
        self._terms: list[Term] = []
        self._contexts: list[Context] = []
        characters: list[Entry] = []
        for pack in packs:
            for term in pack.terms:
                characters.extend(_entries(len(self._terms), term))
                self._terms.append(term)
                self._contexts.append(pack.context)
        self._characters = Automaton(characters)
        self._squeezed = Automaton(_squeezed(characters)) if self.options.repeats else None
        spoken = list(self._spoken(characters)) if self.options.pinyin else []
        self._sounds = Automaton(spoken) if spoken else None
        self._merged = Automaton(map(_merged, spoken)) if spoken and self.options.fuzzy else None
        self._initials = _initials(spoken) if self.options.initials else {}

    @property
    def version(self) -> str:
        """The versions of all packs, in one line."""
        return ",".join(f"{pack.id}@{pack.version}" for pack in self.packs)

    @property
    def terms(self) -> tuple[Term, ...]:
        return tuple(self._terms)

    def find(self, text: str, speaker: Speaker = Speaker.ANY, scene: Scene = Scene.ANY) -> tuple[Hit, ...]:
        """Give the hits in `text`, in order, none overlapping another; offsets are the original's."""
        folded = fold(text)
        allowed: dict[int, list[tuple[int, int]]] = {}
        candidates = self._candidates(folded, allowed)
        if not candidates:
            return ()
        found = [
            candidate
            for number, candidate in candidates
            if candidate.term.applies(speaker, scene)
            and not excused(candidate, folded, self._contexts[number], allowed.get(number, ()))
        ]
        return resolve(found) if found else ()

    def _candidates(
        self, folded: Folded, allowed: dict[int, list[tuple[int, int]]]
    ) -> list[tuple[int, Candidate]]:
        """Collect matches of every kind; spans of allowing contexts are put into `allowed`."""
        found: list[tuple[int, Candidate]] = []
        for entry, begin, end in self._characters.entries(folded.text):
            if not self._stands(folded, begin, end):
                continue
            if entry.allow:
                allowed.setdefault(entry.term, []).append(folded.span(begin, end))
            else:
                term = self._terms[entry.term]
                found.append((entry.term, by_characters(term, entry, folded, begin, end)))
        if self._squeezed is not None and _REPEAT.search(folded.text):
            found.extend(self._repeated(folded))
        if self._sounds is not None:
            # In most texts there is nothing to hear: then no generator is set up either.
            sounds = phonetic.sounds_of(folded)
            if self._heard(sounds):
                found.extend(self._sounding(folded, folded.rewritten(sounds), frozenset(), allowed))
            if phonetic.has_latin(folded):
                found.extend(self._in_latin(folded, allowed))
        return found

    def _stands(self, stream: Folded, begin: int, end: int) -> bool:
        return stream.widest_gap(begin, end) <= self.options.widest_gap and not cuts_a_word(
            stream, begin, end
        )

    def _repeated(self, folded: Folded) -> Iterator[tuple[int, Candidate]]:
        if self._squeezed is None or not self._squeezed.find(_RUN.sub(r"\1", folded.text)):
            return
        squeezed = fold_repeats(folded)
        if squeezed is None:
            return
        stream, counts = squeezed
        for entry, begin, end in self._squeezed.entries(stream.text):
            runs = counts[begin:end]
            enough = all(run >= needed for run, needed in zip(runs, entry.counts, strict=True))
            if enough and runs != entry.counts and self._stands(stream, begin, end):
                yield entry.term, by_repeats(self._terms[entry.term], stream, begin, end)

    def _in_latin(
        self, folded: Folded, allowed: dict[int, list[tuple[int, int]]]
    ) -> Iterator[tuple[int, Candidate]]:
        stream, latin = phonetic.with_latin_read(folded)
        if latin and self._heard(stream.text):
            yield from self._sounding(folded, stream, latin, allowed)
        yield from self._first_letters(folded)

    def _heard(self, sounds: str) -> bool:
        """Tell whether there is anything to look at; in most texts there is not."""
        if self._sounds is not None and self._sounds.find(sounds):
            return True
        return self._merged is not None and bool(self._merged.find(phonetic.merge(sounds)))

    def _sounding(
        self,
        folded: Folded,
        stream: Folded,
        latin: frozenset[int],
        allowed: dict[int, list[tuple[int, int]]],
    ) -> Iterator[tuple[int, Candidate]]:
        for automaton, text, fuzzy in (
            (self._sounds, stream.text, False),
            (self._merged, phonetic.merge(stream.text) if self._merged else "", True),
        ):
            if automaton is None:
                continue
            for entry, begin, end in automaton.entries(text):
                read = any(begin <= position < end for position in latin)
                if not self._loud_enough(entry, read=read) or not self._stands(stream, begin, end):
                    continue
                if entry.allow:
                    allowed.setdefault(entry.term, []).append(stream.span(begin, end))
                    continue
                if latin and not read:
                    continue  # the stream without Latin readings has it already
                same = 0.0 if read else _same(entry.written, folded.text[begin:end])
                if same < 1.0:
                    term = self._terms[entry.term]
                    yield (
                        entry.term,
                        by_sound(term, stream, begin, end, same=same, latin=read, fuzzy=fuzzy),
                    )

    def _loud_enough(self, entry: Entry, *, read: bool) -> bool:
        """Whether the term has syllables enough to be known by sound."""
        wish = self._terms[entry.term].pinyin
        if wish is not None:
            return wish
        count = phonetic.count_syllables(entry.pattern)
        return count >= (self.options.latin_syllables if read else self.options.pinyin_syllables)

    def _first_letters(self, folded: Folded) -> Iterator[tuple[int, Candidate]]:
        for run in _LATIN_RUN.finditer(folded.text) if self._initials else ():
            for number in self._initials.get(run.group(), ()):
                yield number, by_initials(self._terms[number], folded, run.start(), run.end())

    def _spoken(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        fewest = min(self.options.latin_syllables, self.options.pinyin_syllables)
        for entry in entries:
            wish = self._terms[entry.term].pinyin
            for sounds in phonetic.spellings(entry.pattern):
                count = phonetic.count_syllables(sounds)
                if wish is not False and count >= (2 if wish else fewest):
                    yield Entry(entry.term, sounds, entry.pattern, allow=entry.allow)


def _entries(number: int, term: Term) -> Iterator[Entry]:
    for texts, allow in ((term.texts, False), (term.unless, True)):
        for written in texts:
            pattern = fold(written).text
            if pattern:
                yield Entry(number, pattern, written, allow=allow)


def _squeezed(entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        if entry.allow:
            continue
        folded = Folded(entry.pattern, entry.pattern)
        stream, counts = fold_repeats(folded) or (folded, (1,) * len(entry.pattern))
        yield Entry(entry.term, stream.text, entry.written, counts)


def _merged(entry: Entry) -> Entry:
    return Entry(entry.term, phonetic.merge(entry.pattern), entry.written, allow=entry.allow)


def _initials(spoken: Iterable[Entry]) -> dict[str, set[int]]:
    table: dict[str, set[int]] = {}
    for entry in spoken:
        letters = phonetic.initials(entry.pattern)
        if letters is not None and not entry.allow:
            table.setdefault(letters, set()).add(entry.term)
    return table


def _same(one: str, other: str) -> float:
    """Share of places at which two folded texts of the same length agree."""
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
