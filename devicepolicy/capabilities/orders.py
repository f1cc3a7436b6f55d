"""Which of two values of a setting is the stricter one. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from core.ledger.record import JSON
from devicepolicy.canonical import canonical_bytes

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")


class Order(Protocol):
    """An order of strictness. Values are those of a checked document, in normal form."""

    def normal(self, value: JSON) -> JSON:
        """Give the one form of values that mean the same."""

    def strictest(self, one: JSON, other: JSON) -> JSON:
        """Give the value that is at least as strict as both; `other` is of the closer layer."""

    def holds(self, value: JSON, asked: JSON) -> bool:
        """Say whether `value` is at least as strict as `asked`."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A boolean of which one value is strict."""

    strict: bool

    def normal(self, value: JSON) -> JSON:
        return value

    def strictest(self, one: JSON, other: JSON) -> JSON:
        return one if one is self.strict else other

    def holds(self, value: JSON, asked: JSON) -> bool:
        return value is self.strict or asked is not self.strict


@dataclass(frozen=True, slots=True)
class Ladder:
    """Named values from the laxest to the strictest."""

    values: tuple[str, ...]

    def normal(self, value: JSON) -> JSON:
        return value

    def strictest(self, one: JSON, other: JSON) -> JSON:
        return max(one, other, key=self._rung)

    def holds(self, value: JSON, asked: JSON) -> bool:
        return self._rung(value) >= self._rung(asked)

    def _rung(self, value: JSON) -> int:
        return self.values.index(str(value))


@dataclass(frozen=True, slots=True)
class Number:
    """A figure (also as AMAPI's decimal text or duration), of which the larger or the smaller is stricter."""

    larger: bool
    zero_is_none: bool = False

    def normal(self, value: JSON) -> JSON:
        return value

    def strictest(self, one: JSON, other: JSON) -> JSON:
        return max(one, other, key=self._weight)

    def holds(self, value: JSON, asked: JSON) -> bool:
        return self._weight(value) >= self._weight(asked)

    def _weight(self, value: JSON) -> float:
        figure = float(str(value).removesuffix("s"))
        if self.zero_is_none and figure == 0:
            return float("-inf")
        return figure if self.larger else -figure


@dataclass(frozen=True, slots=True)
class Names:
    """A list as a set: one that forbids grows, one that permits shrinks."""

    forbids: bool

    def normal(self, value: JSON) -> JSON:
        return list[JSON](sorted(_names(value)))

    def strictest(self, one: JSON, other: JSON) -> JSON:
        mine, theirs = _names(one), _names(other)
        return list[JSON](sorted(mine | theirs if self.forbids else mine & theirs))

    def holds(self, value: JSON, asked: JSON) -> bool:
        mine, theirs = _names(value), _names(asked)
        return mine >= theirs if self.forbids else mine <= theirs


@dataclass(frozen=True, slots=True)
class Windows:
    """Weekly windows in which something is permitted: what all of them permit. Empty means never."""

    def normal(self, value: JSON) -> JSON:
        return _windows(_spans(value))

    def strictest(self, one: JSON, other: JSON) -> JSON:
        mine, theirs = _spans(one), _spans(other)
        return _windows(
            [
                (max(start, begin), min(end, stop))
                for start, end in mine
                for begin, stop in theirs
                if max(start, begin) < min(end, stop)
            ]
        )

    def holds(self, value: JSON, asked: JSON) -> bool:
        return self.strictest(value, asked) == self.normal(value)


@dataclass(frozen=True, slots=True)
class Places:
    """Groups of places: the phone must be at one place of each group, so more groups are stricter."""

    def normal(self, value: JSON) -> JSON:
        return self.strictest(value, [])

    def strictest(self, one: JSON, other: JSON) -> JSON:
        groups: dict[bytes, JSON] = {}
        for group in (*_items(one), *_items(other)):
            places = sorted(_items(group["anyOf"]), key=canonical_bytes)
            made: JSON = {"anyOf": places}
            groups[canonical_bytes(made)] = made
        return [groups[key] for key in sorted(groups)]

    def holds(self, value: JSON, asked: JSON) -> bool:
        mine = {canonical_bytes(group) for group in _items(self.normal(value))}
        return mine >= {canonical_bytes(group) for group in _items(self.normal(asked))}


@dataclass(frozen=True, slots=True)
class Closest:
    """No question of strictness: the layer closest to the device decides."""

    def normal(self, value: JSON) -> JSON:
        return value

    def strictest(self, one: JSON, other: JSON) -> JSON:  # noqa: ARG002 - the closer one decides
        return other

    def holds(self, value: JSON, asked: JSON) -> bool:  # noqa: ARG002 - none is stricter
        return True


def read_order(told: str | Mapping[str, Any]) -> Order:
    """Make an order of what the table says; raise `ValueError` for a word that is none."""
    if isinstance(told, str):
        told = {told: {}}
    if len(told) != 1:
        raise ValueError(f"an order is one word: {sorted(told)}")
    ((word, what),) = told.items()
    make = _WORDS.get(word)
    if make is None:
        raise ValueError(f"{word!r} is not an order")
    return make(what)


_WORDS: Mapping[str, Callable[[Any], Order]] = {
    "flag": lambda what: Flag(bool(what)),
    "ladder": lambda what: Ladder(tuple(what)),
    "most": lambda _: Number(larger=True),
    "least": lambda what: Number(larger=False, zero_is_none=(what or {}).get("zero") == "none"),
    "union": lambda _: Names(forbids=True),
    "common": lambda _: Names(forbids=False),
    "windows": lambda _: Windows(),
    "places": lambda _: Places(),
    "closest": lambda _: Closest(),
}


def _items(value: JSON) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _names(value: JSON) -> set[str]:
    return {str(item) for item in _items(value)}


def _spans(value: JSON) -> list[tuple[int, int]]:
    """Give windows as spans of minutes of the week, in order, those that touch within a day made one."""
    made: list[tuple[int, int]] = []
    for start, end in sorted(
        (
            _DAYS.index(one["day"]) * 1440 + one["startMinutes"],
            _DAYS.index(one["day"]) * 1440 + one["endMinutes"],
        )
        for one in _items(value)
    ):
        if made and start <= made[-1][1] and start // 1440 == made[-1][0] // 1440:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((start, end))
    return made


def _windows(spans: Sequence[tuple[int, int]]) -> JSON:
    """Give spans as windows; none spans midnight."""
    return [
        {"day": _DAYS[start // 1440], "startMinutes": start % 1440, "endMinutes": end - start // 1440 * 1440}
        for start, end in spans
    ]
