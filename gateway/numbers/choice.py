"""Chooses a line: by city, by what the customer saw last, then by a seeded draw. Pure."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.numbers.model import CityMatch, DirectDial, Stickiness


@dataclass(frozen=True, slots=True)
class Candidate:
    """An active line without a live binding to this customer. `direct_free`: the employee may dial it."""

    line_id: str
    city: str
    direct_free: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What the binding asks for. `last_line_id`: the line that this customer saw last."""

    city: str | None
    city_match: CityMatch
    stickiness: Stickiness
    direct_dial: DirectDial
    last_line_id: str | None


class LineChooser:
    """Draws among equals with its own generator: the same seed and lines give the same choice."""

    def __init__(self, seed: int | None = None) -> None:
        self._seed = seed

    def rank(self, candidates: Iterable[Candidate], wish: Wish, *, draw: str = "") -> list[Candidate]:
        """Give the lines that fit, best first; `draw` (the customer's id) spreads the load.

        City strict drops other cities, loose puts them behind. Sticky puts the last line first; avoid_last
        puts it behind all others. The wish for direct dialling comes after both.
        """
        fitting = [candidate for candidate in candidates if _fits(candidate, wish)]
        # Not a secret: the draw only spreads load, and tests must be able to repeat it.
        generator = random.Random(f"{self._seed}/{draw}") if self._seed is not None else random.Random()  # noqa: S311
        ordered: Sequence[Candidate] = sorted(fitting, key=lambda candidate: candidate.line_id)
        shuffled = generator.sample(ordered, len(ordered))
        return sorted(shuffled, key=lambda candidate: _order(candidate, wish))


def _fits(candidate: Candidate, wish: Wish) -> bool:
    if wish.direct_dial is DirectDial.REQUIRED and not candidate.direct_free:
        return False
    return not (
        wish.city is not None and wish.city_match is CityMatch.STRICT and not _same(candidate.city, wish.city)
    )


def _order(candidate: Candidate, wish: Wish) -> tuple[bool, bool, bool]:
    last = candidate.line_id == wish.last_line_id
    memory = last if wish.stickiness is Stickiness.AVOID_LAST else False
    if wish.stickiness is Stickiness.STICKY:
        memory = not last
    elsewhere = (
        wish.city is not None
        and wish.city_match is not CityMatch.IGNORE
        and not _same(candidate.city, wish.city)
    )
    unfree = wish.direct_dial is DirectDial.PREFERRED and not candidate.direct_free
    return memory, elsewhere, unfree


def _same(one: str, other: str) -> bool:
    """Tell whether two names mean the same city: 北京 and 北京市 do."""
    return one.strip().casefold().removesuffix("市") == other.strip().casefold().removesuffix("市")
