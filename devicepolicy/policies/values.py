"""Checks one value of a document against its schema. Pure."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from core.ledger.record import JSON
from devicepolicy.policies.errors import Fault
from devicepolicy.policies.schema import FieldSchema, Schemas

PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+")
_TEXTS = {
    "int64": (
        re.compile(r"-?(0|[1-9]\d{0,18})"),
        "应为整数的字符串。",
        "This must be a whole number as text.",
    ),
    "duration": (
        re.compile(r"(0|[1-9]\d{0,11})s"),
        "应为以 s 结尾的整秒数，如 86400s。",
        "This must be whole seconds ending with s, e.g. 86400s.",
    ),
    "bytes": (re.compile(r"[A-Za-z0-9+/_-]*={0,2}"), "应为 Base64。", "This must be Base64."),
}
_INT32 = 2**31
_MAX_TEXT, _MAX_ITEMS = 4096, 1000


def value_faults(value: JSON, field: FieldSchema, path: str, schemas: Schemas) -> Iterator[Fault]:
    """Give what is wrong with a value and everything inside it."""
    match field.type:
        case "boolean":
            if not isinstance(value, bool):
                yield Fault(path, "type", "应为 true 或 false。", "This must be true or false.")
        case "integer" | "number":
            yield from _figure(value, field, path)
        case "enum":
            yield from _enum(value, field, path, schemas)
        case "list":
            yield from _list(value, field, path, schemas)
        case "object":
            yield from _object(value, field, path, schemas)
        case "json":
            if not isinstance(value, Mapping):
                yield Fault(path, "type", "应为对象。", "This must be an object.")
        case "any":
            pass
        case _:
            yield from _text(value, field, path)


def _figure(value: JSON, field: FieldSchema, path: str) -> Iterator[Fault]:
    whole = field.type == "integer"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        zh, en = (
            ("应为整数。", "This must be a whole number.")
            if whole
            else ("应为数字。", "This must be a number.")
        )
        yield Fault(path, "type", zh, en)
        return
    low = 0.0 if field.minimum is None and whole else field.minimum
    high = float(_INT32 - 1) if field.maximum is None and whole else field.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        yield Fault(
            path, "range", f"应在 {low:g} 与 {high:g} 之间。", f"This must be between {low:g} and {high:g}."
        )


def _text(value: JSON, field: FieldSchema, path: str) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield Fault(path, "type", "应为字符串。", "This must be a string.")
    elif len(value) > (field.maximum or _MAX_TEXT):
        yield Fault(path, "range", "文字过长。", "This text is too long.")
    elif field.type in _TEXTS:
        form, zh, en = _TEXTS[field.type]
        if not form.fullmatch(value):
            yield Fault(path, "form", zh, en)
    elif field.pattern == "package" and not PACKAGE.fullmatch(value):
        yield Fault(path, "form", "应为应用包名。", "This must be the package name of an app.")


def _enum(value: JSON, field: FieldSchema, path: str, schemas: Schemas) -> Iterator[Fault]:
    good = [one for one in field.values if _usable(one, field)]
    if isinstance(value, str) and value in good:
        return
    options = "、".join(good), ", ".join(good)
    if isinstance(value, str) and value in field.deprecated_values:
        hint = schemas.deprecated_values[value]
        yield Fault(path, "deprecated", f"该取值已弃用。{hint.zh}", f"This value is deprecated. {hint.en}")
    elif isinstance(value, str) and value in field.values:
        zh, en = "未指定即不写此字段。", "Leave the field out instead."
        yield Fault(path, "unspecified", zh, en)
    else:
        text = value.upper() if isinstance(value, str) else ""
        ends = [one for one in good if text and one.endswith(f"_{text}")]
        close = ends or get_close_matches(text, good, n=1)
        zh = f"只能是：{options[0]}。" + (f"是否为 {close[0]}？" if close else "")
        en = f"This must be one of: {options[1]}." + (f" Did you mean {close[0]}?" if close else "")
        yield Fault(path, "enum", zh, en)


def _usable(value: str, field: FieldSchema) -> bool:
    return value not in field.deprecated_values and not value.endswith("_UNSPECIFIED")


def _list(value: JSON, field: FieldSchema, path: str, schemas: Schemas) -> Iterator[Fault]:
    if not isinstance(value, list | tuple) or field.items is None:
        yield Fault(path, "type", "应为数组。", "This must be an array.")
        return
    most = int(field.maximum or _MAX_ITEMS)
    if len(value) > most:
        yield Fault(path, "range", f"最多 {most} 项。", f"At most {most} items.")
        return
    for number, item in enumerate(value):
        yield from value_faults(item, field.items, f"{path}[{number}]", schemas)


def _object(value: JSON, field: FieldSchema, path: str, schemas: Schemas) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield Fault(path, "type", "应为对象。", "This must be an object.")
        return
    fields = schemas.fields(field.of)
    for name, inner in value.items():
        here = f"{path}.{name[:60]}"
        if name not in fields:
            yield Fault(here, "unknown", "没有此字段。", "There is no such field.")
        elif fields[name].deprecated:
            yield Fault(here, "deprecated", "该字段已弃用。", "This field is deprecated.")
        else:
            yield from value_faults(inner, fields[name], here, schemas)
