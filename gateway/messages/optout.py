"""Tells whether a customer's message ends contacts. Pure; the words are versioned data."""

import unicodedata
from dataclasses import dataclass

from gateway.messages.rulefile import OptOutWords

MAX_CONTAINS = 60
"""A longer message is a letter: a word somewhere in it is not taken for a refusal by itself."""


@dataclass(frozen=True, slots=True)
class OptOut:
    """The word that did it and the version of the list."""

    word: str
    rules_version: str


def find_opt_out(text: str, words: OptOutWords) -> OptOut | None:
    """Find the opt-out word of a message, or None."""
    squeezed = _squeeze(text)
    for word in words.whole:
        if squeezed == _squeeze(word):
            return OptOut(word, words.label)
    if len(squeezed) > MAX_CONTAINS:
        return None
    rest = squeezed
    for exception in words.unless:
        rest = rest.replace(_squeeze(exception), "\n")
    for word in words.contains:
        if _squeeze(word) in rest:
            return OptOut(word, words.label)
    return None


def _squeeze(text: str) -> str:
    """Fold width and case and keep letters and digits only: `ｔ d！` and `TD` are one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LN")
