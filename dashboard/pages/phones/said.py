"""What a setting says, in people's words: the value that a policy has, beside its name."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.ledger.record import JSON
from dashboard.render import catalogue, translate
from devicepolicy.capabilities.paths import steps_of
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.uploads.catalogue import catalogue as conduct_catalogue
from devicepolicy.uploads.model import EventKind

_UNITS = (("Hours", "hours"), ("Minutes", "minutes"), ("Days", "days"), ("Seconds", "seconds"))
_ENDINGS = ("USER_CHOICE", "DISALLOWED", "DISABLED", "BLOCKED", "ALLOWED", "ENFORCED", "ENABLED")
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Said:
    """A setting for people. `of`: the app or rule that it concerns; `value`: in words.

    `raw` is the value as the document has it; `plain` is false where there are no words for it.
    """

    name: str
    title: str
    of: str
    value: str
    raw: str
    plain: bool


def said(name: str, value: JSON, language: str, table: CapabilityTable) -> Said:
    """Put one setting into words. None: the document does not mention it."""
    row = table.of(name)
    title = (row.zh if language == "zh" else row.en) if row else name
    of = ", ".join(_app(step.key, language) for step in steps_of(name) if step.key is not None)
    raw = "" if value is None else json.dumps(value, ensure_ascii=False)
    words = translate(language, "value.absent") if value is None else value_words(name, value, language)
    return Said(name, title, of, raw if words is None else words, raw, words is not None)


def value_words(name: str, value: JSON, language: str) -> str | None:
    """Put a value into words; None where it is something that only the document can say."""
    field = name.rpartition(".")[2]
    match value:
        case bool():
            forbids = field.endswith("Disabled") and field != "keyguardDisabled"
            return translate(language, f"value.{'forbidden' if forbids else 'yes'}.{str(value).lower()}")
        case int() | float():
            return _figure(field, value, language)
        case str():
            return _text(field, value, language)
        case list() | tuple():
            return _list(field, value, language)
        case Mapping():
            shown = value.get("defaultMessage")
            return shown if isinstance(shown, str) else None
        case _:
            return None


def _figure(field: str, value: float, language: str) -> str:
    unit = next((unit for ending, unit in _UNITS if field.endswith(ending)), None)
    return translate(language, f"value.{unit}", count=value) if unit else f"{value:g}"


def _text(field: str, value: str, language: str) -> str:
    if field == "maximumTimeToLock" and value.isdigit():
        return translate(language, "value.seconds", count=int(value) // 1000)
    if value.endswith("s") and value[:-1].isdigit():
        seconds = int(value[:-1])
        unit, size = ("days", _DAY_S) if seconds and seconds % _DAY_S == 0 else ("seconds", 1)
        return translate(language, f"value.{unit}", count=seconds // size)
    return enum_words(value, language) or _app(value, language)


def enum_words(value: str, language: str) -> str | None:
    """Say a word of AMAPI's or ours: by itself, or by what words of its kind end or begin with."""
    known = catalogue(language)
    if value in EventKind.__members__:
        entry = conduct_catalogue().events[EventKind(value)]
        return entry.zh if language == "zh" else entry.en
    if f"value.is.{value}" in known:
        return known[f"value.is.{value}"]
    if not value.isupper():
        return None
    ending = next((one for one in _ENDINGS if value.endswith(f"_{one}")), None)
    if ending is None and value.startswith(("DISALLOW_", "ALLOW_")):
        ending = "DISALLOWED" if value.startswith("DIS") else "ALLOWED"
    return known[f"value.is.{ending}"] if ending else None


def _list(field: str, value: Sequence[Any], language: str) -> str | None:
    if not value:
        return translate(language, "value.none")
    between = "、" if language == "zh" else ", "
    if all(isinstance(one, str) for one in value):
        return between.join(_text(field, one, language) for one in value)
    if field in {"permittedHours", "hours"}:
        return between.join(_window(one, language) for one in value)
    if field == "permittedPlaces":
        names = [str(place.get("name", "?")) for group in value for place in group.get("anyOf", ())]
        return between.join(names)
    return None


def _window(window: Mapping[str, Any], language: str) -> str:
    begin, end = (divmod(int(window[name]), 60) for name in ("startMinutes", "endMinutes"))
    day = enum_words(str(window["day"]), language) or str(window["day"])
    return f"{day} {begin[0]}:{begin[1]:02d}–{end[0]}:{end[1]:02d}"


def known_apps(language: str) -> list[str]:
    """Give the package names of apps that have a name here."""
    return [key.removeprefix("app.") for key in catalogue(language) if key.startswith("app.")]


def _app(name: str, language: str) -> str:
    return catalogue(language).get(f"app.{name}", name)
