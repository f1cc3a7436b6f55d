"""A policy's document as the fields of a form, and back. Pure.

A field's name is the JSON path of its value (RFC 9535), so that what the service says of a path stands beside
the field. What is empty is not there: no statement. `#empty` states an empty list or object, `#lines` holds a
list of texts, `#NAME` one ticked name of a list of names, `#json` what only a document can say.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from devicepolicy.policies.errors import Fault
from devicepolicy.policies.schema import ROOT, FieldSchema, Schemas

ROOT_PATH = "$"
EMPTY, LINES, JSON_TEXT = "empty", "lines", "json"
CLOCKS = frozenset(
    {
        ("WeeklyWindow", "startMinutes"),
        ("WeeklyWindow", "endMinutes"),
        ("SystemUpdate", "startMinutes"),
        ("SystemUpdate", "endMinutes"),
    }
)
"""Minutes of the day: people write them as a time of the day."""
_SILENT = frozenset({("WeeklyWindow", "day")})
"""Given by the form itself: a row that has nothing else is an empty row."""
_NAME = re.compile(r"\$(?:\.[A-Za-z0-9]+|\[\d{1,4}\])+(?:#[A-Za-z0-9_]+)?")
_STEP = re.compile(r"\.([A-Za-z0-9]+)|\[(\d+)\]")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_ABSENT = object()
_TOP = FieldSchema(type="object", of=ROOT)


@dataclass(slots=True)
class _Node:
    """What was typed at one place of the document."""

    text: str = ""
    marks: dict[str, str] = field(default_factory=dict)
    fields: dict[str, "_Node"] = field(default_factory=dict)
    items: dict[int, "_Node"] = field(default_factory=dict)


def is_field(name: str) -> bool:
    """Tell whether a form's field is one of the document."""
    return len(name) <= 500 and _NAME.fullmatch(name) is not None


def written(document: Mapping[str, Any], schemas: Schemas) -> dict[str, str]:
    """Give the fields that say what a document says."""
    return dict(_write(document, _TOP, ROOT_PATH, schemas))


def tidy(fields: Mapping[str, str], schemas: Schemas) -> dict[str, str]:
    """Leave empty rows out and number the rest, so that names are the paths of the document."""
    return dict(_names(_pruned(_tree(fields), _TOP, schemas), ROOT_PATH))


def read(fields: Mapping[str, str], schemas: Schemas) -> tuple[dict[str, Any], tuple[Fault, ...]]:
    """Give the document that the fields of a tidy form say, and what is no JSON of it.

    What does not read as its type stays as it was typed: whether it is acceptable is for the service to say.
    """
    faults: list[Fault] = []
    value = _value(_tree(fields), _TOP, ROOT_PATH, ("", ""), _Reading(schemas, faults))
    return (value if isinstance(value, dict) else {}), tuple(faults)


def without(fields: Mapping[str, str], path: str) -> dict[str, str]:
    """Take everything at a path out of a form."""
    return {name: text for name, text in fields.items() if not under(name, path)}


def under(name: str, path: str) -> bool:
    """Tell whether a name or path is this path or lies below it."""
    return name == path or (name.startswith(path) and name[len(path)] in ".[#")


def json_fault(error: Exception, path: str) -> Fault:
    """Say where a text is no JSON."""
    if isinstance(error, json.JSONDecodeError):
        at = f"{error.lineno}:{error.colno}"
        zh, en = f"第 {error.lineno} 行第 {error.colno} 列不是合法的 JSON。", f"Not JSON at line {at}."
        return Fault(path, "json", zh, en)
    return Fault(path, "json", "嵌套过深。", "Nested too deeply.")


@dataclass(frozen=True, slots=True)
class _Reading:
    schemas: Schemas
    faults: list[Fault]


def _tree(fields: Mapping[str, str]) -> _Node:
    root = _Node()
    for name, text in fields.items():
        path, _, mark = name.partition("#")
        node = root
        for step in _STEP.finditer(path):
            if step[1] is not None:
                node = node.fields.setdefault(step[1], _Node())
            else:
                node = node.items.setdefault(int(step[2]), _Node())
        if mark:
            node.marks[mark] = text.replace("\r\n", "\n")
        else:
            node.text = text.replace("\r\n", "\n")
    return root


def _pruned(node: _Node, schema: FieldSchema | None, schemas: Schemas) -> _Node:
    known = schemas.fields(schema.of) if schema and schema.of else {}
    item = schema.items if schema else None
    rows = (_pruned(node.items[index], item, schemas) for index in sorted(node.items))
    return _Node(
        node.text,
        {mark: text for mark, text in node.marks.items() if text},
        {name: _pruned(child, known.get(name), schemas) for name, child in node.fields.items()},
        dict(enumerate(row for row in rows if _says(row, item.of if item else ""))),
    )


def _says(node: _Node, of: str) -> bool:
    told = (child for name, child in node.fields.items() if (of, name) not in _SILENT)
    return bool(node.text or node.marks or node.items) or any(_says(child, "") for child in told)


