"""A document as a flat list of settings, and back; the hash of a setting. Pure.

A setting is what has a row in the capability table, e.g. `cameraAccess` or
`applications[com.tencent.mm].installType`.
Lists whose items have a key (`CapabilityTable.lists`) are taken apart by it, so their order says nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from core.ledger.record import JSON
from devicepolicy.canonical import sha256_of
from devicepolicy.capabilities.paths import Step, steps_of
from devicepolicy.capabilities.table import CapabilityTable


def setting_sha256(name: str, value: JSON) -> str:
    """Give the hash of one setting: of its name and value only, so that no other setting can change it."""
    return sha256_of([name, value])


def flatten(document: Mapping[str, JSON], table: CapabilityTable) -> dict[str, JSON]:
    """Give the settings of a checked document, in normal form, ordered by name."""
    return dict(sorted(_below(document, "", "", table)))


def assemble(settings: Mapping[str, JSON], table: CapabilityTable) -> dict[str, JSON]:
    """Give the one document that has these settings: keys and keyed lists in order."""
    root: dict[str, Any] = {}
    for name in sorted(settings):
        place = root
        steps = steps_of(name)
        for depth, step in enumerate(steps[:-1]):
            place = _descend(place, step, _pattern(steps[: depth + 1]), table)
        place[steps[-1].field] = settings[name]
    return root


def _below(value: JSON, name: str, pattern: str, table: CapabilityTable) -> Iterator[tuple[str, JSON]]:
    row = table.rows.get(pattern)
    if row is not None:
        yield name, row.order.normal(value)
    elif isinstance(value, Mapping):
        for field, inner in value.items():
            dot = "." if name else ""
            yield from _below(inner, f"{name}{dot}{field}", f"{pattern}{dot}{field}", table)
    elif isinstance(value, list | tuple) and pattern in table.lists:
        key = table.lists[pattern]
        for item in value:
            if isinstance(item, Mapping):
                rest = {field: inner for field, inner in item.items() if field != key}
                yield from _below(rest, f"{name}[{item[key]}]", f"{pattern}[]", table)


def _descend(place: dict[str, Any], step: Step, pattern: str, table: CapabilityTable) -> dict[str, Any]:
    if step.key is None:
        inner: dict[str, Any] = place.setdefault(step.field, {})
        return inner
    items: list[dict[str, Any]] = place.setdefault(step.field, [])
    key = table.lists[pattern.removesuffix("[]")]
    for item in items:
        if item[key] == step.key:
            return item
    items.append({key: step.key})
    items.sort(key=lambda item: str(item[key]))
    return next(item for item in items if item[key] == step.key)


def _pattern(steps: tuple[Step, ...]) -> str:
    return ".".join(step.field if step.key is None else f"{step.field}[]" for step in steps)
