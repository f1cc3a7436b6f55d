"""Cuts a text where findings begin and end, so that the words can be marked inside it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Cut:
    """Some words, and whether a finding covers them."""

    text: str
    marked: bool


def cuts(text: str, spans: Iterable[tuple[int, int]]) -> tuple[Cut, ...]:
    """Cut `text` at the edges of spans (begin, end exclusive; characters). What lies outside is ignored."""
    inside = [(begin, min(end, len(text))) for begin, end in spans if 0 <= begin < min(end, len(text))]
    edges = sorted({0, len(text), *(edge for span in inside for edge in span)})
    return tuple(
        Cut(text[begin:end], any(first <= begin and end <= last for first, last in inside))
        for begin, end in pairwise(edges)
    )