def _names(node: _Node, path: str) -> Iterator[tuple[str, str]]:
    if path != ROOT_PATH and not (node.fields or node.items or node.marks):
        yield path, node.text
    for mark, text in node.marks.items():
        yield f"{path}#{mark}", text
    for name, child in node.fields.items():
        yield from _names(child, f"{path}.{name}")
    for index, child in node.items.items():
        yield from _names(child, f"{path}[{index}]")


def _write(value: Any, schema: FieldSchema, path: str, schemas: Schemas) -> Iterator[tuple[str, str]]:
    if schema.type in {"json", "any"}:
        yield f"{path}#{JSON_TEXT}", json.dumps(value, ensure_ascii=False)
    elif isinstance(value, Mapping):
        if not value and path != ROOT_PATH:
            yield f"{path}#{EMPTY}", "1"
        known = schemas.fields(schema.of) if schema.of else {}
        for name, inner in value.items():
            below = known.get(name, FieldSchema(type="any"))
            if (schema.of, name) in CLOCKS and type(inner) is int:
                yield f"{path}.{name}", "{:02d}:{:02d}".format(*divmod(inner, 60))
            else:
                yield from _write(inner, below, f"{path}.{name}", schemas)
    elif isinstance(value, list | tuple):
        yield from _write_list(value, schema, path, schemas)
    elif isinstance(value, bool):
        yield path, "true" if value else "false"
    elif value is not None:
        text = str(value)
        yield path, text.removesuffix("s") if schema.type == "duration" else text


def _write_list(value: Any, schema: FieldSchema, path: str, schemas: Schemas) -> Iterator[tuple[str, str]]:
    if not value:
        yield f"{path}#{EMPTY}", "1"
    elif schema.items is not None and schema.items.type == "enum":
        yield from ((f"{path}#{one}", str(number)) for number, one in enumerate(value, 1))
    elif schema.items is not None and schema.items.type == "object":
        for index, item in enumerate(value):
            yield from _write(item, schema.items, f"{path}[{index}]", schemas)
    else:
        yield f"{path}#{LINES}", "\n".join(str(one) for one in value)


def _value(
    node: _Node, schema: FieldSchema | None, path: str, place: tuple[str, str], reading: _Reading
) -> Any:
    match schema.type if schema else "":
        case "json" | "any":
            return _json(node.marks.get(JSON_TEXT, ""), path, reading)
        case "object":
            return _object(node, schema, path, reading)
        case "list":
            return _list(node, schema, path, reading)
        case _:
            return _leaf(node.text, schema, place) if node.text else _ABSENT


def _object(node: _Node, schema: FieldSchema | None, path: str, reading: _Reading) -> Any:
    of = schema.of if schema else ""
    known = reading.schemas.fields(of)
    found = {
        name: _value(child, known.get(name), f"{path}.{name}", (of, name), reading)
        for name, child in node.fields.items()
    }
    told = {name: value for name, value in found.items() if value is not _ABSENT}
    return told if told or EMPTY in node.marks else _ABSENT


def _list(node: _Node, schema: FieldSchema | None, path: str, reading: _Reading) -> Any:
    item = schema.items if schema else None
    made: list[Any] = []
    if item is not None and item.type == "object":
        rows = (_value(node.items[n], item, f"{path}[{n}]", ("", ""), reading) for n in sorted(node.items))
        made = [row for row in rows if row is not _ABSENT]
    elif item is not None and item.type == "enum":
        # A tick's value is its place in the document: the form changes no order that somebody wrote.
        ticked = [mark for mark in node.marks if mark not in {EMPTY, LINES, JSON_TEXT}]
        made = sorted(ticked, key=lambda mark: _rank(node.marks[mark]))
    else:
        lines = (line.strip() for line in node.marks.get(LINES, "").split("\n"))
        made = [line for line in lines if line]
    return made if made or EMPTY in node.marks else _ABSENT


def _rank(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 10**6


def _leaf(text: str, schema: FieldSchema | None, place: tuple[str, str]) -> Any:
    kind = schema.type if schema else "string"
    clock = _CLOCK.fullmatch(text.strip()) if place in CLOCKS else None
    if clock is not None and int(clock[2]) < 60:
        return int(clock[1]) * 60 + int(clock[2])
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind == "duration" and text.strip().isdecimal():
        return f"{text.strip()}s"
    if kind in {"integer", "number"}:
        figure = _figure(text.strip(), whole=kind == "integer")
        return text if figure is None else figure
    return text


def _figure(text: str, *, whole: bool) -> float | int | None:
    if re.fullmatch(r"-?\d{1,15}", text):
        return int(text)
    return float(text) if not whole and re.fullmatch(r"-?\d{1,15}\.\d{1,15}", text) else None


def _json(text: str, path: str, reading: _Reading) -> Any:
    if not text.strip():
        return _ABSENT
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        reading.faults.append(json_fault(error, path))
        return text
