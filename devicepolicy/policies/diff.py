"""What differs between two sets of settings. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.ledger.record import JSON
from devicepolicy.capabilities.table import CapabilityTable


class Change(StrEnum):
    """What happened to a setting."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Direction(StrEnum):
    """Whether the change binds more or less."""

    STRICTER = "stricter"
    LAXER = "laxer"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that differs; `before` or `after` is None where it is absent (no value is null)."""

    setting: str
    change: Change
    direction: Direction
    before: JSON
    after: JSON


def diff(
    before: Mapping[str, JSON], after: Mapping[str, JSON], table: CapabilityTable
) -> tuple[Difference, ...]:
    """Give the differences ordered by setting. A statement that goes away is laxer, a new one stricter.

    Where the table says what holds without a statement, that decides instead.
    """
    made: list[Difference] = []
    for name in sorted({*before, *after}):
        if name not in before:
            made.append(
                Difference(name, Change.ADDED, _from_nothing(name, after[name], table), None, after[name])
            )
        elif name not in after:
            made.append(
                Difference(name, Change.REMOVED, _to_nothing(name, before[name], table), before[name], None)
            )
        elif before[name] != after[name]:
            way = _direction(name, before[name], after[name], table)
            made.append(Difference(name, Change.CHANGED, way, before[name], after[name]))
    return tuple(made)


def _from_nothing(name: str, after: JSON, table: CapabilityTable) -> Direction:
    row = table.of(name)
    if row is None or row.unset is None:
        return Direction.STRICTER
    return _direction(name, row.unset, after, table)


def _to_nothing(name: str, before: JSON, table: CapabilityTable) -> Direction:
    row = table.of(name)
    if row is None or row.unset is None:
        return Direction.LAXER
    return _direction(name, before, row.unset, table)


def _direction(name: str, before: JSON, after: JSON, table: CapabilityTable) -> Direction:
    row = table.of(name)
    if row is None:
        return Direction.DIFFERENT
    stricter, laxer = row.order.holds(after, before), row.order.holds(before, after)
    if stricter == laxer:
        return Direction.DIFFERENT
    return Direction.STRICTER if stricter else Direction.LAXER
