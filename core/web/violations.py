"""Turns pydantic's faults into sentences in two languages that never quote what was sent."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from core.web.errors import RequestInvalid, Violation
from core.web.schema import FieldProblem

# Sentences by pydantic's error type; {…} is filled only from limits that the model itself declares.
_SENTENCES: dict[str, tuple[str, str]] = {
    "missing": ("必填字段缺失。", "This field is required."),
    "extra_forbidden": ("存在未知字段。", "There is an unknown field."),
    "string_type": ("应为字符串。", "This must be a string."),
    "string_too_short": ("长度至少为 {min_length}。", "This needs at least {min_length} characters."),
    "string_too_long": ("长度最多为 {max_length}。", "This may have at most {max_length} characters."),
    "string_pattern_mismatch": ("格式不符合要求。", "This does not have the required form."),
    "int_type": ("应为整数。", "This must be a whole number."),
    "int_parsing": ("应为整数。", "This must be a whole number."),
    "int_from_float": ("应为整数。", "This must be a whole number."),
    "int_parsing_size": ("数字过大。", "This number is too large."),
    "float_type": ("应为数字。", "This must be a number."),
    "float_parsing": ("应为数字。", "This must be a number."),
    "finite_number": ("应为有限数。", "This must be a finite number."),
    "bool_type": ("应为 true 或 false。", "This must be true or false."),
    "bool_parsing": ("应为 true 或 false。", "This must be true or false."),
    "list_type": ("应为数组。", "This must be an array."),
    "tuple_type": ("应为数组。", "This must be an array."),
    "dict_type": ("应为对象。", "This must be an object."),
    "model_type": ("应为对象。", "This must be an object."),
    "model_attributes_type": ("应为对象。", "This must be an object."),
    "too_short": ("至少需要 {min_length} 项。", "This needs at least {min_length} items."),
    "too_long": ("最多允许 {max_length} 项。", "This may have at most {max_length} items."),
    "greater_than": ("必须大于 {gt}。", "This must be greater than {gt}."),
    "greater_than_equal": ("必须不小于 {ge}。", "This must be at least {ge}."),
    "less_than": ("必须小于 {lt}。", "This must be less than {lt}."),
    "less_than_equal": ("必须不大于 {le}。", "This must be at most {le}."),
    "enum": ("只能是：{expected}。", "This must be one of: {expected}."),
    "literal_error": ("只能是：{expected}。", "This must be one of: {expected}."),
    "union_tag_invalid": ("只能是：{expected_tags}。", "This must be one of: {expected_tags}."),
    "union_tag_not_found": ("缺少类型字段。", "The field that names the type is missing."),
    "timezone_aware": ("时间必须带时区。", "This time needs a time zone."),
    "unsafe_text": ("含有不允许的字符。", "This holds characters that are not allowed."),
    "unsafe_number": ("数字过大。", "This number is too large."),
}
_LIMITS = {"min_length", "max_length", "gt", "ge", "lt", "le", "expected", "expected_tags"}
_OTHER = ("取值不符合要求。", "This value is not acceptable.")


def request_invalid(part: str, model: type[BaseModel], error: ValidationError) -> RequestInvalid:
    """Describe the faults of one part of a request ("path", "query", "headers", "body")."""
    known = field_names(model)
    faults = error.errors(include_url=False, include_input=False)
    return RequestInvalid(*(_violation(part, known, fault) for fault in faults[:20]))


def _violation(part: str, known: frozenset[str], fault: ErrorDetails) -> Violation:
    steps = [part]
    for step in fault["loc"]:
        if isinstance(step, int):
            steps.append(str(step))
        elif step in known:
            steps.append(step)
        else:  # a key that the sender chose may itself be personal
            steps.append("*")
    context: Mapping[str, Any] = fault.get("ctx", {})
    own = context.get("error")
    if isinstance(own, FieldProblem):
        return Violation(".".join(steps), own.zh, own.en)
    return sentence(".".join(steps), fault["type"], context)


def sentence(where: str, kind: str, context: Mapping[str, Any] | None = None) -> Violation:
    """Give the violation of a known kind."""
    zh, en = _SENTENCES.get(kind, _OTHER)
    limits = {name: value for name, value in (context or {}).items() if name in _LIMITS}
    try:
        return Violation(where, zh.format(**limits), en.format(**limits))
    except KeyError:
        return Violation(where, *_OTHER)


@lru_cache(maxsize=1024)
def field_names(model: type[BaseModel]) -> frozenset[str]:
    """Collect every property name that the model's schema declares, however deep."""
    return frozenset(_properties(model.model_json_schema(by_alias=True)))


def _properties(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        properties = node.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for child in node.values():
            yield from _properties(child)
    elif isinstance(node, list):
        for child in node:
            yield from _properties(child)
