"""Checks a policy document: names, types, enums, what is deprecated, and rules between fields. Pure.

Absent means *no statement* (AMAPI's own defaults do not apply), so `…_UNSPECIFIED` is refused: leave it out.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from core.ledger.record import JSON
from devicepolicy.canonical import canonical_bytes
from devicepolicy.capabilities.paths import KEY
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.policies.errors import DocumentInvalid, Fault
from devicepolicy.policies.rules import rule_faults
from devicepolicy.policies.schema import ROOT, FieldSchema, Schemas
from devicepolicy.policies.settings import assemble, flatten
from devicepolicy.policies.values import PACKAGE, value_faults

MAX_BYTES = 256 * 1024
MAX_FAULTS = 50


class Documents:
    """Checks documents against schemas and the capability table."""

    def __init__(self, schemas: Schemas, table: CapabilityTable) -> None:
        self._schemas = schemas
        self._table = table

    def faults(self, document: Mapping[str, JSON]) -> tuple[Fault, ...]:
        """Give what is wrong, in the order of the document; at most 50."""
        try:
            if len(canonical_bytes(document)) > MAX_BYTES:
                return (Fault("$", "too-large", "策略文档过大。", "The document is too large."),)
        except ValueError:
            zh, en = (
                "含有无法规范化的内容（整数超出 2^53 等）。",
                "Something has no canonical form (integer > 2^53?).",
            )
            return (Fault("$", "not-canonical", zh, en),)
        found = list(self._object(document, ROOT, "$", ""))
        if not found:
            found = list(rule_faults(document, self._table))
        return tuple(found[:MAX_FAULTS])

    def normal(self, document: Mapping[str, JSON]) -> dict[str, JSON]:
        """Check a document and give it in normal form; raise `DocumentInvalid`."""
        faults = self.faults(document)
        if faults:
            raise DocumentInvalid(faults)
        return assemble(self.settings(document), self._table)

    def settings(self, document: Mapping[str, JSON]) -> dict[str, JSON]:
        """Give the settings of a document that was checked."""
        return flatten(document, self._table)

    def _object(self, value: JSON, of: str, path: str, pattern: str) -> Iterator[Fault]:
        if not isinstance(value, Mapping):
            yield Fault(path, "type", "应为对象。", "This must be an object.")
            return
        fields = self._schemas.fields(of)
        for name, inner in value.items():
            here = f"{path}.{name[:60]}"
            field = fields.get(name)
            below = f"{pattern}.{name}" if pattern else name
            if field is None:
                yield _unknown(here, name, tuple(fields))
            elif field.deprecated:
                hint = self._schemas.deprecated_fields[below]
                yield Fault(
                    here, "deprecated", f"该字段已弃用。{hint.zh}", f"This field is deprecated. {hint.en}"
                )
            elif below in self._table.rows:
                yield from value_faults(inner, field, here, self._schemas)
            elif self._table.leads_on(below):
                yield from self._branch(inner, field, here, below)
            else:
                zh, en = (
                    "AMAPI 有此字段，但本系统不支持。",
                    "AMAPI knows this field, but it is not supported here.",
                )
                yield Fault(here, "unsupported", zh, en)

    def _branch(self, value: JSON, field: FieldSchema, path: str, pattern: str) -> Iterator[Fault]:
        if field.type == "object":
            yield from self._object(value, field.of, path, pattern)
            return
        if not isinstance(value, list | tuple):
            yield Fault(path, "type", "应为数组。", "This must be an array.")
            return
        key, seen = self._table.lists[pattern], set[str]()
        of = field.items.of if field.items else ""
        for number, item in enumerate(value):
            here = f"{path}[{number}]"
            name = item.get(key) if isinstance(item, Mapping) else None
            if not isinstance(item, Mapping):
                yield Fault(here, "type", "应为对象。", "This must be an object.")
            elif not isinstance(name, str) or not self._key_fits(name, of, key):
                yield Fault(f"{here}.{key}", "key", f"{key} 缺失或无效。", f"{key} is missing or invalid.")
            elif name in seen:
                yield Fault(f"{here}.{key}", "duplicate", f"{key} 重复。", f"This {key} stands twice.")
            elif len(item) == 1:
                yield Fault(here, "empty", "没有任何设置。", "It says nothing.")
            else:
                seen.add(name)
                rest = {field: inner for field, inner in item.items() if field != key}
                yield from self._object(rest, of, here, f"{pattern}[]")

    def _key_fits(self, name: str, of: str, key: str) -> bool:
        field = self._schemas.fields(of)[key]
        if field.type == "enum":
            return name in field.values[1:] and name not in field.deprecated_values
        return bool((PACKAGE if key == "packageName" else KEY).fullmatch(name))


def _unknown(path: str, name: str, known: tuple[str, ...]) -> Fault:
    close = get_close_matches(name, known, n=1)
    zh = f"没有此字段。是否为 {close[0]}？" if close else "没有此字段。"
    en = f"There is no such field. Did you mean {close[0]}?" if close else "There is no such field."
    return Fault(path, "unknown", zh, en)
