"""Aho-Corasick over one kind of folded writing: patterns to the terms they stand for."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind


@dataclass(frozen=True, slots=True)
class Entry:
    """One pattern of one term. `allow` marks a context in which the term is no hit."""

    term: int
    pattern: str
    written: str
    counts: tuple[int, ...] = ()
    allow: bool = False


class Automaton:
    """Finds every occurrence of every pattern, overlapping ones too."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        by_pattern: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_pattern[entry.pattern].append(entry)
        self._entries = [tuple(group) for group in by_pattern.values()]
        search = AhoCorasick(
            list(by_pattern),
            matchkind=MatchKind.Standard,
            store_patterns=False,
            implementation=Implementation.ContiguousNFA,
        )
        self.find: Callable[[str], list[tuple[int, int, int]]] = partial(
            search.find_matches_as_indexes, overlapping=True
        )
        """Gives raw matches: pattern number, begin, end. A method's call would cost as much as the search."""

    def entries(self, text: str) -> Sequence[tuple[Entry, int, int]]:
        """Give each entry found with its span."""
        matches = self.find(text)
        if not matches:
            return ()
        return [(entry, begin, end) for number, begin, end in matches for entry in self._entries[number]]
