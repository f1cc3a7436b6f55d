"""A finding's history: which ruling is in force, and which entries were taken back. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qa.review.model import Ruling, Step


class Entry(Protocol):
    """One entry, as `DecisionRow` has it."""

    @property
    def id(self) -> str: ...
    @property
    def step(self) -> str: ...


@dataclass(frozen=True, slots=True)
class InForce:
    """The ruling that holds, and the entry that says so."""

    ruling: Ruling
    decision_id: str


def in_force(entries: Sequence[Entry]) -> InForce | None:
    """Read the entries from first to last: each ruling supersedes the one before, an undo restores it."""
    standing: list[InForce] = []
    for entry in entries:
        if entry.step == Step.UNDO:
            standing.pop()
        else:
            standing.append(InForce(Ruling(entry.step), entry.id))
    return standing[-1] if standing else None
