"""The capability table: every setting a policy may have, how it is done on a phone, and what it needs."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from devicepolicy.capabilities.facts import Backend, Mode
from devicepolicy.capabilities.orders import Order, read_order
from devicepolicy.capabilities.paths import pattern_of

DATA = Path(__file__).parent / "data" / "capabilities.v1.yaml"
_OWNED = frozenset({Mode.FULLY_MANAGED, Mode.DEDICATED, Mode.WORK_PROFILE_COMPANY_OWNED})
MODES: Mapping[str, frozenset[Mode]] = {
    "all": frozenset(Mode),
    "owned": _OWNED,
    "managed": frozenset({Mode.FULLY_MANAGED, Mode.DEDICATED}),
    "dedicated": frozenset({Mode.DEDICATED}),
    "profile": frozenset({Mode.WORK_PROFILE_COMPANY_OWNED, Mode.WORK_PROFILE_PERSONALLY_OWNED}),
    "owned_profile": frozenset({Mode.WORK_PROFILE_COMPANY_OWNED}),
}


def _modes(told: Any) -> Any:
    return MODES[told] if isinstance(told, str) and told in MODES else told


def _order(told: Any) -> Order:
    return read_order(told)


class Capability(BaseModel):
    """One setting. `path` has `[]` where a list's item is named, e.g. `applications[].installType`."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    group: str
    key: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    zh: str
    en: str
    path: str
    order: Annotated[Any, BeforeValidator(_order)]
    min_api: int = Field(ge=21)
    value_api: Mapping[str, int] = {}
    modes: Annotated[frozenset[Mode], BeforeValidator(_modes)]
    user_manager: tuple[str, ...] = ()
    dpm: tuple[str, ...] = ()
    huawei: tuple[str, ...] = ()
    openharmony: Mapping[str, int] = {}
    agent: frozenset[Backend] = frozenset()
    level_from: Literal["amapi", "android"]
    unset: str | None = None
    """What holds where no policy speaks of it, if that is one of its values."""
    note_zh: str = ""
    note_en: str = ""

    @property
    def backends(self) -> frozenset[Backend]:
        """Through what this can be carried out."""
        found = set(self.agent)
        if self.user_manager or self.dpm:
            found.add(Backend.ANDROID)
        if self.huawei:
            found.add(Backend.HUAWEI)
        if self.openharmony:
            found.add(Backend.OPENHARMONY)
        return frozenset(found)

    @property
    def own(self) -> bool:
        """Whether AMAPI has no word for it."""
        return self.path.startswith("maskline.")


class SourceNote(BaseModel):
    """Where a column comes from, and whether it was read or is from memory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    url: str = ""
    read: bool


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    as_of: Any
    sources: Mapping[str, SourceNote]
    lists: Mapping[str, str]
    capabilities: tuple[Capability, ...]


@dataclass(frozen=True, slots=True)
class CapabilityTable:
    """All capabilities by path, the lists whose items have a key, and a digest of the file."""

    version: str
    digest: str
    sources: Mapping[str, SourceNote]
    lists: Mapping[str, str]
    rows: Mapping[str, Capability]

    def __iter__(self) -> Iterator[Capability]:
        return iter(self.rows.values())

    def of(self, setting: str) -> Capability | None:
        """Give the row of a setting (`applications[com.tencent.mm].installType`)."""
        return self.rows.get(pattern_of(setting))

    def leads_on(self, pattern: str) -> bool:
        """Whether rows lie below this path."""
        return any(path.startswith((f"{pattern}.", f"{pattern}[")) for path in self.rows)


@cache
def table(path: Path = DATA) -> CapabilityTable:
    """Read the table; raise `ValueError` where it contradicts itself."""
    raw = path.read_bytes()
    file = _File.model_validate(yaml.safe_load(raw))
    rows = {row.path: row for row in file.capabilities}
    if len(rows) != len(file.capabilities) or len({row.key for row in rows.values()}) != len(rows):
        raise ValueError("a path or a key stands twice in the capability table")
    for row in rows.values():
        if not row.backends:
            raise ValueError(f"{row.key}: nothing carries it out")
    return CapabilityTable(file.version, hashlib.sha256(raw).hexdigest(), file.sources, file.lists, rows)
