"""Template texts for people: which variables a text has, what it reads like filled in, what changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from gateway.messages.rulefile import Wording
from gateway.messages.templating import Variable, VariableKind, fill, names_in

_TOLD_BY_NAME = (
    (VariableKind.AMOUNT, ("amount", "money", "sum", "fee", "balance")),
    (VariableKind.DATE, ("date", "due", "until")),
    (VariableKind.LAST_FOUR, ("last_four", "tail")),
    (VariableKind.COUNT, ("count", "days", "number", "times")),
)
_EXAMPLES = {
    VariableKind.TEXT: "示例",
    VariableKind.AMOUNT: "1,250.00",
    VariableKind.DATE: "2026-12-31",
    VariableKind.COUNT: "3",
    VariableKind.LAST_FOUR: "6789",
}


class Change(StrEnum):
    SAME = "same"
    ADDED = "added"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text and what became of it."""

    change: Change
    text: str


def variables_in(text: str, wording: Wording, chosen: Mapping[str, VariableKind]) -> tuple[Variable, ...]:
    """Give the variables that a sender fills, with the kind that was chosen or that the name suggests."""
    names = [name for name in names_in(text) if name not in wording.house_variables]
    return tuple(Variable(name, chosen.get(name) or suggested(name)) for name in names)


def suggested(name: str) -> VariableKind:
    """Guess a kind by a variable's name."""
    for kind, words in _TOLD_BY_NAME:
        if any(word in name for word in words):
            return kind
    return VariableKind.TEXT


def example(text: str, variables: tuple[Variable, ...], *, institution: str, wording: Wording) -> str:
    """Fill a text with values of the right form, so that one sees what a customer would read."""
    house = {
        "institution": institution,
        "opt_out": wording.opt_out_note.zh,
        "customer_name": "张**",
        "line_number": "010 8888 6666",
        "chat_link": "https://…/c/…",
    }
    values = {variable.name: _EXAMPLES[variable.kind] for variable in variables}
    known = {**dict.fromkeys(names_in(text), "—"), **house, **values}
    return fill(text, known)


def difference(old: str, new: str) -> list[Piece]:
    """Say what was taken out of `old` and added in `new`, in the order of reading."""
    pieces: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Piece(Change.SAME, old[a:b]))
            continue
        if a < b:
            pieces.append(Piece(Change.TAKEN, old[a:b]))
        if c < d:
            pieces.append(Piece(Change.ADDED, new[c:d]))
    return pieces
