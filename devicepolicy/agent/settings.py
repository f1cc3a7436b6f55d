"""Every setting a phone can be told, what it needs of the phone, and how to find one in a policy. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .signing import JSON

DATA = Path(__file__).parent / "data"
_STEP = re.compile(r"([A-Za-z0-9]+)(?:\[([^\[\]]*)\])?(?:\.|$)")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the phone is; the server judges by the same facts what can be expected of it."""

    api_level: int = 33
    mode: str = "FULLY_MANAGED"
    backends: tuple[str, ...] = ("ANDROID",)

    def document(self) -> dict[str, JSON]:
        return {"api_level": self.api_level, "mode": self.mode, "backends": list(self.backends)}


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the capability table. `android` and `huawei` name the interfaces a real agent calls."""

    path: str
    key: str
    zh: str
    en: str
    modes: frozenset[str]
    min_api: int
    value_api: Mapping[str, int]
    backends: frozenset[str]
    openharmony_api: int
    android: tuple[str, ...] = ()
    huawei: tuple[str, ...] = ()

    def gap(self, value: JSON, facts: Facts) -> str | None:
        """Say why this phone cannot have this value (AMAPI `NonComplianceReason`); None: it can."""
        usable = self.backends & set(facts.backends)
        if facts.mode not in self.modes:
            return "MANAGEMENT_MODE"
        if not usable:
            return "UNSUPPORTED"
        if facts.api_level < self._needs(value, usable):
            return "API_LEVEL"
        if self.path == "minimumApiLevel" and isinstance(value, int) and facts.api_level < value:
            return "OS_NOT_PERMITTED"
        return None

    def _needs(self, value: JSON, usable: frozenset[str]) -> int:
        if usable == {"OPENHARMONY"}:
            return self.openharmony_api
        values = value if isinstance(value, list) else [value]
        return max([self.min_api, *(self.value_api.get(one, 0) for one in values if isinstance(one, str))])


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole list."""

    version: str
    lists: Mapping[str, str]
    rows: Mapping[str, Setting]

    def of(self, name: str) -> Setting | None:
        """Give the row of a setting such as `applications[com.tencent.mm].installType`."""
        return self.rows.get(re.sub(r"\[[^\[\]]*\]", "[]", name))

    def value(self, policy: Mapping[str, JSON], name: str) -> JSON:
        """Find a setting's value in a policy; raise `KeyError` if it is not there."""
        place: JSON = policy
        path: list[str] = []
        position = 0
        while position < len(name):
            match = _STEP.match(name, position)
            if match is None or not isinstance(place, Mapping) or match[1] not in place:
                raise KeyError(name)
            place = place[match[1]]
            path.append(match[1])
            if match[2] is not None:
                place = self._item(place, ".".join(path), match[2])
            position = match.end()
        return place

    def _item(self, items: JSON, path: str, key: str) -> JSON:
        member = self.lists.get(path)
        if member is not None and isinstance(items, list):
            for item in items:
                if isinstance(item, Mapping) and item.get(member) == key:
                    return item
        raise KeyError(path)


@cache
def known(path: Path = DATA / "settings.json") -> Settings:
    """Read the list that the agent ships, or another of the same form."""
    told = json.loads(path.read_text("utf-8"))
    rows = {
        name: Setting(
            name,
            row["key"],
            row["zh"],
            row["en"],
            frozenset(row["modes"]),
            row["min_api"],
            row["value_api"],
            frozenset(row["backends"]),
            row["openharmony_api"],
            tuple(row["android"]),
            tuple(row["huawei"]),
        )
        for name, row in told["settings"].items()
    }
    return Settings(told["table_version"], told["lists"], rows)
