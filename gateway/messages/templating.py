"""Template texts: variables in double braces, checked wording, filling in. Pure.

A variable has a kind that its value must fit, so that a template cannot carry a number or a link in.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.contact.model import Purpose
from gateway.messages.rulefile import Wording
from gateway.messages.screening.detect import Allowed, detect

_VARIABLE = re.compile(r"\{\{([a-z][a-z0-9_]{0,30})\}\}")
MAX_VALUE = 60


class VariableKind(StrEnum):
    """What a value may look like."""

    TEXT = "text"
    AMOUNT = "amount"
    DATE = "date"
    COUNT = "count"
    LAST_FOUR = "last_four"


_SHAPES: Mapping[VariableKind, re.Pattern[str]] = {
    VariableKind.TEXT: re.compile(r"[^\x00-\x1f{}]{1,60}"),
    VariableKind.AMOUNT: re.compile(r"\d{1,3}(,\d{3}){0,4}(\.\d{1,2})?|\d{1,12}(\.\d{1,2})?"),
    VariableKind.DATE: re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}月\d{1,2}日|\d{4}年\d{1,2}月\d{1,2}日"),
    VariableKind.COUNT: re.compile(r"\d{1,6}"),
    VariableKind.LAST_FOUR: re.compile(r"\d{4}"),
}


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that the sender fills."""

    name: str
    kind: VariableKind


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing that is wrong with a template or a value; it never quotes the value."""

    code: str
    zh: str
    en: str


def names_in(text: str) -> tuple[str, ...]:
    """Give the variables of a text, each once, in order."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


def flaws_of(
    text: str, variables: tuple[Variable, ...], purpose: Purpose, wording: Wording, allowed: Allowed
) -> tuple[Flaw, ...]:
    """Check a template's text: required wording, declared variables, no contact data."""
    flaws = []
    if len(text) > wording.max_length:
        flaws.append(
            Flaw("too-long", f"最多 {wording.max_length} 字。", f"At most {wording.max_length} characters.")
        )
    flaws += [
        Flaw(need.id, need.zh, need.en)
        for need in wording.required[purpose]
        if not any(option in text for option in need.any_of)
    ]
    declared, used = {variable.name for variable in variables}, set(names_in(text))
    house = set(wording.house_variables)
    flaws += [
        Flaw("undeclared", f"变量 {name} 未声明。", f"The variable {name} is not declared.")
        for name in sorted(used - declared - house)
    ]
    flaws += [
        Flaw("unused", f"变量 {name} 未使用。", f"The variable {name} is not used.")
        for name in sorted(declared - used)
    ]
    flaws += [
        Flaw("house-name", f"{name} 是系统变量。", f"{name} is a variable of the house.")
        for name in sorted(declared & house)
    ]
    plain = _VARIABLE.sub("", text)
    if "{{" in plain or "}}" in plain:
        flaws.append(Flaw("braces", "变量写法有误。", "A variable is malformed."))
    if detect(plain, allowed):
        flaws.append(Flaw("contact-data", "模板不得含联系方式。", "A template holds no contact data."))
    return tuple(flaws)


def value_flaws(
    values: Mapping[str, str], variables: tuple[Variable, ...], allowed: Allowed
) -> tuple[Flaw, ...]:
    """Check what a sender filled in."""
    flaws, kinds = [], {variable.name: variable.kind for variable in variables}
    for name in sorted(set(values) ^ set(kinds)):
        shown = name if name in kinds else "*"
        flaws.append(Flaw("variables", f"变量不符：{shown}。", f"The variables do not fit: {shown}."))
    for name, kind in kinds.items():
        value = unicodedata.normalize("NFKC", values.get(name, "")) if name in values else None
        if value is None:
            continue
        if not _SHAPES[kind].fullmatch(value):
            flaws.append(
                Flaw("value", f"变量 {name} 的值格式不符。", f"The value of {name} has the wrong form.")
            )
        elif kind is VariableKind.TEXT and detect(value, allowed):
            flaws.append(
                Flaw("value", f"变量 {name} 不得含联系方式。", f"{name} must not hold contact data.")
            )
    return tuple(flaws)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put the values in, once: a value is never read as a template."""
    return _VARIABLE.sub(lambda match: values[match.group(1)], text)
